# SPDX-License-Identifier: Apache-2.0
"""The card's issuer: signs what is written into the applications beside JPKI, and certifies its own keys for cards.

    root ─┬─► text issuer      signs the digests and the key of the text application
          ├─► surface issuer   signs the records of the surface application
          └─► intermediate ─► card issuer      (GET DATA 00F8 and 7F21)

Keys are made when first needed, kept sealed, and named by key identifiers that are no real card's.  Certificates are
card-verifiable ones; RSA PKCS#1 v1.5 gives the same bytes at every repeat, so nothing but the keys is kept.  The
municipality sends digests only: no name and no number comes here for this.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tegata.authority.ca import Keys
from tegata.authority.errors import Broken, Conflict, NotFound, Refused
from tegata.authority.model import Stage
from tegata.authority.store import Store
from tegata.codecs import der
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.jpki import Carrier, assumptions
from tegata.jpki import card_verifiable as cv
from tegata.jpki.card_verifiable import CardCertificate

DIGEST_SIZES: Final = {
    "text.digests": 32,
    "text.key": 32,
    "surface.birth": 32,
    "surface.face": 96,
    "surface.number": 32,
}
"""What may be signed, and how long its digest is: the face has three in one."""

_NAMES: Final = ("root", "text", "surface", "intermediate", "issuer")
_CODES: Final = "card.codes"
_CERTIFIED: Final = {
    "text": ("root", cv.TEXT, cv.TEXT_CONTENT),
    "surface": ("root", cv.SURFACE, cv.SURFACE_CONTENT),
    "intermediate": ("root", cv.ISD, cv.INTERMEDIATE),
    "issuer": ("intermediate", cv.INTERMEDIATE, cv.CARD_ISSUER),
}
"""Certificate by its subject: who signs it, and the numbers of issuer and subject."""


@dataclass(frozen=True, slots=True)
class SignedContents:
    """Signatures by item, card-verifiable certificates by subject, and the code for the card's face."""

    signatures: Mapping[str, bytes] = field(repr=False)
    certificates: Mapping[str, bytes] = field(repr=False)
    security_code: str = field(repr=False)


class CardIssuer:
    """The keys of the card's issuer and what they sign."""

    def __init__(self, store: Store, keys: Keys, now: Callable[[], datetime], random: Callable[[int], bytes]) -> None:
        self._store = store
        self._make = keys
        self._now = now
        self._random = random
        self._loaded: dict[str, SoftwareKey] = {}
        self._certified: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return "CardIssuer()"

    def roots(self) -> dict[bytes, bytes]:
        """Return the root's public key (DER SPKI) by each key identifier under which it certifies."""
        spki = self._keys()["root"].spki
        return {cv.key_id(number): spki for number in (cv.ISD, cv.SURFACE, cv.TEXT)}

    def sign(self, request_id: str, digests: Mapping[str, bytes]) -> SignedContents:
        """Sign a card's contents; the same digests always get the same answer.

        Raises `NotFound` for a request of which no card was certified, `Conflict` for one that was discarded, and
        `Refused` for a digest that is none.
        """
        request = self._store.request(Carrier.CARD, request_id)
        if request is None:
            raise NotFound("authority.unknown_request")
        if request.stage is Stage.DISCARDED:
            raise Conflict("authority.discarded")
        if any(len(digest) != DIGEST_SIZES.get(item) for item, digest in digests.items()):
            raise Refused("authority.bad_digest")
        keys = self._keys()
        with self._store.act(self._now()) as act:
            act.audit("card.contents_signed", "municipality", request_id=request_id, items=sorted(digests))
        signatures = {item: _signed(keys[item.partition(".")[0]], digest) for item, digest in digests.items()}
        return SignedContents(signatures, self._certificates(), self._security_code(request_id))

    def _keys(self) -> dict[str, SoftwareKey]:
        if not self._loaded:
            if self._store.secret(_CODES) is None:
                self._found()
            for name in _NAMES:
                stored = self._store.secret(f"card.{name}")
                if stored is None:
                    raise Broken("authority.no_ca")
                self._loaded[name] = SoftwareKey.from_pkcs8(stored, own=True)
        return self._loaded

    def _found(self) -> None:
        """Make every key, in one transaction."""
        made = {name: self._make(Algorithm.RSA_2048) for name in _NAMES}
        with self._store.act(self._now()) as act:
            for name, key in made.items():
                act.add_secret(f"card.{name}", key.to_pkcs8())
            act.add_secret(_CODES, self._random(32))
            act.audit("card_issuer.founded", "authority")

    def _certificates(self) -> dict[str, bytes]:
        if not self._certified:
            keys = self._keys()
            for subject, (signer, issuer, number) in _CERTIFIED.items():
                spki = keys[subject].spki
                body = cv.body(cv.key_id(issuer), cv.key_id(number), spki)
                signature = keys[signer].sign(Scheme.RSA_PKCS1_SHA256, body)
                certificate = CardCertificate(cv.key_id(issuer), cv.key_id(number), spki, body, signature)
                self._certified[subject] = certificate.to_bytes()
            if assumptions.value("card.intermediate") == "none":
                del self._certified["issuer"]
        return self._certified

    def _security_code(self, request_id: str) -> str:
        """Return four digits that nobody can guess and every repeat finds again."""
        secret = self._store.secret(_CODES) or b""
        value = hmac.new(secret, request_id.encode(), hashlib.sha256).digest()
        return f"{int.from_bytes(value[:8], 'big') % 10_000:04}"


def _signed(key: SoftwareKey, digest: bytes) -> bytes:
    """RSA PKCS#1 v1.5 over a SHA-256 DigestInfo, which for the face holds three digests one behind the other."""
    return key.sign_padded(der.digest_info("sha256", digest))
