# SPDX-License-Identifier: Apache-2.0
"""Cards on a PC/SC reader, with a pyscard of our own making: what fails there becomes one of our errors."""

import sys
from types import ModuleType
from typing import Any

import pytest

from tegata.jpki import Kind
from tegata.reader import JpkiSession, TransportError, pcsc
from unit.card import kit
from unit.refusal import refused


class SmartcardException(Exception):
    """pyscard's root for readers and cards."""


class BaseSCardException(Exception):
    """pyscard's root for the service."""


class Connection:
    """A connection to a card, or to an empty reader."""

    def __init__(self, reader: "Reader") -> None:
        self._reader = reader
        self.open = False

    def connect(self) -> None:
        """Connect, if there is a card."""
        if self._reader.card is None:
            raise SmartcardException("no card")
        self.open = True

    def transmit(self, command: list[int]) -> tuple[list[int], int, int]:
        """Answer one command, as pyscard does: in lists of numbers."""
        if self._reader.card is None:
            raise self._reader.failure("card removed")
        answer = self._reader.card.transmit(bytes(command))
        return list(answer[:-2]), answer[-2], answer[-1]

    def disconnect(self) -> None:
        """Let go, which fails when the card is gone."""
        self.open = False
        if self._reader.card is None:
            raise SmartcardException("failed to disconnect")


class Reader:
    """One reader with its name."""

    def __init__(self, name: str, card: Any) -> None:
        self._name = name
        self.card = card
        self.failure: type[Exception] = SmartcardException
        self.connections: list[Connection] = []

    def __str__(self) -> str:
        return self._name

    def createConnection(self) -> Connection:  # noqa: N802 -- pyscard's name
        """Return a new connection."""
        self.connections.append(Connection(self))
        return self.connections[-1]


class Desk:
    """The readers on the desk; `failure` stands for a service that is not running."""

    def __init__(self) -> None:
        self.readers: list[Reader] = []
        self.failure: Exception | None = None

    def listed(self) -> list[Reader]:
        """Return the readers, as `smartcard.System.readers` does."""
        if self.failure is not None:
            raise self.failure
        return self.readers


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Put our pyscard where the real one is looked for."""
    made = Desk()
    contents: dict[str, dict[str, Any]] = {
        "smartcard": {},
        "smartcard.pcsc": {},
        "smartcard.System": {"readers": made.listed},
        "smartcard.Exceptions": {"SmartcardException": SmartcardException},
        "smartcard.pcsc.PCSCExceptions": {"BaseSCardException": BaseSCardException},
    }
    for name, members in contents.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    return made


def test_a_card_on_a_reader_speaks(desk: Desk) -> None:
    """The first reader with a card on it, if none is named; afterwards it is let go."""
    desk.readers = [Reader("Empty 00", None), Reader("Full 01", kit.issued())]
    assert pcsc.reader_names() == ["Empty 00", "Full 01"]
    with pcsc.connected() as transmit:
        assert JpkiSession(transmit).retries(Kind.SIGNING) == 5
        assert desk.readers[1].connections[0].open
    assert not desk.readers[1].connections[0].open


def test_a_reader_is_found_by_part_of_its_name(desk: Desk) -> None:
    """And only that one is asked."""
    desk.readers = [Reader("Left", kit.issued()), Reader("Right", kit.issued("gpse"))]
    with pcsc.connected("igh") as transmit:
        assert JpkiSession(transmit).token() == "JPKIAPGPSETOKEN"
    assert desk.readers[0].connections == []


@pytest.mark.parametrize("name", [None, "Full", "Nowhere"])
def test_no_reader_or_no_card(desk: Desk, name: str | None) -> None:
    """One refusal, with what was wanted."""
    desk.readers = [Reader("Full of nothing", None)]
    with refused("reader.no_reader", TransportError) as caught, pcsc.connected(name):
        pass
    assert caught.value.facts == {"wanted": name or "*"}


@pytest.mark.parametrize("failure", [SmartcardException("x"), BaseSCardException("x")])
def test_a_service_that_is_not_running(desk: Desk, failure: Exception) -> None:
    """pcscd is down."""
    desk.failure = failure
    with refused("reader.no_reader", TransportError):
        pcsc.reader_names()


@pytest.mark.parametrize("failure", [SmartcardException, BaseSCardException])
def test_a_card_taken_away_in_the_middle(desk: Desk, failure: type[Exception]) -> None:
    """The error says so, and letting go of what is gone does not hide it."""
    reader = Reader("Full", kit.issued())
    reader.failure = failure
    desk.readers = [reader]

    def go() -> None:
        with pcsc.connected() as transmit:
            reader.card = None
            transmit(b"\x00\xa4\x00\x00")

    with refused("reader.connection_lost", TransportError):
        go()


def test_pyscard_is_asked_for_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the refusal says how to get it."""
    monkeypatch.setitem(sys.modules, "smartcard", None)
    monkeypatch.setitem(sys.modules, "smartcard.System", None)
    monkeypatch.setitem(sys.modules, "smartcard.Exceptions", None)
    with refused("reader.pyscard_missing", TransportError) as caught:
        pcsc.reader_names()
    assert "pip install" in caught.value.text("en").next
