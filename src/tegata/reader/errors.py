# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between host and card.

ReaderError
├── NotACard          no such application: another card, or none
├── PinRequired       a PIN must be verified first
├── WrongPin          tries_left says how many tries remain
├── Blocked           no try is left
├── BadPinFormat      refused here, before the card could count a try
├── LastTry           refused here: only the last tries are left, and nobody said to risk them
├── SamePin           refused here: the card has called this PIN wrong already
├── NoCertificate     the card carries no certificate of this kind
├── BadContent        a file on the card is not what it should be
├── IssuerRefused     the issuer's key does not fit this card
├── NotAuthentic      the card did not show that it is no copy (`reader.authenticity`)
├── CardRefused       any other status word
├── DialogueError     a recorded dialogue cannot be read, or a card answers it differently
├── CountryError      the running country does not give the card
└── TransportError    no reader, no connection, card removed
"""

from typing import Final

from tegata.messages import TegataError


class ReaderError(TegataError):
    """Root of the errors of this package."""


class NotACard(ReaderError):
    """The card does not have the application (`reader.not_a_card`)."""

    def __init__(self, application: str) -> None:
        super().__init__("reader.not_a_card", application=application)


class PinRequired(ReaderError):
    """The card wants a PIN first (`reader.pin_required`)."""

    def __init__(self) -> None:
        super().__init__("reader.pin_required")


class WrongPin(ReaderError):
    """The PIN was wrong (`reader.wrong_pin`); `tries_left` is what the card still allows."""

    def __init__(self, tries_left: int) -> None:
        super().__init__("reader.wrong_pin", tries_left=tries_left)
        self.tries_left = tries_left


class Blocked(ReaderError):
    """The PIN is blocked (`reader.pin_blocked`), by this try or an earlier one."""

    tries_left = 0

    def __init__(self) -> None:
        super().__init__("reader.pin_blocked")


class BadPinFormat(ReaderError):
    """The text cannot be this PIN (`reader.pin_format.*`); nothing was sent to the card."""

    def __init__(self, rule: str) -> None:
        if rule == "signing":
            super().__init__("reader.pin_format.signing")
        else:
            super().__init__("reader.pin_format.digits", digits=_DIGITS.get(rule, 4))


_DIGITS: Final = {"number_a": 12, "number_b": 14, "birth": 6}


class LastTry(ReaderError):
    """So few tries are left that only an explicit wish risks them (`reader.last_try`); nothing was sent to the card."""

    def __init__(self, tries_left: int) -> None:
        super().__init__("reader.last_try", tries_left=tries_left)
        self.tries_left = tries_left


class SamePin(ReaderError):
    """This PIN was wrong before on this card (`reader.same_pin`); nothing was sent to the card."""

    def __init__(self) -> None:
        super().__init__("reader.same_pin")


class NoCertificate(ReaderError):
    """The card carries no such certificate (`reader.no_certificate`)."""

    def __init__(self, kind: str) -> None:
        super().__init__("reader.no_certificate", kind=kind)


class BadContent(ReaderError):
    """A file on the card cannot be read as what it should be (`reader.bad_content`)."""

    def __init__(self, what: str) -> None:
        super().__init__("reader.bad_content", what=what)


class IssuerRefused(ReaderError):
    """The card did not accept the issuer (`reader.issuer_refused`) or its session is over
    (`reader.issuer_session_over`).
    """


class CardRefused(ReaderError):
    """The card answered `sw` where success was expected (`reader.card_refused`)."""

    def __init__(self, step: str, sw: int) -> None:
        super().__init__("reader.card_refused", step=step, sw=f"{sw:04X}")
        self.sw = sw


class DialogueError(ReaderError):
    """A line is none of a dialogue (`reader.dialogue_line`), the card answered otherwise (`reader.dialogue_differs`),
    or a PIN that it needs was not given (`reader.dialogue_pin`).
    """


class CountryError(ReaderError):
    """No country runs (`card.country_not_running`), it has no such card (`card.unknown`), or it refused
    (`card.country_refused`).
    """


class TransportError(ReaderError):
    """The bytes did not get through: `reader.no_reader`, `reader.connection_lost`, `reader.vpcd_unreachable`, …"""
