# SPDX-License-Identifier: Apache-2.0
"""Drives a secure element through whatever its application's state calls for.

    proven          the element becomes this application's; make keys
    making_keys     make keys (again)
    keys_generated  have the authority certify them
    issued          install the certificates
    stopping        erase

A script's outcome is recorded before the next begins.  Scripts in progress live in memory: after a crash the state says
which one to start again.
"""

import dataclasses
from collections.abc import Callable

from tegata.clock import JST, Clock
from tegata.enrolment import rules, scripts
from tegata.enrolment.authority import Authority
from tegata.enrolment.config import Config
from tegata.enrolment.errors import OutOfStep, Refused, Unavailable
from tegata.enrolment.model import Act, Application, Debt, Device, Event, Pair, State
from tegata.enrolment.relay import Relay, Turn
from tegata.enrolment.store import Store
from tegata.reader import ReaderError, Script

IssuerKey = Callable[[str], bytes]
"""Port: the issuer key of a secure element by its serial number; raises `LookupError` for an element unknown here."""


class Driver:
    """The part of the service that talks to elements.  The caller holds the application's lock."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        authority: Authority,
        authorities: Callable[[Pair], Pair],
        issuer_key: IssuerKey,
    ) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._authority = authority
        self._authorities = authorities
        self._issuer_key = issuer_key
        self._relays: dict[str, Relay[scripts.Outcome]] = {}

    def key(self, device: Device) -> bytes:
        """Return the issuer key of a device's element; raises `Refused` for an element that is unknown here."""
        try:
            return self._issuer_key(device.serial)
        except LookupError as error:
            raise Refused("enrolment.element_unknown") from error

    def forget(self, application: Application) -> None:
        """Drop the script that an application was in; its state has changed under it."""
        self._relays.pop(application.application_id, None)

    async def step(
        self, application: Application, name: str | None, responses: list[bytes]
    ) -> tuple[Application, Turn]:
        """Feed the responses to the turn `name`, or start the script that the state calls for; see `Service.step`."""
        relay = self._relays.get(application.application_id)
        if relay is None or name is None or name not in (relay.previous, relay.turn.name):
            return await self._begin(application, name)
        if name == relay.turn.name:
            return await self._feed(application, relay, name, responses)
        return application, relay.turn

    async def _feed(
        self, application: Application, relay: Relay[scripts.Outcome], name: str, responses: list[bytes]
    ) -> tuple[Application, Turn]:
        try:
            outcome = relay.feed(responses)
        except ReaderError as error:
            self.forget(application)
            raise OutOfStep("enrolment.element_refused", because=error.reason) from error
        if outcome is None:
            return application, relay.turn
        self.forget(application)
        return await self._begin(self._achieved(application, outcome), name)

    async def _begin(self, application: Application, name: str | None) -> tuple[Application, Turn]:
        self.forget(application)
        if application.state is State.APPLIED:
            raise OutOfStep("enrolment.proof_missing")
        if application.state is State.PROVEN:
            application = self._take_element(application)
        if application.state is State.KEYS_GENERATED:
            application = await self._issue(application)
        script = self._script(application)
        if script is None:
            return application, Turn()
        relay = Relay(script, name)
        self._relays[application.application_id] = relay
        return application, relay.turn

    def _script(self, application: Application) -> Script[scripts.Outcome] | None:
        """Return what to say to the element in this state; `None` when there is nothing left to say."""
        if application.state is State.MAKING_KEYS:
            return scripts.make_keys(self.key(application.device))
        if application.state is State.ISSUED and application.certificates is not None:
            authorities = self._authorities(application.certificates)
            return scripts.install(self.key(application.device), application.certificates, authorities)
        if application.state is State.STOPPING:
            return scripts.erase(self.key(application.device))
        return None

    def _take_element(self, application: Application) -> Application:
        """Make the element this application's.  Whatever lives in it is as good as gone, so it is revoked."""
        self._demand_open()
        before = [other for other in self._store.by_element(application.device.serial) if other.holds_element]
        owe = [Debt(other.issue_request_id, Act.DISCARDED) for other in before if other.state in rules.CERTIFIED]
        for other in before:
            self.forget(other)
        begun = rules.advance(application, Event.BEGIN)
        self._store.save(begun, *(_evicted(other) for other in before), owe=owe)
        return begun

    def _demand_open(self) -> None:
        opens, closes = self._config.opens, self._config.closes
        if opens != closes and not opens <= self._clock.now().astimezone(JST).time() < closes:
            shown = {"opens": opens.isoformat("minutes"), "closes": closes.isoformat("minutes")}
            raise Unavailable("enrolment.closed", **shown)

    def _achieved(self, application: Application, outcome: scripts.Outcome) -> Application:
        """Record what a script brought about."""
        owe: list[Debt] = []
        if isinstance(outcome, scripts.KeysMade):
            application = dataclasses.replace(rules.advance(application, Event.GENERATE), requests=outcome.requests)
        elif isinstance(outcome, scripts.Installed):
            application = rules.advance(application, Event.INSTALL)
            owe = [Debt(application.issue_request_id, Act.INSTALLED)]
        elif isinstance(outcome, scripts.KeysLost):
            application = rules.advance(application, Event.DISCARD, "enrolment.keys_lost")
            owe = [Debt(application.issue_request_id, Act.DISCARDED)]
        else:
            application = rules.advance(application, Event.ERASE)
        self._store.save(application, owe=owe)
        return application

    async def _issue(self, application: Application) -> Application:
        """Have the authority certify the keys, and mark the person's earlier phone, which it superseded in one act."""
        if application.requests is None or application.parent_serial is None:
            raise OutOfStep("enrolment.wrong_state", state=application.state.value, act=Event.ISSUE.value)
        try:
            issued = await self._authority.certify(
                application.issue_request_id, application.parent_serial, application.requests
            )
        except Refused as error:
            reason = str(error.facts.get("because", error.reason))
            self._store.save(rules.advance(self._again(application), Event.REFUSE, reason))
            raise
        current = self._again(application)
        if rules.may(current, Event.ISSUE):
            current = dataclasses.replace(rules.advance(current, Event.ISSUE), certificates=issued.certificates)
        earlier = [self._store.by_issue_request(request) for request in issued.superseded]
        marked = [
            rules.advance(other, Event.SUPERSEDE, "enrolment.superseded")
            for other in earlier
            if other is not None and rules.may(other, Event.SUPERSEDE)
        ]
        for other in marked:
            self.forget(other)
        self._store.save(current, *marked)
        return current

    def _again(self, application: Application) -> Application:
        """Read an application again after waiting: a newer phone may have superseded it meanwhile."""
        return self._store.by_id(application.application_id) or application


def _evicted(application: Application) -> Application:
    """Return an application whose element now belongs to another."""
    if rules.may(application, Event.SUPERSEDE):
        application = rules.advance(application, Event.SUPERSEDE, "enrolment.keys_replaced")
    elif application.state is State.STOPPING:
        application = rules.advance(application, Event.ERASE)
    return dataclasses.replace(application, holds_element=False)
