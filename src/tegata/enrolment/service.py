# SPDX-License-Identifier: Apache-2.0
"""The use cases of enrolment, each one durable step.

1. `apply`: a phone applies; it gets the document that the card must sign.
2. `prove`: the card's certificate and signature are verified.
3. `step`: the element is driven, turn by turn, through whatever the state calls for; see `driving`.
4. `stop`: the owner stops using the phone: its certificates are revoked at once, its keys erased by following steps.
5. `hold`: the loss hotline.

What was achieved is recorded before it is answered, and whatever involves the authority carries the same request
identifier on every repeat.  So every call may be repeated, by a phone that lost the answer and by `recover` after a
crash.
"""

import asyncio
import dataclasses
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import httpx

from tegata.clock import Clock
from tegata.enrolment import document, rules
from tegata.enrolment.authority import Authority
from tegata.enrolment.config import Config
from tegata.enrolment.devices import Catalogue
from tegata.enrolment.driving import Driver, IssuerKey
from tegata.enrolment.errors import EnrolmentError, NotFound, Refused
from tegata.enrolment.model import Act, Application, Debt, Device, Event, State
from tegata.enrolment.proof import Prover
from tegata.enrolment.relay import Turn
from tegata.enrolment.store import Store
from tegata.verify import TrustStore
from tegata.wire.status import StatusClient

_HELD: Final = "enrolment.held"
"""Why an application that was reported lost has ended."""


class Service:
    """One enrolment service.  Make one with `Service.open`; used from one event loop."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        authority: Authority,
        prover: Prover,
        issuer_key: IssuerKey,
    ) -> None:
        self.config = config
        self.catalogue = Catalogue.load(config.admission)
        self._store = store
        self._clock = clock
        self._authority = authority
        self._prover = prover
        self._driver = Driver(config, store, clock, authority, prover.authorities, issuer_key)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    def open(
        cls,
        config: Config,
        clock: Clock,
        http: httpx.AsyncClient,
        path: Path,
        *,
        issuer_key: IssuerKey,
        random: Callable[[int], bytes] = os.urandom,
        on_commit: Callable[[str], None] | None = None,
    ) -> "Service":
        """Open the applications at `path`; raises `StorageError`, and `Rejected` for anchors that are none.

        `issuer_key(serial)` gives the issuer key of a secure element and raises `LookupError` for one unknown here.
        """
        authority = Authority(http, config.authority_url, config.enrolment_token, config.hotline_token)
        prover = Prover(TrustStore.of(config.anchors), StatusClient(http, config.authority_url), random)
        return cls(config, Store.open(path, on_commit), clock, authority, prover, issuer_key)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    # -- applying -------------------------------------------------------------------------------------------------

    def apply(self, request_id: str, device: Device) -> Application:
        """Open an application for `device`, or return the one that this request opened before.

        Raises `Refused` when the device is not admitted or its element is unknown here.
        """
        known = self._store.by_request(request_id)
        if known is not None:
            if known.device != device:
                raise Refused("enrolment.request_reused")
            return known
        self.catalogue.admit(device)
        self._driver.key(device)
        application = self._new(request_id, device, self._clock.now())
        self._store.save(application)
        return application

    def _new(self, request_id: str, device: Device, now: datetime) -> Application:
        random = self._prover.randomness
        identifier, expires_at = random(16).hex(), now + self.config.proof_lifetime
        content = document.build(identifier, random(32), device, now, expires_at)
        return Application(identifier, request_id, random(16).hex(), device, content, now, expires_at)

    async def get(self, application_id: str) -> Application:
        """Return an application as it stands now; raises `NotFound`."""
        application = self._known(application_id)
        if not rules.due(application, self._clock.now()):
            return application
        async with self._lock(application_id):
            return self._current(application_id)

    def _known(self, application_id: str) -> Application:
        application = self._store.by_id(application_id)
        if application is None:
            raise NotFound("enrolment.unknown_application")
        return application

    def _current(self, application_id: str) -> Application:
        """Return an application, ended if its time has run out.  Its lock must be held."""
        application = self._known(application_id)
        if rules.due(application, self._clock.now()):
            return self._end(application, Event.EXPIRE, "enrolment.expired")
        return application

    # -- proving --------------------------------------------------------------------------------------------------

    async def prove(self, application_id: str, certificate: bytes, signature: bytes) -> Application:
        """Accept the card's signature over the application document.

        Raises `Refused` (final: the application is over) or `Unavailable` (the certificate's status is not known).
        """
        async with self._lock(application_id):
            application = self._current(application_id)
            if application.parent_serial is not None:
                return application
            rules.advance(application, Event.PROVE)
            try:
                serial = await self._prover.verify(application.document, certificate, signature, self._clock.now)
            except Refused as error:
                self._end(application, Event.REFUSE, error.reason)
                raise
            proven = dataclasses.replace(rules.advance(application, Event.PROVE), parent_serial=serial)
            proven = dataclasses.replace(proven, expires_at=application.created_at + self.config.lifetime)
            self._store.save(proven)
            return proven

    # -- driving the element --------------------------------------------------------------------------------------

    async def step(self, application_id: str, name: str | None, responses: list[bytes]) -> tuple[Application, Turn]:
        """Take the element's responses to the turn `name` and return the next turn; an empty turn means all is done.

        `name` is `None` on the first call and after the phone lost its place.  Raises `OutOfStep` when the application
        is not proven or the element refused, `Unavailable` when the authority is away.
        """
        async with self._lock(application_id):
            application, turn = await self._driver.step(self._current(application_id), name, responses)
        if turn.name is None:
            await self.settle()
        return application, turn

    # -- ending ---------------------------------------------------------------------------------------------------

    async def stop(self, application_id: str) -> Application:
        """Stop using the phone: revoke its certificates now, let the following steps erase its keys.

        Raises `Unavailable` when the authority cannot be told; the wish is kept, and the call may be repeated.
        """
        async with self._lock(application_id):
            application = self._current(application_id)
            if rules.may(application, Event.STOP):
                application = self._end(application, Event.STOP, "enrolment.stopped")
            await self._settle_about(application)
            return application

    async def hold(self, request_id: str, element: str) -> list[str]:
        """Put the certificates of a lost phone on hold, by the serial number of its element; returns their numbers.

        Whatever that phone was still applying for is over too.  Raises `NotFound` when it holds nothing, `Unavailable`
        when the authority cannot be told; the hold is kept, and the call may be repeated.
        """
        held: list[str] = []
        concerned = [a.application_id for a in self._store.by_element(element) if _can_be_held(a)]
        if not concerned:
            raise NotFound("enrolment.element_not_enrolled")
        for application_id in concerned:
            async with self._lock(application_id):
                application = self._known(application_id)
                debt = Debt(application.issue_request_id, Act.HELD, request_id)
                owed = _can_be_held(application) and (application.holds_element or application.state is State.ENDED)
                if rules.may(application, Event.HOLD):
                    ended = rules.advance(application, Event.HOLD, _HELD)
                    self._store.save(ended, owe=[debt] if owed else [])
                    self._driver.forget(ended)
                if owed:
                    held += await self._authority.tell(debt)
                    self._store.settle(debt)
        return held

    def _end(self, application: Application, event: Event, reason: str) -> Application:
        """Record an end, with a debt to the authority wherever certificates may exist that are meant to be good."""
        ended = rules.advance(application, event, reason)
        if ended.state is State.STOPPING and not ended.holds_element:
            ended = rules.advance(ended, Event.ERASE)
        owe = [Debt(application.issue_request_id, Act.DISCARDED)] if application.state in rules.CERTIFIED else []
        self._store.save(ended, owe=owe)
        self._driver.forget(ended)
        return ended

    # -- what the authority is owed -------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Tell the authority what it is still owed; what cannot be told now stays owed."""
        for debt in self._store.debts():
            try:
                await self._authority.tell(debt)
            except EnrolmentError:
                continue
            self._store.settle(debt)

    async def _settle_about(self, application: Application) -> None:
        for debt in self._store.debts():
            if debt.issue_request_id == application.issue_request_id:
                await self._authority.tell(debt)
                self._store.settle(debt)

    async def recover(self) -> None:
        """Put in order what an earlier process left open: expire what is due, tell the authority what it is owed."""
        for application in self._store.in_states(*rules.PENDING):
            await self.get(application.application_id)
        await self.settle()

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())


def _can_be_held(application: Application) -> bool:
    """Say whether a call about a lost phone concerns an application; one that such a call ended answers a repeat."""
    reported = application.reason == _HELD and application.state in (State.HELD, State.ENDED)
    return rules.may(application, Event.HOLD) or reported
