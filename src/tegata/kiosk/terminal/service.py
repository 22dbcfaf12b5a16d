# SPDX-License-Identifier: Apache-2.0
"""The use cases of the terminal, in the order in which a person meets them.

1. `choose`: a document is chosen; the session is on disk.
2. `authenticate`: the card or phone on the reader signs the centre's challenge.
3. `pay`: the fee, exactly.
4. `print`: the document is fetched, checked for the last time, committed to the printer on disk, and given out.
5. `ejected`: the sheet is out.

`cancel` at any time before the printer.  Work on one session is done one call at a time; what comes back from the
centre counts only if the session is still where it was.  What the centre must be told is written with the state that
causes it and told until it has heard.
"""

import asyncio
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

import httpx

from tegata.clock import Clock
from tegata.jpki import assumptions
from tegata.kiosk import binding
from tegata.kiosk.errors import Declined, KioskError, NotFound, OutOfStep, Refused, Unavailable
from tegata.kiosk.hours import check_open
from tegata.kiosk.terminal import carrier, rules
from tegata.kiosk.terminal.centre import Centre
from tegata.kiosk.terminal.config import Config
from tegata.kiosk.terminal.model import Act, Choice, Session, State
from tegata.kiosk.terminal.store import Store
from tegata.reader import Element

CarrierOnReader = Callable[[], Element | None]
"""Port: the card or phone that lies on the reader now."""

DOCUMENTS = frozenset({"residence-certificate"})
"""What the screen offers."""


class Terminal:
    """One copier.  Make one with `Terminal.open`; used from one event loop."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        centre: Centre,
        carrier_on_reader: CarrierOnReader,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.config = config
        self._store = store
        self._clock = clock
        self._centre = centre
        self._carrier_on_reader = carrier_on_reader
        self._random = randomness
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    def open(
        cls,
        config: Config,
        clock: Clock,
        http: httpx.AsyncClient,
        path: Path,
        *,
        carrier_on_reader: CarrierOnReader,
        randomness: Callable[[int], bytes] = os.urandom,
        on_commit: Callable[[str], None] | None = None,
    ) -> "Terminal":
        """Open the terminal's file at `path`; raises `StorageError`."""
        centre = Centre(http, config.delivery_url, config.delivery_token)
        return cls(config, Store.open(path, on_commit), clock, centre, carrier_on_reader, randomness)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    async def recover(self) -> None:
        """After a start: give the money back for sheets that may be lost, end what is over, tell the centre."""
        for session in self._store.unfinished():
            if session.state is State.PRINTING:
                self._move(session, Act.LOSE, "kiosk.print_interrupted")
            else:
                self.get(session.session_id)
        await self.settle()

    async def settle(self) -> None:
        """Tell the centre what it has not heard yet; what it does not take now is told again later."""
        for session in self._store.to_report():
            assert session.transaction_id is not None and session.report is not None  # noqa: S101, PT018
            try:
                await self._centre.report(session.transaction_id, session.report)
            except Unavailable:
                return
            except KioskError:
                pass  # the centre has closed its books on this transaction: repeating would not help
            current = self._store.by_id(session.session_id)
            if current is not None and current.report is session.report:
                self._store.save(dataclasses.replace(current, report=None))

    # -- the person's steps ---------------------------------------------------------------------------------------

    def choose(self, request_id: str, choice: Choice) -> Session:
        """Open a session, or return the one that this request opened.

        Raises `Refused` (`kiosk.closed`, `kiosk.unknown_document`) and `OutOfStep` (`kiosk.request_reused`).
        """
        known = self._store.by_request(request_id)
        if known is not None:
            if known.choice != choice:
                raise OutOfStep("kiosk.request_reused")
            return self.get(known.session_id)
        now = self._clock.now()
        check_open(self.config.hours, now)
        if choice.document not in DOCUMENTS:
            raise Refused("kiosk.unknown_document")
        fee: int = assumptions.value("kiosk.fee_yen")
        session = Session(self._random(16).hex(), request_id, choice, fee, now, now + self.config.lifetime)
        self._store.add(session)
        return session

    def get(self, session_id: str) -> Session:
        """Return a session as it stands now; raises `NotFound`."""
        session = self._store.by_id(session_id)
        if session is None:
            raise NotFound("kiosk.unknown_session")
        if rules.due(session, self._clock.now()):
            session = self._move(session, Act.EXPIRE, "kiosk.expired")
        return session

    async def authenticate(self, session_id: str, pin: str | None) -> Session:
        """Have the carrier on the reader prove who is asking.

        Raises `Declined` (the session goes on), `Refused` (it is over), `OutOfStep` and `Unavailable`.
        """
        async with self._lock(session_id):
            session = self.get(session_id)
            if session.state is State.AUTHENTICATED:
                return session
            rules.advance(session, Act.AUTHENTICATE)
            try:
                session = await self._opened(session)
                proof = self._read(session, pin)
                await self._centre.prove(session.transaction_id or "", proof.certificate, proof.signature)
            except (Refused, NotFound, OutOfStep) as error:
                raise self._refused(session_id, error) from error
            proven = dataclasses.replace(
                self.get(session_id),
                fingerprint=binding.certificate_sha256(proof.certificate),
                carrier=proof.carrier,
                tries_left=None,
            )
            return self._move(proven, Act.AUTHENTICATE)

    def pay(self, session_id: str, amount: int) -> Session:
        """Take the fee, exactly; raises `Declined` (`kiosk.wrong_amount`: coins come back) and `OutOfStep`."""
        session = self.get(session_id)
        if session.state is State.PAID and amount == session.fee:
            return session
        paid = rules.advance(session, Act.PAY)
        if amount != session.fee:
            raise Declined("kiosk.wrong_amount", fee=session.fee)
        paid = dataclasses.replace(paid, paid=amount)
        self._store.save(paid)
        return paid

    async def print(self, session_id: str) -> bytes:
        """Return the sheet, once in a session's life; the caller says `ejected` when it is out.

        Raises `OutOfStep` (`kiosk.already_printed`), `Refused` (over, money back) and `Unavailable` (may be repeated).
        """
        async with self._lock(session_id):
            session = self.get(session_id)
            rules.advance(session, Act.COMMIT)
            transaction_id, fingerprint = session.transaction_id or "", session.fingerprint or ""
            try:
                pdf = await self._centre.document(transaction_id)
                binding.check_document(pdf, transaction_id, fingerprint)
            except (Refused, NotFound, OutOfStep) as error:
                raise self._refused(session_id, error) from error
            self._move(self.get(session_id), Act.COMMIT)
            return pdf

    async def ejected(self, session_id: str) -> None:
        """Take note that the sheet is out, and tell the centre."""
        self._move(self.get(session_id), Act.EJECT)
        await self.settle()

    def cancel(self, session_id: str) -> Session:
        """End a session that has no sheet, at once, and give back what was paid; may be repeated.

        The centre is told by the caller's next `settle`, so that nobody waits for a slow centre to get her coins.
        """
        session = self.get(session_id)
        if session.state in rules.ENDS - {State.PRINTED}:
            return session
        return self._move(session, Act.CANCEL, "kiosk.cancelled")

    # -- steps ----------------------------------------------------------------------------------------------------

    async def _opened(self, session: Session) -> Session:
        """Return the session with the centre's transaction, which sets the time from now on."""
        if session.transaction_id is not None:
            return session
        opened = await self._centre.begin(session, self.config.terminal_id)
        current = self.get(session.session_id)
        rules.advance(current, Act.AUTHENTICATE)
        current = dataclasses.replace(
            current,
            transaction_id=opened.transaction_id,
            challenge=opened.challenge,
            expires_at=opened.expires_at,
        )
        self._store.save(current)
        return current

    def _read(self, session: Session, pin: str | None) -> carrier.Proof:
        data = binding.signed_bytes(session.transaction_id or "", session.challenge or b"")
        try:
            return carrier.read(self._carrier_on_reader(), pin, data)
        except Declined as error:
            tries = error.facts.get("tries_left")
            if isinstance(tries, int):
                self._store.save(dataclasses.replace(session, tries_left=tries))
            raise

    def _refused(self, session_id: str, error: KioskError) -> KioskError:
        """End the session for the reason of `error` and return what to raise."""
        facts = {name: value for name, value in error.facts.items() if isinstance(value, str | int | bool)}
        try:
            self._move(dataclasses.replace(self.get(session_id), facts=facts), Act.REFUSE, error.reason)
        except OutOfStep as over:  # the person cancelled, or its time ran out, while the centre was thinking
            return over
        return error

    def _move(self, session: Session, act: Act, reason: str | None = None) -> Session:
        moved = rules.advance(session, act, reason)
        self._store.save(moved)
        return moved

    def _lock(self, session_id: str) -> asyncio.Lock:
        return self._locks.setdefault(session_id, asyncio.Lock())
