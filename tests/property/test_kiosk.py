# SPDX-License-Identifier: Apache-2.0
"""The kiosk's invariant under everything that went wrong in public: the subject of the authenticated certificate is
the subject of every page printed, one sheet at most, money only for a sheet.

People come to two terminals in any order, put down any card, press in any order; answers are late, lines are cut,
centre, municipality and terminals die in the middle and start again, certificates are revoked, time runs out.
"""

import asyncio
import contextlib
import functools
import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pypdf
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from tegata.card import Card
from tegata.codecs import der
from tegata.jpki import Carrier, Kind
from tegata.kiosk import binding
from tegata.kiosk.errors import ForeignDocument, KioskError
from tegata.kiosk.terminal.config import Config
from tegata.kiosk.terminal.model import Choice, Session, State
from tegata.kiosk.terminal.service import Terminal
from tegata.reader import Element
from unit.kiosk import kit

TERMINALS = 2
PEOPLE = range(len(kit.NAMES))
SLOW = ("/transactions", "/proof", "/document", "/documents/residence-certificate", "/ocsp/authentication", "/holders")
PARTIES = ("delivery", "municipality", "ocsp", "authority")
TROUBLES = ("slow", "slow", "cut", "centre dies", "municipality dies", "terminal dies", "revoked", "time passes")
TURNS = (0, 5, 25, 300)
"""How long an onlooker waits after a button was pressed: not at all, or until somewhere in the middle, or the end."""
OFTEN = ("come", "authenticate", "pay", "print", "print", "print at once", "slow print", "slow print", "slow print")
SELDOM = ("choose", "put down", "cancel", "mend")
ENDS = {State.PRINTED, State.REFUSED, State.REFUNDED, State.CANCELLED, State.EXPIRED}
DAYS = 500 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 12
PAID = {State.PAID, State.PRINTING, State.PRINTED}


@dataclass
class Visit:
    """One session as an onlooker sees it."""

    terminal: int
    session_id: str
    sheets: list[bytes] = field(default_factory=list)
    end: State | None = None
    whose: int | None = None
    digest: bytes = b""
    revoked_before_print: bool = False
    terminal_died: bool = False


@dataclass(frozen=True)
class Step:
    """One thing that happens, and to whom; each kind of step takes what it needs."""

    what: str
    visit: int
    person: int
    number: int
    turns: int
    meanwhile: str


STEPS = st.builds(
    Step,
    what=st.sampled_from((*OFTEN, *SELDOM, *TROUBLES)),
    visit=st.integers(0, 7),
    person=st.sampled_from(PEOPLE),
    number=st.integers(0, 5),
    turns=st.sampled_from(TURNS),
    meanwhile=st.sampled_from(("cancel", "cancel", "time passes", "again", "another", *TROUBLES)),
)


class Watched:
    """A card that tells an onlooker who signed what: the person, and the DigestInfo that her card was given."""

    def __init__(self, card: Card, person: int, signed: set[tuple[int, bytes]]) -> None:
        self._card, self._person, self._signed = card, person, signed

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._card.atr

    def reset(self) -> None:
        """Lose power."""
        self._card.reset()

    def transmit(self, command: bytes) -> bytes:
        """Pass a command on, and note a signature that was made."""
        answer = self._card.transmit(command)
        if command[:2] == b"\x80\x2a" and answer.endswith(b"\x90\x00"):
            self._signed.add((self._person, command[5 : 5 + command[4]]))
        return answer


class Day:
    """Two terminals, three people, one centre, from morning to evening."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="tegata-kiosk-")
        self.loop = asyncio.Runner()
        self.country = self.loop.run(self._country())
        self.readers: list[Element | None] = [None] * TERMINALS
        self.signed: set[tuple[int, bytes]] = set()
        self.terminals = [self._open(number) for number in range(TERMINALS)]
        self.pressed: list[tuple[Visit, asyncio.Task[None]]] = []
        self.all: list[Visit] = []

    async def _country(self) -> kit.Country:
        return kit.Country(Path(self.folder.name))

    def _open(self, number: int) -> Terminal:
        return Terminal.open(
            Config(kit.URL, "terminal-token", f"kiosk-{number}"),
            self.country.clock,
            self.country.http,
            Path(self.folder.name) / f"terminal-{number}.db",
            carrier_on_reader=lambda: self.readers[number],
        )

    def happen(self, step: Step) -> None:
        """Let one thing happen."""
        visit = self.all[step.visit % len(self.all)]
        other = self.all[step.number % len(self.all)]
        terminal = step.visit % TERMINALS
        happenings: dict[str, Callable[[], object]] = {
            "choose": lambda: self.choose(terminal, step.number % 2 == 1),
            "put down": lambda: self.put_down(terminal, step.person, Carrier.PHONE),
            "authenticate": lambda: self.authenticate(visit, step.person, step.turns),
            "pay": lambda: self.pay(visit),
            "print": lambda: self.print(visit, step.turns),
            "print at once": lambda: self.print_at_once(visit, other, step.turns),
            "come": lambda: self.come(terminal, step.person),
            "slow print": lambda: self.slow_print(terminal, step),
            "cancel": lambda: self.cancel(visit),
            "mend": self.mend,
        }
        happenings.get(step.what, lambda: self.trouble(step.what, step.number))()
        self.everything_is_as_it_should_be()

    def evening(self) -> None:
        """Mend everything, let everybody finish, and look at what is left."""
        self.mend()
        self.loop.run(self._spin(400))
        for number in range(TERMINALS):
            self.terminal_dies(number)
        self.everything_is_as_it_should_be()
        for visit in self.all:
            end = self.terminals[visit.terminal].get(visit.session_id)
            assert end.state is not State.PRINTING
            assert end.report is None

    def close(self) -> None:
        """End everything."""
        for _, task in self.pressed:
            task.cancel()
        self.loop.run(self._close())
        self.loop.close()
        self.folder.cleanup()

    async def _close(self) -> None:
        await asyncio.gather(*(task for _, task in self.pressed), return_exceptions=True)
        for terminal in self.terminals:
            terminal.close()
        await self.country.close()

    # -- what people do -------------------------------------------------------------------------------------------

    def choose(self, terminal: int, number: bool) -> Visit:
        """Somebody touches the screen."""
        choice = Choice("residence-certificate", individual_number=number)
        session = self.terminals[terminal].choose(f"r{len(self.all)}", choice)
        visit = Visit(terminal, session.session_id)
        self.all.append(visit)
        return visit

    def put_down(self, terminal: int, person: int | None, carrier: Carrier) -> None:
        """Somebody puts a card or phone on a reader, or takes it off."""
        self.readers[terminal] = None if person is None else Watched(kit.card(person, carrier), person, self.signed)

    def authenticate(self, visit: Visit, person: int, turns: int) -> None:
        """Somebody puts her card down and enters her PIN; she may have to wait."""
        self.put_down(visit.terminal, person, Carrier.CARD)
        self._press(visit, self._authenticate(visit), turns)

    def pay(self, visit: Visit) -> None:
        """Coins go in, right or wrong step."""
        self._try(lambda: self.terminals[visit.terminal].pay(visit.session_id, 300))

    def print(self, visit: Visit, turns: int) -> None:
        """She presses the button, perhaps again and again."""
        self._press(visit, self._print(visit), turns)

    def come(self, terminal: int, person: int) -> Visit:
        """Most people simply do one thing after the other."""
        visit = self.choose(terminal, False)
        self.authenticate(visit, person, 300)
        self.pay(visit)
        return visit

    def print_at_once(self, visit: Visit, other: Visit, turns: int) -> None:
        """Two buttons in the same moment."""
        self.print(visit, 0)
        self.print(other, turns)

    def slow_print(self, terminal: int, step: Step) -> None:
        """A whole visit whose document is late, and something happens before it comes."""
        visit = self.come(terminal, step.person)
        self.country.wires.gates.setdefault(SLOW[2 + step.visit % 3], asyncio.Event())
        self.print(visit, 300)
        if step.meanwhile == "cancel":
            self.cancel(visit)
        elif step.meanwhile == "again":
            self.print(visit, 300)
        elif step.meanwhile == "another":
            self.print(self.come(terminal, step.number % len(PEOPLE)), 0)
        else:
            self.trouble(step.meanwhile, step.number)
        self.everything_is_as_it_should_be()
        self.mend()
        self.loop.run(self._spin(300))

    def cancel(self, visit: Visit) -> None:
        """She gives up, at any time."""
        self._press(visit, self._cancel(visit), 20)

    # -- what goes wrong ------------------------------------------------------------------------------------------

    def trouble(self, trouble: str, number: int) -> None:
        """Something goes wrong."""
        if trouble == "slow":  # from now on, answers to this path stay on the way
            self.country.wires.gates.setdefault(SLOW[number], asyncio.Event())
        elif trouble == "cut":  # nobody reaches this party
            self.country.wires.cut.add(PARTIES[number % len(PARTIES)])
        elif trouble == "centre dies":
            self.centre_dies()
        elif trouble == "municipality dies":
            self.country.wires.kill("municipality")
            self.loop.run(self._spin(5))
        elif trouble == "terminal dies":
            self.terminal_dies(number % TERMINALS)
        elif trouble == "revoked":  # somebody loses her card and calls
            lost = kit.serial(number % len(PEOPLE), Kind.AUTHENTICATION)
            self.country.authority.revoked[lost] = x509.ReasonFlags.certificate_hold
        else:
            self.country.clock.advance(seconds=100 * number)

    def mend(self) -> None:
        """Lines work again, cards are replaced, and what was on the way arrives."""
        self.country.wires.cut.clear()
        self.country.authority.revoked.clear()
        for gate in self.country.wires.gates.values():
            gate.set()
        self.country.wires.gates.clear()
        self.loop.run(self._spin(20))

    def centre_dies(self) -> None:
        """`kill -9` for the centre, and a restart."""
        self.country.wires.kill("delivery")
        self.loop.run(self._spin(5))
        self.country.centre.close()
        self.loop.run(self.country.open_centre().recover())

    def terminal_dies(self, number: int) -> None:
        """`kill -9` for a terminal, and a restart."""
        for visit, task in self.pressed:
            if visit.terminal == number:
                task.cancel()
        self.loop.run(self._spin(5))
        for visit in self.all:
            visit.terminal_died |= visit.terminal == number
        self.terminals[number].close()
        self.terminals[number] = self._open(number)
        self.loop.run(self._recover(number))

    async def _recover(self, number: int) -> None:
        recovering = asyncio.ensure_future(self.terminals[number].recover())
        await self._spin(200)
        recovering.cancel()

    # -- what must hold -------------------------------------------------------------------------------------------

    def everything_is_as_it_should_be(self) -> None:
        """Whatever happened: each sheet is its session's person's, there is one at most, and the money is right."""
        for _, task in self.pressed:
            if task.done() and not task.cancelled():
                task.result()
        self.pressed = [(visit, task) for visit, task in self.pressed if not task.done()]
        for visit in self.all:
            session = self.terminals[visit.terminal].get(visit.session_id)
            assert visit.end in (None, session.state), "what is over stays as it ended"
            visit.end = session.state if session.state in ENDS else None
            assert len(visit.sheets) <= 1
            assert session.paid == (300 if session.state in PAID else 0)
            if session.state is State.PRINTED:
                assert len(visit.sheets) == 1
            if visit.sheets:
                assert not visit.revoked_before_print
                assert session.state in (State.PRINTING, State.PRINTED) or visit.terminal_died
                assert visit.whose is not None
                assert (visit.whose, visit.digest) in self.signed
                assert names_on(visit.sheets[0]) == [kit.NAMES[visit.whose]]

    # -- how it is done -------------------------------------------------------------------------------------------

    def _press(self, visit: Visit, act: Coroutine[Any, Any, None], turns: int) -> None:
        async def start() -> None:
            self.pressed.append((visit, asyncio.ensure_future(act)))
            await self._spin(turns)

        self.loop.run(start())

    def _try(self, act: Any) -> None:
        with contextlib.suppress(KioskError):
            act()

    async def _authenticate(self, visit: Visit) -> None:
        with contextlib.suppress(KioskError):
            await self.terminals[visit.terminal].authenticate(visit.session_id, kit.PIN)

    async def _print(self, visit: Visit) -> None:
        terminal = self.terminals[visit.terminal]
        session = terminal.get(visit.session_id)
        if session.fingerprint is not None:
            visit.whose, visit.digest = whose(session.fingerprint), digest_of(session)
        revoked = self._is_revoked(visit)
        try:
            visit.sheets.append(await terminal.print(visit.session_id))
        except KioskError:
            return
        visit.revoked_before_print = revoked and self._is_revoked(visit)
        await asyncio.sleep(0)
        await terminal.ejected(visit.session_id)

    def _is_revoked(self, visit: Visit) -> bool:
        lost = self.country.authority.revoked
        return visit.whose is not None and kit.serial(visit.whose, Kind.AUTHENTICATION) in lost

    async def _cancel(self, visit: Visit) -> None:
        with contextlib.suppress(KioskError):
            self.terminals[visit.terminal].cancel(visit.session_id)
            await self.terminals[visit.terminal].settle()

    async def _spin(self, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)


def digest_of(session: Session) -> bytes:
    """Return the DigestInfo of what a card had to sign for this session and no other."""
    signed = binding.signed_bytes(session.transaction_id or "", session.challenge or b"")
    return der.digest_info("sha256", hashlib.sha256(signed).digest())


def whose(fingerprint: str) -> int:
    """Return whose certificate has this fingerprint."""
    for person in PEOPLE:
        for carrier in Carrier:
            if binding.certificate_sha256(kit.certificate(person, Kind.AUTHENTICATION, carrier)) == fingerprint:
                return person
    raise LookupError(fingerprint)


@functools.lru_cache(maxsize=256)
def names_on(sheet: bytes) -> list[str]:
    """Return whose names stand on the pages of a sheet, read as text."""
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(sheet)).pages)
    flat = text.replace(" ", "").replace("　", "")
    return [name for name in kit.NAMES if name.replace("　", "") in flat]


@settings(max_examples=DAYS)
@given(st.lists(STEPS, min_size=15, max_size=30))
def test_whatever_happens_each_gets_her_own_sheet_once(steps: list[Step]) -> None:
    """A day at two kiosks on which everything goes wrong that ever did."""
    day = Day()
    try:
        for number in range(TERMINALS):
            day.come(number, number)
        for step in steps:
            day.happen(step)
        day.evening()
    finally:
        day.close()


def test_on_a_good_day_everybody_gets_a_sheet() -> None:
    """So that the test above does not pass because nothing is ever printed."""
    day = Day()
    try:
        for person in PEOPLE:
            day.print(day.come(person % TERMINALS, person), 300)
        day.evening()
        assert [len(visit.sheets) for visit in day.all] == [1, 1, 1]
    finally:
        day.close()


@given(st.binary(max_size=400))
def test_junk_is_never_a_document(junk: bytes) -> None:
    """Whatever comes, the last check refuses it or passes it; it never breaks."""
    for data in (junk, b"%PDF-1.7\n" + junk):
        try:
            binding.check_document(data, "a1" * 16, "c3" * 32)
        except ForeignDocument:
            continue
        raise AssertionError("junk passed")


@given(st.integers(0, 2), st.integers(0, 2), st.data())
def test_no_cut_and_paste_of_sheets_passes(mine: int, other: int, data: st.DataObject) -> None:
    """A piece of another sheet anywhere in this one: only the sheet itself passes."""
    sheets = [sheet(person) for person in PEOPLE]
    start = data.draw(st.integers(0, len(sheets[other])))
    end = data.draw(st.integers(start, len(sheets[other])))
    at = data.draw(st.integers(0, len(sheets[mine])))
    pasted = sheets[mine][:at] + sheets[other][start:end] + sheets[mine][at:]
    marked = b"tegata-subject:" in sheets[other][start:end] and b"</pdf:Keywords>" in sheets[other][start:end]
    if marked and b"<pdf:Keywords>" in sheets[other][start:end]:
        try:
            binding.check_document(pasted, *transaction(mine))
        except ForeignDocument:
            return
        raise AssertionError("two sets of marks passed")


def transaction(person: int) -> tuple[str, str]:
    """Return the transaction and certificate of a person's sheet."""
    return f"{person:032}", binding.certificate_sha256(kit.certificate(person, Kind.AUTHENTICATION))


@functools.cache
def sheet(person: int) -> bytes:
    """Return a person's sheet from the municipality."""
    code = kit.municipality().residents()[person].code
    return kit.municipality().residence_certificate(transaction(person)[0], code, transaction(person)[1]).pdf
