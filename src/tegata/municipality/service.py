# SPDX-License-Identifier: Apache-2.0
"""The municipality's use cases: enter a resident, record what happens to one, issue a card, issue a document.

Whatever changes the register and concerns the authority is written with its event in one transaction; the event then
waits in an outbox until the authority has answered, each resident's in order.  Every call may be repeated under its
request identifier; `recover` does what a crash left undone.
"""

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from tegata.clock import JST, Clock
from tegata.crypto.vault import Vault
from tegata.jpki import municipalities
from tegata.jpki.attributes import BirthDate, Sex
from tegata.municipality import numbers, rules
from tegata.municipality.authority import Authority
from tegata.municipality.characters import checked
from tegata.municipality.config import Config
from tegata.municipality.counter import CardOnCounter, Counter, IssuerKey
from tegata.municipality.documents import DocumentDesk
from tegata.municipality.errors import Conflict, MunicipalityError, NotFound, Refused
from tegata.municipality.issuing import CardDesk
from tegata.municipality.model import CardIssue, Document, Event, Happening, Pins, Resident, Standing
from tegata.municipality.store import Store
from tegata.municipality.typesetting import Press


class Municipality:
    """Every town hall of the country.  Make one with `Municipality.open`; used from one event loop."""

    def __init__(
        self, config: Config, store: Store, clock: Clock, authority: Authority, counter: Counter, press: Press | None
    ) -> None:
        self.config = config
        self._store = store
        self._clock = clock
        self._authority = authority
        self._own_press = Press(config.font)
        self._cards = CardDesk(store, clock, authority, counter, press or self._own_press)
        self._documents = DocumentDesk(config, store, clock, press or self._own_press)
        self._outbox = asyncio.Lock()

    @classmethod
    def open(
        cls,
        config: Config,
        clock: Clock,
        http: httpx.AsyncClient,
        vault: Vault,
        path: Path,
        *,
        card_on_counter: CardOnCounter,
        issuer_key: IssuerKey,
        on_commit: Callable[[str], None] | None = None,
        press: Press | None = None,
    ) -> "Municipality":
        """Open the register at `path`; raises `StorageError`.  `press` draws and sets, by default one of its own.

        `card_on_counter(card_id)` gives the `Transmit` of the card that lies on the counter's reader,
        `issuer_key(card_id)` its issuer key; both raise `LookupError` for a card that is not there.
        """
        store = Store.open(path, vault, on_commit)
        authority = Authority(http, config.authority_url, config.authority_token)
        return cls(config, store, clock, authority, Counter(card_on_counter, issuer_key), press)

    def close(self) -> None:
        """Close the register."""
        self._own_press.close()
        self._store.close()

    async def recover(self) -> None:
        """Finish what a crash or a silent authority left open: card issues, then events."""
        await self._cards.recover()
        await self.deliver()
        self._documents.erase_old()

    # -- the register ---------------------------------------------------------------------------------------------

    def register(self, request_id: str, entry: Mapping[str, Any]) -> Resident:
        """Enter a resident; `entry` has the members that `http` documents.  The same request returns the same resident.

        Raises `Refused` (`municipality.bad_entry` naming the member, `municipality.number_not_synthetic`),
        `UnknownMunicipality` and `Conflict`.
        """
        digest = _digest(entry)
        done = self._repeated(request_id, digest)
        if done is not None:
            return self.resident(done)
        code = entry.get("resident_code") or self._store.next_code()
        if not isinstance(code, str) or not numbers.is_resident_code(code):
            raise Refused("municipality.bad_entry", field="resident_code")
        if self._store.resident(code) is not None:
            raise Conflict("municipality.code_taken")
        resident = _entered(code, entry, self._today())
        self._store.add_resident(request_id, digest, resident)
        return resident

    def _repeated(self, request_id: str, digest: str) -> str | None:
        done = self._store.outcome(request_id)
        if done is None:
            return None
        if done[0] != digest:
            raise Conflict("municipality.request_reused")
        return done[1]

    def _today(self) -> date:
        return self._clock.now().astimezone(JST).date()

    def resident(self, code: str) -> Resident:
        """Return a resident; raises `NotFound`."""
        resident = self._store.resident(code)
        if resident is None:
            raise NotFound("municipality.unknown_resident")
        return resident

    def residents(self) -> list[Resident]:
        """Return everybody in the register."""
        return self._store.residents()

    def history(self, code: str) -> tuple[list[Event], list[CardIssue]]:
        """Return what happened to a resident, and the cards issued to her."""
        return self._store.events(code), self._store.cards_of(code)

    # -- what happens to residents --------------------------------------------------------------------------------

    async def happen(
        self, request_id: str, resident_code: str, happening: Happening, members: Mapping[str, Any]
    ) -> Event:
        """Record that something happened, and tell the authority; the event comes back undelivered if it cannot be
        told now.

        Raises `Refused`, `NotFound` and `Conflict`.
        """
        digest = _digest({"resident": resident_code, "kind": happening.value, **members})
        if self._repeated(request_id, digest) is None:
            changed = _changed(self.resident(resident_code), happening, members, self._today())
            kind = rules.EFFECTS[happening].kind
            self._store.change(digest, changed, request_id, kind, self._clock.now())
        await self.deliver(resident_code)
        event = self._store.event(request_id)
        if event is None:
            raise NotFound("municipality.unknown_resident")
        return event

    async def deliver(self, resident_code: str | None = None) -> None:
        """Tell the authority what waits in the outbox, each resident's events in order; those it does not take stay."""
        async with self._outbox:
            stuck: set[str] = set()
            for event in self._store.outbox(resident_code):
                if event.resident_code in stuck:
                    continue
                try:
                    self._store.acknowledge(event.event_id, await self._authority.tell(event))
                except MunicipalityError:
                    stuck.add(event.resident_code)

    # -- cards and documents --------------------------------------------------------------------------------------

    async def issue_card(self, request_id: str, resident_code: str, card_id: str, pins: Pins) -> CardIssue:
        """Issue the blank card on the counter; see `issuing`."""
        return await self._cards.issue(request_id, resident_code, card_id, pins)

    def residence_certificate(
        self, transaction_id: str, resident_code: str, certificate_sha256: str, *, individual_number: bool = False
    ) -> Document:
        """Issue a 住民票の写し of one person; see `documents`."""
        return self._documents.residence_certificate(
            transaction_id, resident_code, certificate_sha256, individual_number=individual_number
        )


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _text(entry: Mapping[str, Any], member: str) -> str:
    value = entry.get(member)
    if not isinstance(value, str) or not 1 <= len(value) <= 200:
        raise Refused("municipality.bad_entry", field=member)
    try:
        return checked(value)
    except Refused as error:
        raise Refused("municipality.bad_entry", field=member) from error


def _optional(entry: Mapping[str, Any], member: str) -> str | None:
    return None if entry.get(member) is None else _text(entry, member)


def _sex(entry: Mapping[str, Any]) -> Sex:
    try:
        return Sex(_text(entry, "sex"))
    except ValueError as error:
        raise Refused("municipality.bad_entry", field="sex") from error


def _birth(entry: Mapping[str, Any], today: date) -> BirthDate:
    birth = BirthDate.parse(_text(entry, "birth"))
    try:
        born = rules.latest_birthday(birth)
    except ValueError as error:
        raise Refused("municipality.bad_entry", field="birth") from error
    earliest = date(birth.year, birth.month or 1, birth.day or 1)
    eras = [BirthDate.of(day.year, day.month, day.day).era for day in (earliest, born)]
    if (birth.month == 0 and birth.day) or earliest > today or not eras[0] <= birth.era <= eras[1]:
        raise Refused("municipality.bad_entry", field="birth")
    return birth


def _date(entry: Mapping[str, Any], member: str) -> date | None:
    text = _optional(entry, member)
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise Refused("municipality.bad_entry", field=member) from error


def _since(entry: Mapping[str, Any], today: date) -> date:
    since = _date(entry, "since") or today
    if since > today:
        raise Refused("municipality.bad_entry", field="since")
    return since


def _household(entry: Mapping[str, Any]) -> str | None:
    head = _optional(entry, "household")
    if head is not None and not numbers.is_resident_code(head):
        raise Refused("municipality.bad_entry", field="household")
    return head


def _only(given: Iterable[str], *known: str) -> None:
    """Raise `Refused` naming a member that nobody asked for: a misspelt one must not be lost silently."""
    strange = sorted(set(given) - set(known))
    if strange:
        raise Refused("municipality.bad_entry", field=strange[0][:40])


def _number(entry: Mapping[str, Any]) -> str:
    number = _text(entry, "individual_number")
    if not numbers.is_synthetic(number):
        raise Refused("municipality.number_not_synthetic")
    return number


_ENTRY = (
    *("resident_code", "municipality_code", "name", "kana", "address", "birth", "sex", "individual_number"),
    *("household", "relationship", "since", "nationality", "stay_until"),
)
"""Members of a notification that enters a resident."""


def _entered(code: str, entry: Mapping[str, Any], today: date) -> Resident:
    """Return the resident that an entry describes, all members checked."""
    _only(entry, *_ENTRY)
    resident = Resident(
        code=code,
        municipality_code=municipalities.by_code(_text(entry, "municipality_code")).code,
        name=_text(entry, "name"),
        kana=_text(entry, "kana"),
        address=_text(entry, "address"),
        birth=_birth(entry, today),
        sex=_sex(entry),
        individual_number=_number(entry),
        household=_household(entry) or code,
        relationship=_optional(entry, "relationship") or "世帯主",
        since=_since(entry, today),
        nationality=_optional(entry, "nationality"),
        stay_until=_date(entry, "stay_until"),
    )
    resident.basic_four()  # raises when a character has no substitute
    return resident


def _changed(resident: Resident, happening: Happening, members: Mapping[str, Any], today: date) -> Resident:
    """Return the resident after a happening; raises `Refused` when it cannot happen to her or lacks a member."""
    effect = rules.EFFECTS[happening]
    if resident.standing is not Standing.RESIDENT:
        raise Refused("municipality.not_in_register", standing=resident.standing.value)
    given = {name: members[name] for name in members if members[name] is not None}
    _only(given, *effect.required, *effect.optional)
    values: dict[str, Any] = {
        name: _text(given, name) for name in (*effect.required, *(set(effect.optional) & set(given)))
    }
    if "birth" in values:
        values["birth"] = _birth(given, today)
    if "sex" in values:
        values["sex"] = _sex(given)
    if happening is Happening.MOVE:
        values |= _moved(resident, values, today)
    changed = dataclasses.replace(resident, standing=effect.standing, **values)
    changed.basic_four()
    return changed


def _moved(resident: Resident, values: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return what a move sets beside the address; whoever names no new household becomes the head of her own."""
    municipalities.by_code(values["municipality_code"])
    _household(values)
    return {
        "previous_address": resident.address,
        "since": today,
        "household": values.get("household", resident.code),
        "relationship": values.get("relationship", "世帯主"),
    }
