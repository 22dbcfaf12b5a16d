# SPDX-License-Identifier: Apache-2.0
"""Reading the card or phone that lies on the terminal's reader: one conversation, one PIN at most.

A card wants its PIN.  A phone that a finger has just unlocked has verified it itself, so the terminal first simply
tries to sign when no PIN was given.  The PIN is sent once and never kept.
"""

from dataclasses import dataclass, field

from tegata.jpki import Carrier, Kind
from tegata.kiosk.errors import Declined
from tegata.reader import BadPinFormat, Blocked, Element, JpkiSession, PinRequired, ReaderError, WrongPin

_CARRIERS = {"JPKIAPICCTOKEN2": Carrier.CARD, "JPKIAPGPSETOKEN": Carrier.PHONE}


@dataclass(frozen=True, slots=True)
class Proof:
    """What the carrier gave: its authentication certificate and a signature."""

    certificate: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    carrier: Carrier | None


def read(element: Element | None, pin: str | None, data: bytes) -> Proof:
    """Have the carrier sign `data` with its authentication key.

    Raises `Declined`: `kiosk.no_carrier`, `kiosk.pin_required`, or the reader's own reason with `tries_left` where it
    concerns the PIN.
    """
    if element is None:
        raise Declined("kiosk.no_carrier")
    try:
        element.reset()
        jpki = JpkiSession(element.transmit)
        carrier = _CARRIERS.get(jpki.token())
        certificate = jpki.certificate(Kind.AUTHENTICATION)
        if pin is not None:
            _present(jpki, pin)
        return Proof(certificate, jpki.sign(Kind.AUTHENTICATION, data), carrier)
    except PinRequired as error:
        raise Declined("kiosk.pin_required", clause=None, **_tries(jpki)) from error
    except ReaderError as error:
        raise Declined(error.reason, clause=error.clause, **error.facts) from error


def _present(jpki: JpkiSession, pin: str) -> None:
    try:
        jpki.verify(Kind.AUTHENTICATION, pin)
    except (WrongPin, Blocked) as error:
        raise Declined(error.reason, tries_left=error.tries_left) from error
    except BadPinFormat as error:
        raise Declined(error.reason, clause=error.clause, **{**error.facts, **_tries(jpki)}) from error


def _tries(jpki: JpkiSession) -> dict[str, object]:
    try:
        return {"tries_left": jpki.retries(Kind.AUTHENTICATION)}
    except ReaderError:
        return {}
