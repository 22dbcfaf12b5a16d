# SPDX-License-Identifier: Apache-2.0
"""The authority's use cases: certify cards and phones, take events, holds and discards, answer who holds what and what
it is worth.

Every act is one durable transaction together with its entry in the audit log; every call may be repeated under its
identifier and then answers the same.  Nothing waits: the methods are plain functions, used from one event loop.
"""

import hashlib
import hmac
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from tegata.authority import audit, rules
from tegata.authority.ca import Keys, Signers
from tegata.authority.config import Config
from tegata.authority.contents import CardIssuer
from tegata.authority.ending import Ended, end
from tegata.authority.errors import Broken, Conflict, NotFound
from tegata.authority.issuing import IssuingDesk
from tegata.authority.model import Act, CardOrder, Cause, Certificate, Event, Issued, PhoneOrder, Request, Stage
from tegata.authority.status import StatusDesk
from tegata.authority.store import Store
from tegata.clock import Clock
from tegata.crypto.keys import SoftwareKey
from tegata.crypto.vault import Vault
from tegata.jpki import Carrier, Kind

_PERSON = "person"
"""Name of the secret behind opaque person identifiers."""


class Authority:
    """Both certification authorities and their service.  Make one with `Authority.open`."""

    def __init__(
        self, config: Config, store: Store, signers: Signers, clock: Clock, random: Callable[[int], bytes]
    ) -> None:
        self.config = config
        self._store = store
        self._signers = signers
        self._clock = clock
        self._issuing = IssuingDesk(config, store, signers, clock, random)
        self.status = StatusDesk(store, signers, clock)
        self.cards = CardIssuer(store, signers.make, self.now, random)

    @classmethod
    def open(
        cls,
        config: Config,
        clock: Clock,
        vault: Vault,
        path: Path,
        *,
        keys: Keys = SoftwareKey.generate,
        random: Callable[[int], bytes] = os.urandom,
        on_commit: Callable[[str], None] | None = None,
    ) -> "Authority":
        """Open the authority's file at `path`; at first start its keys and certificates are made (about 0.2 s).

        Raises `StorageError`, and `VaultError` when the file's keys were sealed under another vault.
        """
        store = Store.open(path, vault, on_commit)
        signers = Signers(store, keys, config.algorithm)
        signers.found(clock.now())
        if store.secret(_PERSON) is None:
            with store.act(clock.now()) as act:
                act.add_secret(_PERSON, random(32))
                act.audit("person_secret.made", "authority")
        return cls(config, store, signers, clock, random)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    async def recover(self) -> None:
        """Sign what a crash left recorded and unsigned."""
        self._issuing.finish()

    def ca_certificate(self, kind: Kind) -> bytes:
        """Return a certification authority's own certificate, DER."""
        return self._signers.ca(kind).own.der

    # -- issuing -------------------------------------------------------------------------------------------------------

    def certify_card(self, order: CardOrder) -> Issued:
        """Certify a card's keys; see `issuing`."""
        return self._issuing.card(order)

    def certify_phone(self, order: PhoneOrder) -> Issued:
        """Certify a phone's keys under a card's certificates; see `issuing`."""
        return self._issuing.phone(order)

    def delivered(self, carrier: Carrier, request_id: str) -> list[Ended]:
        """Take note that the carrier is in its holder's hand; a person's earlier cards are superseded.

        Returns what ended by it.  Raises `NotFound`, and `Conflict` when the request was discarded.
        """
        request = self._store.request(carrier, request_id)
        if request is None:
            raise NotFound("authority.unknown_request")
        if rules.advance(request.stage, Act.DELIVER) is request.stage:
            return []
        with self._store.act(self.now()) as act:
            act.save_request(_at(request, Stage.DELIVERED))
            earlier = self._earlier_cards(request)
            ended = end(self._store, act, Cause.NEW_CARD_DELIVERED, earlier) if carrier is Carrier.CARD else []
            act.audit(f"{carrier.value}.delivered", _ROLE[carrier], request_id=request_id, ended=_said(ended))
        return ended

    def _earlier_cards(self, request: Request) -> list[Certificate]:
        """Return what was issued to the person before this request, in order of issue."""
        pair = self._store.pair(request.carrier, request.request_id)
        everything = self._store.of_resident(pair[Kind.AUTHENTICATION].resident_code)
        first = next(place for place, one in enumerate(everything) if one.request_id == request.request_id)
        return everything[:first]

    def discarded(self, carrier: Carrier, request_id: str) -> list[Certificate]:
        """Take note that a pair will never be used, or no longer: it is revoked.

        A request that has not arrived yet is noted too, and refused if it still comes.  Returns the pair.
        """
        request = self._store.request(carrier, request_id)
        if request is None:
            request = Request(carrier, request_id, "", Stage.DISCARDED)
            with self._store.act(self.now()) as act:
                act.save_request(request)
                act.audit(f"{carrier.value}.discarded", _ROLE[carrier], request_id=request_id, ended=[])
        elif rules.advance(request.stage, Act.DISCARD) is not request.stage:
            self._discard(request)
        return list(self._store.pair(carrier, request_id).values())

    def _discard(self, request: Request) -> None:
        with self._store.act(self.now()) as act:
            act.save_request(_at(request, Stage.DISCARDED))
            pair = self._store.pair(request.carrier, request.request_id)
            ended = end(self._store, act, rules.CAUSE_OF_DISCARD[request.stage], pair.values())
            name, role = f"{request.carrier.value}.discarded", _ROLE[request.carrier]
            act.audit(name, role, request_id=request.request_id, ended=_said(ended))

    # -- what happens to people ----------------------------------------------------------------------------------------

    def happen(self, event: Event) -> dict[str, Any]:
        """Take an event of a resident; returns what it ended, the same at every repeat.

        Raises `Conflict` when it is not the next in the resident's order, or its identifier was another's.
        """
        done = self._store.event(event.event_id)
        if done is not None:
            if _essence(done[0]) != _essence(event):
                raise Conflict("authority.request_reused")
            return done[1]
        expected = self._store.last_sequence(event.resident_code) + 1
        if event.sequence != expected:
            raise Conflict("authority.event_out_of_order", expected=expected, got=event.sequence)
        with self._store.act(self.now()) as act:
            ended = end(self._store, act, event.cause, self._store.of_resident(event.resident_code))
            answer = {"revoked": [str(one.certificate.serial) for one in ended], "certificates": _said(ended)}
            act.add_event(event, answer)
            act.audit(f"event.{event.cause.value}", "municipality", event_id=event.event_id, ended=_said(ended))
        return answer

    def hold(self, request_id: str, issue_request_id: str) -> dict[str, Any]:
        """Put a phone's pair on hold, for good; returns what was held, the same at every repeat.

        Raises `NotFound`, and `Conflict` when the identifier was used for another pair.
        """
        done = self._store.hold(request_id)
        if done is not None:
            if done[0] != issue_request_id:
                raise Conflict("authority.request_reused")
            return done[1]
        pair = self._store.pair(Carrier.PHONE, issue_request_id)
        if not pair:
            raise NotFound("authority.unknown_request")
        with self._store.act(self.now()) as act:
            ended = end(self._store, act, Cause.REPORTED_LOST, pair.values())
            answer = {"held": [str(one.certificate.serial) for one in ended], "certificates": _said(ended)}
            act.add_hold(request_id, issue_request_id, answer)
            act.audit("phone.held", "hotline", request_id=request_id, ended=_said(ended))
        return answer

    # -- who and what --------------------------------------------------------------------------------------------------

    def holder(self, kind: Kind, serial: int) -> Certificate:
        """Return a certificate, whose record says who holds it; raises `NotFound`."""
        found = self._store.certificate(kind, serial)
        if found is None:
            raise NotFound("authority.unknown_certificate")
        return found

    def person(self, resident_code: str, role: str) -> str:
        """Return the opaque identifier of a person for a role: the same for every certificate, another for another
        role.
        """
        secret = self._store.secret(_PERSON)
        if secret is None:
            raise Broken("authority.no_ca")
        return hmac.new(secret, f"{role}\0{resident_code}".encode(), hashlib.sha256).hexdigest()

    def certificates(self, resident_code: str) -> list[Certificate]:
        """Return everything that was issued to a person, oldest first."""
        return self._store.of_resident(resident_code)

    def entries(self, after: int = 0, limit: int | None = None) -> list[audit.Entry]:
        """Return entries of the audit log."""
        return self._store.entries(after, limit)

    def verify_audit(self) -> tuple[int, str]:
        """Check that the audit log closes; returns number and hash of its head.  Raises `Broken`."""
        head = self._store.head()
        audit.verify(self._store.entries(), head)
        return head

    def now(self) -> datetime:
        """Return the country's time, to the second: finer than that nothing is recorded."""
        return self._clock.now().replace(microsecond=0)


_ROLE = {Carrier.CARD: "municipality", Carrier.PHONE: "enrolment"}


def _at(request: Request, stage: Stage) -> Request:
    return Request(request.carrier, request.request_id, request.digest, stage, request.superseded)


def _said(ended: list[Ended]) -> list[dict[str, str]]:
    return [one.to_json() for one in ended]


def _essence(event: Event) -> tuple[object, ...]:
    return event.resident_code, event.sequence, event.cause
