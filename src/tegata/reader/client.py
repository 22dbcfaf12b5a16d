# SPDX-License-Identifier: Apache-2.0
"""The reference client: `with connect(...) as reader`, and one `Reader` for every card, wherever it lies.

    from tegata.reader import connect

    with connect(pcsc="") as reader:                                        # the first PC/SC reader with a card
    with connect(country="http://127.0.0.1:8440", card="hanako") as reader: # a card of a running country
    with connect(card_in_memory) as reader:                                 # any `Element`

A `Reader` keeps track of the selected application, because selecting one makes the card forget the PINs verified in
it: reading what a PIN opens must follow its VERIFY without a SELECT between.  PINs pass a `pins.Guard`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tegata.crypto.keys import Scheme
from tegata.jpki import Kind, card_map
from tegata.reader import authenticity, commands, files, pcsc, pins, surface_files
from tegata.reader.atr import KnownAtr, recognise
from tegata.reader.authenticity import Genuine, Roots
from tegata.reader.country import Country
from tegata.reader.errors import BadPinFormat, Blocked, NoCertificate, NotACard, WrongPin
from tegata.reader.files import TextAttributes
from tegata.reader.jpki import JpkiSession, pin_bytes
from tegata.reader.pins import PinPlace
from tegata.reader.script import Element, Script, run
from tegata.reader.surface_files import SignedFace
from tegata.reader.token import TokenInfo
from tegata.reader.trace import Tracer

T = TypeVar("T")
_CHECKS: Final[Mapping[str, Callable[[Roots, Callable[[int], bytes]], Script[Genuine]]]] = {
    "text": authenticity.text,
    "surface": authenticity.surface,
}


@contextmanager
def connect(
    element: Element | None = None,
    *,
    pcsc: str | None = None,
    country: str | None = None,
    card: str | None = None,
    trace: Callable[[str], None] | None = None,
) -> Iterator["Reader"]:
    """Open a conversation with a card: `element` itself, `card` of a running `country` (its address), or what lies on
    the first PC/SC reader whose name contains `pcsc`, which is also what happens without arguments.

    `trace` is given every line of the dialogue, without PINs.  The card is reset first, so nothing verified by others
    counts.  Raises `ReaderError`s.
    """
    with _opened(element, pcsc, country, card) as found:
        traced = found if trace is None else Tracer(found, trace)
        traced.reset()
        yield Reader(traced)


def _opened(
    element: Element | None, name: str | None, country: str | None, card: str | None
) -> AbstractContextManager[Element]:
    if element is not None:
        return nullcontext(element)
    if country is not None:
        return _of_country(country, card or "")
    return pcsc.opened(name or None)


@contextmanager
def _of_country(url: str, card: str) -> Iterator[Element]:
    country = Country(url)
    try:
        yield country.card(card)
    finally:
        country.close()


@dataclass(frozen=True, slots=True)
class CardInfo:
    """What a card tells everyone: nothing of it needs a PIN or costs a try."""

    token: TokenInfo
    atr: bytes
    known_atr: KnownAtr | None
    applications: tuple[str, ...]
    certificates: frozenset[Kind]
    tries: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the members that scripts read."""
        known = self.known_atr
        return {
            **self.token.to_json(),
            "atr": self.atr.hex().upper(),
            "interface": known.interface if known else None,
            "atr_listed": known.listed if known else False,
            "applications": list(self.applications),
            "certificates": sorted(kind.value for kind in self.certificates),
            "tries_left": self.tries,
        }


class Reader:
    """A conversation with one card or phone.  All methods raise `ReaderError`s; none sends a PIN twice."""

    def __init__(self, element: Element) -> None:
        self._element = element
        self._selected: str | None = None
        self._guard = pins.Guard()
        self._generation = "card"
        self._jpki = JpkiSession(element.transmit)

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._element.atr

    def reset(self) -> None:
        """Power the card off and on: everything verified is forgotten."""
        self._element.reset()
        self._selected = None

    def transmit(self, command: bytes) -> bytes:
        """Send one command as it is; afterwards nothing is known to be selected."""
        self._selected = None
        return self._element.transmit(command)

    # -- what everybody may know ----------------------------------------------------------------------------------

    def info(self) -> CardInfo:
        """Return what the card tells everyone.  Raises `NotACard` when it has no JPKI application."""
        self._enter("jpki")
        present = self._jpki.certificates_present()
        label = self.token()
        applications = tuple(self.applications())
        known = card_map.profile(self._generation).applications
        there = [
            pin.name
            for pin in pins.places().values()
            if pin.application in applications and pin.ef in known[pin.application].efs
        ]
        tries = {name: self.tries_left(name) for name in there}
        return CardInfo(label, self.atr, recognise(self.atr), applications, present, tries)

    def applications(self) -> Iterator[str]:
        """Yield the public applications that the card has."""
        for name in card_map.profile(self._generation).applications:
            if name != "isd" and self._has(name):
                yield name

    def _has(self, application: str) -> bool:
        try:
            self._enter(application)
        except NotACard:
            return False
        return True

    def token(self) -> TokenInfo:
        """Return the token info of the JPKI application."""
        content = self._in("jpki", commands.read_file(card_map.application("jpki").by_role("token_info").id))
        return TokenInfo.parse(content)

    def tries_left(self, pin: str) -> int:
        """Return the tries left of the PIN called `pin`; 0 means blocked.  Costs none."""
        place = pins.place(pin)
        return self._in(place.application, commands.tries_left(place.ef))

    # -- PINs -----------------------------------------------------------------------------------------------------

    def verify_pin(self, pin: str, value: str, *, allow_last_try: bool = False) -> None:
        """Present a PIN once; it holds until another application is selected, or `reset`.

        Raises without sending anything: `BadPinFormat`, `Blocked`, `LastTry`, `SamePin`; after sending: `WrongPin`,
        `Blocked`.
        """
        place = pins.place(pin)
        content = pin_bytes(place.rule.name, value)
        self._guard.admit(place, content, self.tries_left(pin), allow_last_try=allow_last_try)
        self._present(place, content)

    def _present(self, place: PinPlace, content: bytes) -> None:
        try:
            self._in(place.application, commands.verify(place.ef, content))
        except (WrongPin, Blocked):
            self._guard.wrong(place, content)
            raise

    def change_pin(self, pin: str, value: str, new_value: str, *, allow_last_try: bool = False) -> None:
        """Replace a PIN.  The old one is presented once, after a look at the new one.  Raises as `verify_pin`."""
        place = pins.place(pin)
        new = pin_bytes(place.rule.name, new_value)
        if card_map.application(place.application).change is None:
            raise BadPinFormat(place.rule.name)
        self.verify_pin(pin, value, allow_last_try=allow_last_try)
        self._in(place.application, commands.change(place.application, place.ef, new, self._generation))
        self._guard.changed()

    # -- what is on the card --------------------------------------------------------------------------------------

    def certificate(self, kind: Kind) -> bytes:
        """Return a DER certificate.  Raises `PinRequired` (the signing one always wants its PIN), `NoCertificate`."""
        return self._certificate("certificate", kind)

    def ca_certificate(self, kind: Kind) -> bytes:
        """Return the DER certificate of the authority; raises `NoCertificate`."""
        return self._certificate("ca_certificate", kind)

    def _certificate(self, part: str, kind: Kind) -> bytes:
        content = self._in("jpki", commands.read_der(card_map.jpki_file(part, kind)))
        if not content:
            raise NoCertificate(kind.value)
        return content

    def attributes(self) -> TextAttributes:
        """Return name, address, birth and sex of the text application; raises `PinRequired`."""
        return files.read_attributes(self._file("text", "attributes"))

    def individual_number(self) -> str:
        """Return the 12 digits of 個人番号; raises `PinRequired`.  Who may ask for it is limited by law."""
        return files.read_individual_number(self._file("text", "individual_number"))

    def face(self) -> SignedFace:
        """Return what is printed on the card; raises `PinRequired` (one of the reference numbers of `surface`)."""
        return surface_files.read_face(self._file("surface", "face"))

    def authenticity(self, application: str, roots: Roots, random: Callable[[int], bytes] = os.urandom) -> Genuine:
        """Check that the card is no copy, in the application (`text`, `surface`) that a PIN has just opened.

        Raises `NotAuthentic`, which says at which step, and `PinRequired`.
        """
        return self._in(application, _CHECKS[application](roots, random))

    def _file(self, application: str, role: str) -> bytes:
        return self._in(application, commands.read_file(card_map.application(application).by_role(role).id))

    def sign(self, kind: Kind, data: bytes, scheme: Scheme | None = None) -> bytes:
        """Hash `data` here and have the card sign the hash, by default as its generation does; raises `PinRequired`."""
        self._enter("jpki")
        return self._jpki.sign(kind, data, scheme)

    # -- applications ---------------------------------------------------------------------------------------------

    def _in(self, application: str, script: Script[T]) -> T:
        self._enter(application)
        return run(script, self._element.transmit)

    def _enter(self, application: str) -> None:
        if self._selected == application:
            return
        self._selected = None
        if application == "jpki":
            self._enter_jpki()
        else:
            run(commands.select_application(application, self._generation), self._element.transmit)
        self._selected = application

    def _enter_jpki(self) -> None:
        """Select JPKI, where need be that of the next card's rehearsal, whose other applications follow."""
        try:
            self._jpki.select()
        except NotACard as error:
            rehearsal = JpkiSession(self._element.transmit, "next")
            try:
                rehearsal.select()
            except NotACard:
                raise error from None
            self._jpki, self._generation = rehearsal, "next"
