# SPDX-License-Identifier: Apache-2.0
"""The counter's reader: what is said to a card that lies on it, in three visits.

First the card makes its keys and signs its certification requests; when the authority has certified them, the other
applications make keys of their own, and when what they hold is signed, the card takes everything.  Each visit may be
repeated in full: the first makes new keys (nothing was certified yet), the second finds the keys that are there, the
third writes the same content again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tegata.jpki import Kind
from tegata.municipality.model import Requests
from tegata.reader import Script, Transmit, personalise, run
from tegata.reader.contents import OwnKeys, Place

CardOnCounter = Callable[[str], Transmit]
"""Port: the card of this identifier, just put on the counter's reader; raises `LookupError` when it is not there."""

IssuerKey = Callable[[str], bytes]
"""Port: the issuer's AES key of a card by its identifier; raises `LookupError` for a card that is not ours."""


@dataclass(frozen=True, slots=True)
class CardContent:
    """What goes into a card: certificates by kind, those of the authorities, and the other applications' files."""

    certificates: Mapping[Kind, bytes] = field(repr=False)
    authorities: Mapping[Kind, bytes] = field(repr=False)
    files: Mapping[Place, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter with its reader and the issuer's keys."""

    card_on_counter: CardOnCounter
    issuer_key: IssuerKey

    def make_keys(self, card_id: str, *, with_signing: bool) -> Requests:
        """Have the card make its keys; returns the requests it signed.  Raises `LookupError` or `ReaderError`."""
        return run(_keys(self.issuer_key(card_id), with_signing), self.card_on_counter(card_id))

    def own_keys(self, card_id: str) -> OwnKeys:
        """Have the applications make their own keys where they have none; returns their public halves.  Raises as
        `make_keys`.
        """
        return run(_own_keys(self.issuer_key(card_id)), self.card_on_counter(card_id))

    def write(self, card_id: str, content: CardContent, pins: personalise.Pins) -> None:
        """Write all that the card is to hold and hand it over to its PINs.  Raises `LookupError` or `ReaderError`."""
        run(_content(self.issuer_key(card_id), content, pins), self.card_on_counter(card_id))


def _keys(issuer_key: bytes, with_signing: bool) -> Script[Requests]:
    yield from personalise.open_issuer_session(issuer_key)
    signing = None
    if with_signing:
        yield from personalise.generate_key(Kind.SIGNING)
        signing = yield from personalise.csr(Kind.SIGNING)
    yield from personalise.generate_key(Kind.AUTHENTICATION)
    return Requests(signing, (yield from personalise.csr(Kind.AUTHENTICATION)))


def _own_keys(issuer_key: bytes) -> Script[OwnKeys]:
    yield from personalise.open_issuer_session(issuer_key)
    return (yield from personalise.own_keys())


def _content(issuer_key: bytes, content: CardContent, pins: personalise.Pins) -> Script[None]:
    yield from personalise.open_issuer_session(issuer_key)
    yield from personalise.install(content.certificates, content.authorities)
    yield from personalise.write_contents(content.files)
    yield from personalise.set_pins(pins)
    yield from personalise.finish()
