# SPDX-License-Identifier: Apache-2.0
"""The counter's reader: what is said to a card that lies on it, in two visits.

First the card makes its keys and signs its certification requests; when the authority has certified them, the card
takes everything else.  Either visit may be repeated in full: the first makes new keys (nothing was certified yet),
the second writes the same content again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tegata.jpki import Kind
from tegata.municipality.model import Certificates, Pins, Requests, Resident
from tegata.reader import Script, Transmit, personalise, run

CardOnCounter = Callable[[str], Transmit]
"""Port: the card of this identifier, just put on the counter's reader; raises `LookupError` when it is not there."""

IssuerKey = Callable[[str], bytes]
"""Port: the issuer's AES key of a card by its identifier; raises `LookupError` for a card that is not ours."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter with its reader and the issuer's keys."""

    card_on_counter: CardOnCounter
    issuer_key: IssuerKey

    def make_keys(self, card_id: str, *, with_signing: bool) -> Requests:
        """Have the card make its keys; returns the requests it signed.  Raises `LookupError` or `ReaderError`."""
        return run(_keys(self.issuer_key(card_id), with_signing), self.card_on_counter(card_id))

    def write(
        self, card_id: str, certificates: Certificates, cas: dict[Kind, bytes], resident: Resident, pins: Pins
    ) -> None:
        """Write all that the card is to hold and hand it over to its PINs.  Raises `LookupError` or `ReaderError`."""
        script = _content(self.issuer_key(card_id), certificates, cas, resident, pins)
        run(script, self.card_on_counter(card_id))


def _keys(issuer_key: bytes, with_signing: bool) -> Script[Requests]:
    yield from personalise.open_issuer_session(issuer_key)
    signing = None
    if with_signing:
        yield from personalise.generate_key(Kind.SIGNING)
        signing = yield from personalise.csr(Kind.SIGNING)
    yield from personalise.generate_key(Kind.AUTHENTICATION)
    return Requests(signing, (yield from personalise.csr(Kind.AUTHENTICATION)))


def _content(
    issuer_key: bytes, certificates: Certificates, cas: dict[Kind, bytes], resident: Resident, pins: Pins
) -> Script[None]:
    yield from personalise.open_issuer_session(issuer_key)
    pair = {Kind.AUTHENTICATION: certificates.authentication}
    if certificates.signing is not None:
        pair[Kind.SIGNING] = certificates.signing
    # The card's text keeps the register's characters; only certificates hold substitutes.
    four = replace(resident.basic_four(), name=resident.name, address=resident.address)
    yield from personalise.install(pair, cas, four, resident.individual_number)
    signing = pins.signing if certificates.signing is not None else None
    yield from personalise.set_pins(personalise.Pins(pins.authentication, signing, pins.card, pins.card))
    yield from personalise.finish()
