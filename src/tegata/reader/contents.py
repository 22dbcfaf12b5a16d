# SPDX-License-Identifier: Apache-2.0
"""What an issuer writes into the applications beside JPKI, put together from facts, pictures and signatures.

    facts + pictures + the card's own public keys ─► draft ─► its digests ─► (the card's issuer signs) ─► files

Pure functions: who draws, who signs and who writes are elsewhere.  The digests are of what each signature covers, so
the signer needs to see no name and no number.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from tegata.jpki import card_verifiable as cv
from tegata.jpki.attributes import BasicFour, BirthDate
from tegata.reader import files, surface_files

ITEMS: Final = ("text.digests", "text.key", "surface.birth", "surface.face", "surface.number")
"""What the card's issuer signs, named `application.item`; the application says with which of its keys."""

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the card says: the holder's attributes in the register's characters, and the card's own."""

    card_id: str
    municipality_code: str
    expires: date
    four: BasicFour = field(repr=False)
    individual_number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Name, address and number as 1-bit PNG, the photo as JPEG 2000."""

    name: bytes = field(repr=False)
    address: bytes = field(repr=False)
    number: bytes = field(repr=False)
    photo: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Public halves (DER SPKI) of the applications' own signing keys."""

    text: bytes = field(repr=False)
    surface: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """What the card's issuer answers: signatures by item, card-verifiable certificates of its keys by application
    (`isd` has two), and the code that is printed on the face.
    """

    signatures: Mapping[str, bytes] = field(repr=False)
    text_certificate: bytes = field(repr=False)
    surface_certificate: bytes = field(repr=False)
    intermediate: bytes = field(repr=False)
    issuer: bytes = field(repr=False)
    security_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything but the signatures."""

    facts: Facts
    pictures: Pictures = field(repr=False)
    keys: OwnKeys = field(repr=False)
    number_file: bytes = field(repr=False)
    attributes_file: bytes = field(repr=False)

    @property
    def text(self) -> files.TextAttributes:
        """Return the attributes in the text application's codes."""
        return files.TextAttributes.of(self.facts.four)

    def signed_parts(self) -> dict[str, bytes]:
        """Return the bytes that each signature covers, by item; the face's are its three digests."""
        pictures = (self.pictures.name, self.pictures.address, self.pictures.photo)
        return {
            "text.digests": files.digests(self.number_file, self.attributes_file),
            "text.key": files.key_to_sign(self.keys.text),
            "surface.birth": surface_files.birth_to_sign(self.text.birth, self.keys.surface),
            "surface.face": surface_files.face_digests(self.text.birth, self.text.sex, self.keys.surface, pictures),
            "surface.number": surface_files.number_to_sign(self.pictures.number, self.keys.surface),
        }

    def digests(self) -> dict[str, bytes]:
        """Return what is sent to be signed, by item: SHA-256 of each part, the face's 96 bytes as they are."""
        return {
            item: part if item == "surface.face" else hashlib.sha256(part).digest()
            for item, part in self.signed_parts().items()
        }


def draft(facts: Facts, pictures: Pictures, keys: OwnKeys) -> Draft:
    """Put together what is to be signed; raises `BadContent` for a number that is none."""
    number_file = files.individual_number(facts.individual_number)
    return Draft(facts, pictures, keys, number_file, files.attributes(files.TextAttributes.of(facts.four)))


def written(plan: Draft, signed: Signed, code_picture: bytes) -> dict[Place, bytes]:
    """Return the content of every file outside JPKI, by application and file; `code_picture` shows the security code.

    Raises `BadCertificate` when the issuer's certificates are none.
    """
    return _text_files(plan, signed) | _surface_files(plan, signed, code_picture) | _other_files(plan.facts, signed)


def _text_files(plan: Draft, signed: Signed) -> dict[Place, bytes]:
    parts, signatures = plan.signed_parts(), signed.signatures
    return {
        ("text", 0x0001): plan.number_file,
        ("text", 0x0002): plan.attributes_file,
        ("text", 0x0003): files.signed_digests(parts["text.digests"], signatures["text.digests"]),
        ("text", 0x0004): cv.CardCertificate.parse(signed.text_certificate).to_bytes(),
        ("text", 0x0007): files.signed_key(parts["text.key"], signatures["text.key"]),
        ("text", 0x0008): b"\xff" * 16,
    }


def _surface_files(plan: Draft, signed: Signed, code_picture: bytes) -> dict[Place, bytes]:
    parts, signatures = plan.signed_parts(), signed.signatures
    shown = surface_files.SignedFace(
        plan.text.birth,
        plan.text.sex,
        plan.keys.surface,
        plan.pictures.name,
        plan.pictures.address,
        plan.pictures.photo,
        signatures["surface.face"],
        plan.facts.expires.strftime("%Y%m%d"),
        code_picture,
    )
    key_id = cv.key_id(cv.SURFACE_INFO)
    return {
        ("surface", 0x0001): surface_files.birth_record(parts["surface.birth"], signatures["surface.birth"]),
        ("surface", 0x0002): surface_files.face(shown),
        ("surface", 0x0003): surface_files.basic_info(key_id, plan.facts.municipality_code),
        ("surface", 0x0004): cv.CardCertificate.parse(signed.surface_certificate).to_bytes(),
        ("surface", 0x0005): surface_files.number_picture(parts["surface.number"], signatures["surface.number"]),
        ("surface", 0x0006): b"\xff" * 16,
    }


def _other_files(facts: Facts, signed: Signed) -> dict[Place, bytes]:
    expires = facts.expires.strftime("%Y%m%d").encode("ascii")
    code = facts.municipality_code.encode("ascii")
    serial = manufacturing_number(facts.card_id).encode("ascii")
    key_id = hashlib.sha256(b"tegata card key\0" + facts.card_id.encode("ascii")).digest()[:16]
    isd = cv.CardCertificate.parse(signed.intermediate)
    content = {
        ("common", 0x0001): files.record(0x01, serial + code + expires),
        ("common", 0x0002): files.record(0x01, key_id),
        ("juki", 0x0002): files.record(0x01, key_id),
        ("isd", 0x0042): isd.issuer,
        ("isd", 0x00F0): code,
        ("isd", 0x00F2): expires,
        ("isd", 0x00F7): isd.subject,
        ("isd", 0x00F8): isd.inner(),
    }
    if signed.issuer:
        content["isd", 0x7F21] = cv.CardCertificate.parse(signed.issuer).inner()
    return content


def manufacturing_number(card_id: str) -> str:
    """Return the 15 digits of 製造番号 for one of our cards: a 9, and 14 made from its name."""
    return f"9{int.from_bytes(hashlib.sha256(card_id.encode('ascii')).digest()[:8], 'big') % 10**14:014}"


def reference_numbers(facts: Facts, security_code: str) -> tuple[str, str, str]:
    """Return 照合番号A, 照合番号B and the birth date's PIN of a card (card.md: YYMMDD has the year of the era)."""
    short = era_birth(facts.four.birth)
    return facts.individual_number, f"{short}{facts.expires.year:04}{security_code}", short


def era_birth(born: BirthDate) -> str:
    """Return `YYMMDD` with the Japanese era's year, as it stands in 照合番号B; of what is unknown, zeros."""
    first = {1: 1868, 2: 1912, 3: 1926, 4: 1989, 5: 2019}.get(born.era)
    year = 0 if first is None else born.year - first + 1
    return f"{year % 100:02}{born.month:02}{born.day:02}"
