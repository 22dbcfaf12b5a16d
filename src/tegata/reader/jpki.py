# SPDX-License-Identifier: Apache-2.0
"""公的個人認証AP: certificates, PINs and signatures of a card or a phone.

A session selects the application with its first command.  Selecting it again (`select`) makes the card forget what was
verified. The signing password is sent in upper case, as every client of the real card does.
"""

import hashlib
from typing import Final, TypeVar

from tegata.codecs import der
from tegata.crypto.keys import CryptoError, Scheme
from tegata.jpki import Kind, card_map
from tegata.reader import commands, files
from tegata.reader.errors import BadPinFormat, NoCertificate
from tegata.reader.script import Script, Transmit, run

T = TypeVar("T")
_DIGEST_INFO: Final = (Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PKCS1_SHA384, Scheme.RSA_PKCS1_SHA512)


class JpkiSession:
    """A conversation with the JPKI application behind `transmit`.  All methods raise `ReaderError`s."""

    def __init__(self, transmit: Transmit, generation: str = "card") -> None:
        """`generation` is `card` for every card and phone there is, `next` for the rehearsal of the one to come."""
        self._transmit = transmit
        self._selected = False
        self._generation = generation

    def select(self) -> None:
        """Select the application; raises `NotACard`.  Verified PINs are forgotten."""
        run(commands.select_application("jpki", self._generation), self._transmit)
        self._selected = True

    def token(self) -> str:
        """Return the token label: `JPKIAPICCTOKEN2` for a card, `JPKIAPGPSETOKEN` for an Android phone."""
        return files.read_token_label(
            self._run(commands.read_file(card_map.application("jpki").by_role("token_info").id))
        )

    def retries(self, kind: Kind) -> int:
        """Return the tries left for a PIN; 0 means blocked."""
        return self._run(commands.tries_left(card_map.jpki_file("pin", kind)))

    def verify(self, kind: Kind, pin: str) -> None:
        """Present the PIN once.  Raises `BadPinFormat` (nothing sent), `WrongPin`, `Blocked`."""
        self._run(commands.verify(card_map.jpki_file("pin", kind), pin_bytes(kind.value, pin)))

    def certificate(self, kind: Kind) -> bytes:
        """Return the DER certificate.  Raises `PinRequired` where it is guarded, `NoCertificate` if it is missing."""
        return self._certificate("certificate", kind)

    def ca_certificate(self, kind: Kind) -> bytes:
        """Return the DER certificate of the authority; raises `NoCertificate`."""
        return self._certificate("ca_certificate", kind)

    def certificates_present(self) -> frozenset[Kind]:
        """Return which certificates the card carries; needs no PIN."""
        marks = self._run(commands.read_file(card_map.application("jpki").by_role("certificate_flags").id))
        return frozenset(kind for kind, mark in zip((Kind.SIGNING, Kind.AUTHENTICATION), marks, strict=False) if mark)

    def sign(self, kind: Kind, data: bytes, scheme: Scheme | None = None) -> bytes:
        """Hash `data` here and have the card sign the hash, by default with the scheme of its generation.

        PKCS#1 schemes send a DigestInfo with P1=00, PSS a hash with P1=04, ECDSA (next card) a hash with P1=00;
        `RSA_PKCS1_BARE` sends `data` itself.  Raises `PinRequired`, and `CryptoError` for a scheme that cards do not
        have.
        """
        usual = Scheme.default(card_map.profile(self._generation).algorithm)
        scheme = scheme or usual
        if scheme is usual is Scheme.ECDSA_SHA384:
            return self.sign_bare(kind, hashlib.sha384(data).digest())
        if scheme in _DIGEST_INFO:
            digest = hashlib.new(scheme.hash_name, data).digest()
            return self.sign_bare(kind, der.digest_info(scheme.hash_name, digest))
        if scheme is Scheme.RSA_PSS_SHA256:
            return self._sign(kind, 0x04, hashlib.sha256(data).digest())
        if scheme is Scheme.RSA_PKCS1_BARE:
            return self.sign_bare(kind, data)
        raise CryptoError("crypto.scheme_does_not_fit", scheme=scheme.value)

    def sign_bare(self, kind: Kind, digest: bytes) -> bytes:
        """Have the card pad (PKCS#1 v1.5) and sign exactly these bytes: a DigestInfo, or what a protocol asks for."""
        return self._sign(kind, 0x00, digest)

    def change_pin(self, kind: Kind, pin: str, new_pin: str) -> None:
        """Replace a PIN; the old one is presented once.  Raises as `verify`."""
        old, new = pin_bytes(kind.value, pin), pin_bytes(kind.value, new_pin)
        self._run(commands.verify(card_map.jpki_file("pin", kind), old))
        self._run(commands.change("jpki", card_map.jpki_file("pin", kind), new, self._generation))

    def set_first_pin(self, kind: Kind, pin: str) -> None:
        """Set a PIN that was never set, on a phone just loaded; raises `PinRequired` where one is set already."""
        self._run(commands.change("jpki", card_map.jpki_file("pin", kind), pin_bytes(kind.value, pin)))

    def _sign(self, kind: Kind, p1: int, data: bytes) -> bytes:
        return self._run(commands.compute_signature(card_map.jpki_file("key", kind), p1, data))

    def _certificate(self, part: str, kind: Kind) -> bytes:
        content = self._run(commands.read_der(card_map.jpki_file(part, kind)))
        if not content:
            raise NoCertificate(kind.value)
        return content

    def _run(self, script: Script[T]) -> T:
        if not self._selected:
            self.select()
        return run(script, self._transmit)


def pin_bytes(rule: str, pin: str) -> bytes:
    """Return the bytes that a PIN is on the card; raises `BadPinFormat` when it cannot be one.  Signing passwords
    become upper case.
    """
    if not pin.isascii():  # before upper case, which makes SS of ß
        raise BadPinFormat(rule)
    value = (pin.upper() if rule == "signing" else pin).encode("ascii")
    if not card_map.pin_rules()[rule].fits(value):
        raise BadPinFormat(rule)
    return value
