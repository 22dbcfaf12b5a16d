# SPDX-License-Identifier: Apache-2.0
"""Engines alone, without HTTP or disk: what a card's signature costs in APDUs and time."""

from collections.abc import Iterator
from functools import partial

from tegata.card import Card, CardImage
from tegata.cli.bench.measure import Result, compared
from tegata.cli.bench.primitives import raw_sign
from tegata.codecs import der
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.jpki import Kind, names
from tegata.jpki.oids import CN
from tegata.reader import JpkiSession, personalise, run

_ISSUER_KEY = bytes(16)
_PIN = "1234"
_FEWEST_APDUS = 3
"""SELECT application, VERIFY and COMPUTE DIGITAL SIGNATURE by short identifier: less cannot sign."""


def suite(times: int = 100) -> Iterator[Result]:
    """Yield the card's figures."""
    key = SoftwareKey.generate(Algorithm.RSA_2048)
    card = issued(key)
    counted = Counted(card)
    session = JpkiSession(counted.transmit)
    session.verify(Kind.AUTHENTICATION, _PIN)
    session.sign(Kind.AUTHENTICATION, b"counted")
    apdus = float(counted.count)
    yield Result(
        *("card.sign.apdus", apdus, "APDU", "SELECT, VERIFY, SIGN by short identifier", float(_FEWEST_APDUS)),
        *(apdus / _FEWEST_APDUS, 2.0),
    )
    sign = partial(session.sign, Kind.AUTHENTICATION, b"timed")
    yield compared("card.sign", sign, "raw RSA-2048 sign", raw_sign(key), times=times, aim=1.3)


class Counted:
    """A card that counts what it is asked."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self.count = 0

    def transmit(self, command: bytes) -> bytes:
        """Answer, and count."""
        self.count += 1
        return self._card.transmit(command)


def issued(key: SoftwareKey) -> Card:
    """Return a card in service whose keys are all `key`, with self-made certificates."""
    card = Card(CardImage.blank("card", _ISSUER_KEY, "BENCH"), keys=lambda _: key)
    run(personalise.open_issuer_session(_ISSUER_KEY), card.transmit)
    for kind in Kind:
        run(personalise.generate_key(kind), card.transmit)
    certificate = _certificate(key)
    run(personalise.install({kind: certificate for kind in Kind}, {}), card.transmit)
    run(personalise.set_pins(personalise.Pins(_PIN, "BENCH1", _PIN, _PIN)), card.transmit)
    run(personalise.finish(), card.transmit)
    return card


def _certificate(key: SoftwareKey) -> bytes:
    """Return just enough of a certificate for the card to accept it as one for its key (RFC 5280 §4.1)."""
    scheme = Scheme.RSA_PKCS1_SHA256
    name = names.name((CN, "bench"))
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.null())
    validity = der.sequence(der.tlv(0x17, b"260101000000Z"), der.tlv(0x17, b"360101000000Z"))
    tbs = der.sequence(der.explicit(0, der.integer(2)), der.integer(1), algorithm, name, validity, name, key.spki)
    return der.sequence(tbs, algorithm, der.bit_string(key.sign(scheme, tbs)))
