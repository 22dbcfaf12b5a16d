# SPDX-License-Identifier: Apache-2.0
"""Issuing a card at the counter, one recorded step after another.

1. The card makes its keys and signs certification requests.
2. The authority certifies them.
3. The other applications make their own keys; what they are to hold is drawn, put together, and signed by the card's
   issuer, who sees digests only.  Then certificates, contents and PINs go into the card.
4. The authority is told that the card was delivered; or that it never will be, which revokes what it issued.

Each step is recorded before the next begins, and each may be repeated.  So `proceed` takes an issue from wherever it
was left, after a crash or an answer that never came, to its end.
"""

import asyncio
import dataclasses
from contextlib import suppress
from weakref import WeakValueDictionary

from tegata.clock import JST, Clock
from tegata.jpki import Kind
from tegata.jpki.card_verifiable import BadCertificate
from tegata.messages import TegataError
from tegata.municipality import face, raster, rules
from tegata.municipality.authority import Authority
from tegata.municipality.counter import CardContent, Counter
from tegata.municipality.errors import Conflict, NotFound, Refused, Unavailable
from tegata.municipality.model import CardAct, CardIssue, CardState, Certificates, Pins, Resident, Standing
from tegata.municipality.store import Store
from tegata.municipality.typesetting import Press
from tegata.reader import ReaderError, TransportError, contents, personalise
from tegata.reader.contents import Facts, Signed
from tegata.reader.jpki import pin_bytes


class CardDesk:
    """The use case of issuing cards."""

    def __init__(self, store: Store, clock: Clock, authority: Authority, counter: Counter, press: Press) -> None:
        self._store = store
        self._clock = clock
        self._authority = authority
        self._counter = counter
        self._press = press
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._ca: dict[Kind, bytes] = {}

    async def issue(self, request_id: str, resident_code: str, card_id: str, pins: Pins) -> CardIssue:
        """Issue the blank card on the counter to a resident, or go on where an earlier call of this request stopped.

        Raises `Refused` (the issue is over), `Unavailable` (repeat the call), `Conflict` and `NotFound`.
        """
        issue = self._store.card(request_id)
        if issue is None:
            issue = self._open(request_id, resident_code, card_id, pins)
        elif (issue.resident_code, issue.card_id) != (resident_code, card_id):
            raise Conflict("municipality.request_reused")
        return await self.proceed(issue.request_id)

    def _open(self, request_id: str, resident_code: str, card_id: str, pins: Pins) -> CardIssue:
        resident = self._resident(resident_code)
        if resident.standing is not Standing.RESIDENT:
            raise Refused("municipality.not_in_register", standing=resident.standing.value)
        today = self._clock.now().astimezone(JST).date()
        may_sign = rules.may_sign(resident.birth, today)
        chosen = _checked(pins, may_sign=may_sign)
        expires = rules.card_expires(resident.birth, today, resident.stay_until)
        if expires <= today:
            raise Refused("municipality.stay_is_over")
        issue = CardIssue(request_id, card_id, resident_code, expires, pins=chosen)
        self._store.save_card(issue)
        return issue

    def _resident(self, code: str) -> Resident:
        resident = self._store.resident(code)
        if resident is None:
            raise NotFound("municipality.unknown_resident")
        return resident

    async def proceed(self, request_id: str) -> CardIssue:
        """Take an issue as far as it goes.  Raises `Refused` when it ends badly, `Unavailable` when it has to wait."""
        lock = self._locks.setdefault(request_id, asyncio.Lock())
        async with lock:
            issue = self._store.card(request_id)
            if issue is None:
                raise NotFound("municipality.unknown_card_request")
            while issue.state in rules.UNFINISHED:
                issue = await self._step(issue)
            if issue.state is not CardState.DELIVERED:
                raise Refused("municipality.card_not_issued", because=issue.reason or "")
            return issue

    async def _step(self, issue: CardIssue) -> CardIssue:
        if issue.state is CardState.REQUESTED:
            return self._make_keys(issue)
        if issue.state is CardState.KEYED:
            return await self._certify(issue)
        if issue.state is CardState.CERTIFIED:
            return await self._write(issue)
        if issue.state is CardState.WRITTEN:
            return await self._deliver(issue)
        await self._authority.discarded(issue.request_id)
        return self._saved(rules.advance(issue, CardAct.DISCARD))

    def _make_keys(self, issue: CardIssue) -> CardIssue:
        with_signing = issue.pins is not None and issue.pins.signing is not None
        try:
            requests = self._counter.make_keys(issue.card_id, with_signing=with_signing)
        except (LookupError, TransportError) as error:
            raise Unavailable("municipality.card_not_on_counter") from error
        except ReaderError as error:
            return self._over(issue, CardAct.FAIL, error.reason)
        return self._saved(dataclasses.replace(rules.advance(issue, CardAct.GENERATE), requests=requests))

    async def _certify(self, issue: CardIssue) -> CardIssue:
        resident = self._resident(issue.resident_code)
        if resident.standing is not Standing.RESIDENT:
            return self._over(issue, CardAct.FAIL, "municipality.not_in_register")
        try:
            certificates = await self._authority.certify(issue, resident)
        except Refused as error:
            return self._over(issue, CardAct.REFUSE, str(error.facts.get("because", error.reason)))
        return self._saved(dataclasses.replace(rules.advance(issue, CardAct.CERTIFY), certificates=certificates))

    async def _write(self, issue: CardIssue) -> CardIssue:
        if issue.certificates is None or issue.pins is None:
            raise Conflict("municipality.wrong_state", state=issue.state.value, act=CardAct.WRITE.value)
        cas = {kind: await self._ca_certificate(kind) for kind in Kind}
        resident = self._resident(issue.resident_code)
        if resident.standing is not Standing.RESIDENT:  # died or left while we waited: nobody is to hold this card
            return self._over(issue, CardAct.FAIL, "municipality.not_in_register")
        try:
            keys = self._counter.own_keys(issue.card_id)
            plan = contents.draft(_facts(issue, resident), face.draw(self._press, resident), keys)
            signed = await self._authority.sign_contents(issue.request_id, plan.digests())
            files = contents.written(plan, signed, raster.digits(signed.security_code))
            content = CardContent(_pair(issue.certificates), cas, files)
            self._counter.write(issue.card_id, content, _pins(issue.pins, issue.certificates, plan.facts, signed))
        except (LookupError, TransportError) as error:
            raise Unavailable("municipality.card_not_on_counter") from error
        except (ReaderError, BadCertificate) as error:
            return self._over(issue, CardAct.FAIL, error.reason)
        return self._saved(dataclasses.replace(rules.advance(issue, CardAct.WRITE), pins=None))

    async def _deliver(self, issue: CardIssue) -> CardIssue:
        with suppress(Refused):  # the authority knows better, for instance that the certificates were revoked since
            await self._authority.delivered(issue.request_id)
        return self._saved(rules.advance(issue, CardAct.DELIVER))

    async def _ca_certificate(self, kind: Kind) -> bytes:
        if kind not in self._ca:
            self._ca[kind] = await self._authority.ca_certificate(kind)
        return self._ca[kind]

    def _over(self, issue: CardIssue, act: CardAct, reason: str) -> CardIssue:
        return self._saved(dataclasses.replace(rules.advance(issue, act, reason), pins=None))

    def _saved(self, issue: CardIssue) -> CardIssue:
        self._store.save_card(issue)
        return issue

    async def recover(self) -> None:
        """Finish every issue that a crash or a silent authority left open; one that still cannot go on stays for next
        time.
        """
        for issue in self._store.cards_in(rules.UNFINISHED):
            try:
                await self.proceed(issue.request_id)
            except TegataError:
                continue


def _facts(issue: CardIssue, resident: Resident) -> Facts:
    """Return what the card says; its text keeps the register's characters, only certificates hold substitutes."""
    four = dataclasses.replace(resident.basic_four(), name=resident.name, address=resident.address)
    return Facts(issue.card_id, resident.municipality_code, issue.card_expires, four, resident.individual_number)


def _pair(certificates: Certificates) -> dict[Kind, bytes]:
    pair = {Kind.AUTHENTICATION: certificates.authentication}
    return pair if certificates.signing is None else pair | {Kind.SIGNING: certificates.signing}


def _pins(chosen: Pins, certificates: Certificates, facts: Facts, signed: Signed) -> personalise.Pins:
    """Return the PINs that the person chose, and the numbers that are printed on the card."""
    number_a, number_b, birth = contents.reference_numbers(facts, signed.security_code)
    signing = chosen.signing if certificates.signing is not None else None
    return personalise.Pins(chosen.authentication, signing, chosen.card, chosen.card, number_a, number_b, birth)


def _checked(pins: Pins, *, may_sign: bool) -> Pins:
    """Return the PINs that this card takes; raises `BadPinFormat` before a card or certificate is spent on them."""
    pin_bytes("authentication", pins.authentication)
    pin_bytes("card", pins.card)
    if not may_sign:
        return dataclasses.replace(pins, signing=None)
    if pins.signing is None:
        raise Refused("municipality.pin_missing", pin="signing_password")
    pin_bytes("signing", pins.signing)
    return pins
