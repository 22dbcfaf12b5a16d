# SPDX-License-Identifier: Apache-2.0
"""Issuing: prepare, lint, record, sign once.

1. The order is checked: who may have what, proof of possession, keys never certified before.
2. The bytes to be signed are written and linted.
3. They are recorded with the request, their links and whatever they supersede, in one transaction.
4. They are signed, as recorded.  A crash before that leaves a record that the repeat of the request, or `finish`,
   signs.

So the same request always yields the same pair, and no serial number ever stands on two different certificates.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime

from tegata.authority import lint, pkcs10, profiles, rules
from tegata.authority.ca import Signers
from tegata.authority.config import Config
from tegata.authority.ending import end
from tegata.authority.errors import Conflict, Refused
from tegata.authority.model import CardOrder, Cause, Certificate, Issued, PhoneOrder, Request, Stage, Status, Superseded
from tegata.authority.profiles import EndEntity
from tegata.authority.store import Store, Writing
from tegata.clock import JST, Clock
from tegata.jpki import Carrier, Kind, municipalities


class IssuingDesk:
    """The use cases of issuing to cards and phones.  `random(n)` yields n unpredictable bytes."""

    def __init__(
        self, config: Config, store: Store, signers: Signers, clock: Clock, random: Callable[[int], bytes]
    ) -> None:
        self._config = config
        self._store = store
        self._signers = signers
        self._clock = clock
        self._random = random

    # -- cards ---------------------------------------------------------------------------------------------------------

    def card(self, order: CardOrder) -> Issued:
        """Certify a card's keys, or return what this request brought before.

        Raises `Refused` (the order or its keys), `Conflict` (the request was another's), `UnknownMunicipality`.
        """
        digest = _digest(order.resident_code, order.signing, order.authentication)
        done = self._store.request(Carrier.CARD, order.request_id)
        if done is not None:
            return self._again(done, digest)
        now = self._now()
        self._check_card(order, now)
        keys = self._keys({Kind.SIGNING: order.signing, Kind.AUTHENTICATION: order.authentication})
        request = Request(Carrier.CARD, order.request_id, digest, Stage.ISSUED)
        before = self._current(order.resident_code, Carrier.CARD)
        with self._store.act(now) as act:
            act.save_request(request)
            made = []
            for kind, spki in keys.items():
                renewed = before.get(kind)
                wanted = self._for_card(act, kind, order, spki, renewed)
                made.append(self._record(act, request, wanted, order.resident_code, renews=renewed))
            act.audit("card.certified", "municipality", request_id=order.request_id, certificates=_named(made))
        return self._complete(request)

    def _check_card(self, order: CardOrder, now: datetime) -> None:
        municipalities.by_code(order.municipality_code)
        self._check_resident(order.resident_code)
        if str(order.basic_four.birth)[1:] != str(order.birth)[1:]:  # the era is redundant, and often wrong
            raise Refused("authority.birth_differs")
        if order.signing is not None and not rules.may_sign(order.birth, now.astimezone(JST).date()):
            raise Refused("authority.under_age")

    def _check_resident(self, resident_code: str) -> None:
        if self._store.event_kinds(resident_code) & rules.ENDS_RESIDENCE:
            raise Refused("authority.resident_gone")

    def _current(self, resident_code: str, carrier: Carrier) -> dict[Kind, Certificate]:
        """Return the newest certificate of each kind on such a carrier, good or not."""
        return {one.kind: one for one in self._store.of_resident(resident_code) if one.carrier is carrier}

    def _for_card(
        self, act: Writing, kind: Kind, order: CardOrder, spki: bytes, renewed: Certificate | None
    ) -> EndEntity:
        place = municipalities.by_code(order.municipality_code)
        today = act.now.astimezone(JST).date()
        earlier = None
        if renewed is not None and renewed.status(act.now) is Status.GOOD:
            earlier = renewed.not_after.astimezone(JST).date()
        last = rules.last_day(order.birth, today, order.card_expires, earlier)
        serial = act.next_serial(kind)
        return EndEntity(
            kind=kind,
            carrier=Carrier.CARD,
            serial=serial,
            subject=self._subject(kind, place, act.now, serial),
            not_before=act.now,
            not_after=rules.end_of(last),
            spki=spki,
            municipality=place,
            ocsp_url=self._ocsp_url(kind),
            basic_four=order.basic_four.to_san_der() if kind is Kind.SIGNING else None,
        )

    # -- phones --------------------------------------------------------------------------------------------------------

    def phone(self, order: PhoneOrder) -> Issued:
        """Certify a phone's keys under a card's certificates, and end the person's earlier phone in the same
        transaction.

        Raises `Refused` (the card's certificates are not good, or the keys), `Conflict`.
        """
        digest = _digest(str(order.parent_serial), order.signing, order.authentication)
        done = self._store.request(Carrier.PHONE, order.request_id)
        if done is not None:
            return self._again(done, digest)
        now = self._now()
        parents = self._parents(order.parent_serial, now)
        keys = self._keys({Kind.SIGNING: order.signing, Kind.AUTHENTICATION: order.authentication})
        resident_code = parents[Kind.SIGNING].resident_code
        before = self._current(resident_code, Carrier.PHONE)
        with self._store.act(now) as act:
            ended = end(self._store, act, Cause.NEW_PHONE, self._store.of_resident(resident_code))
            superseded = Superseded(
                tuple(one.certificate.serial for one in ended),
                tuple(dict.fromkeys(one.certificate.request_id for one in ended)),
            )
            request = Request(Carrier.PHONE, order.request_id, digest, Stage.ISSUED, superseded)
            act.save_request(request)
            made = []
            for kind, spki in keys.items():
                wanted = self._for_phone(act, parents[kind], spki)
                made.append(self._record(act, request, wanted, resident_code, parents[kind], before.get(kind)))
            act.audit(
                "phone.certified",
                "enrolment",
                request_id=order.request_id,
                parent=str(order.parent_serial),
                certificates=_named(made),
                ended=[one.to_json() for one in ended],
            )
        return self._complete(request)

    def _parents(self, serial: int, now: datetime) -> dict[Kind, Certificate]:
        """Return the card's pair that a phone may hang on: both good."""
        signing = self._store.certificate(Kind.SIGNING, serial)
        if signing is None or signing.carrier is not Carrier.CARD:
            raise Refused("authority.unknown_parent")
        pair = self._store.pair(Carrier.CARD, signing.request_id)
        for kind in Kind:
            status = pair[kind].status(now)
            if status is not Status.GOOD:
                raise Refused("authority.parent_not_good", kind=kind.value, status=status.value)
        self._check_resident(signing.resident_code)
        return pair

    def _for_phone(self, act: Writing, parent: Certificate, spki: bytes) -> EndEntity:
        """Attributes, municipality and end are the card's; key, serial number and subject the phone's own."""
        place = municipalities.by_code(parent.municipality_code)
        serial = act.next_serial(parent.kind)
        return EndEntity(
            kind=parent.kind,
            carrier=Carrier.PHONE,
            serial=serial,
            subject=self._subject(parent.kind, place, act.now, serial),
            not_before=act.now,
            not_after=parent.not_after,
            spki=spki,
            municipality=place,
            ocsp_url=self._ocsp_url(parent.kind),
            basic_four=lint.subject_alt_name(parent.tbs),
        )

    # -- both ----------------------------------------------------------------------------------------------------------

    def _keys(self, wanted: Mapping[Kind, bytes | None]) -> dict[Kind, bytes]:
        keys = {
            kind: pkcs10.certified_key(kind, request, self._config.algorithm)
            for kind, request in wanted.items()
            if request is not None
        }
        if len(set(keys.values())) < len(keys) or any(self._store.key_is_known(spki) for spki in keys.values()):
            raise Refused("authority.key_used_before")
        return keys

    def _subject(self, kind: Kind, place: municipalities.Municipality, now: datetime, serial: int) -> bytes:
        if kind is Kind.SIGNING:
            return profiles.signing_subject(place, now, serial)
        return profiles.authentication_subject(place, self._random)

    def _ocsp_url(self, kind: Kind) -> str:
        return f"{self._config.public_url.rstrip('/')}/ocsp/{kind.value}"

    def _record(
        self,
        act: Writing,
        request: Request,
        wanted: EndEntity,
        resident_code: str,
        parent: Certificate | None = None,
        renews: Certificate | None = None,
    ) -> Certificate:
        issuer = self._signers.ca(wanted.kind).issuer
        if wanted.not_after > issuer.not_after:
            raise Refused("authority.ca_ends_first", kind=wanted.kind.value)
        tbs = profiles.end_entity(wanted, issuer)
        lint.check(tbs, wanted, issuer)
        made = Certificate(
            kind=wanted.kind,
            serial=wanted.serial,
            carrier=wanted.carrier,
            request_id=request.request_id,
            resident_code=resident_code,
            municipality_code=wanted.municipality.code,
            not_before=wanted.not_before,
            not_after=wanted.not_after,
            tbs=tbs,
            parent=parent.serial if parent else None,
            renews=renews.serial if renews else None,
        )
        act.add_certificate(made, wanted.spki)
        return made

    def _again(self, done: Request, digest: str) -> Issued:
        if done.stage is Stage.DISCARDED and not self._store.pair(done.carrier, done.request_id):
            raise Refused("authority.discarded")
        if done.digest != digest:
            raise Conflict("authority.request_reused")
        return self._complete(done)

    def _complete(self, request: Request) -> Issued:
        """Sign what was recorded and not yet signed, and return the pair."""
        pair = self._store.pair(request.carrier, request.request_id)
        if any(one.der is None for one in pair.values()):
            self._sign([one for one in pair.values() if one.der is None])
            pair = self._store.pair(request.carrier, request.request_id)
        return Issued(request, pair.get(Kind.SIGNING), pair[Kind.AUTHENTICATION])

    def _sign(self, recorded: list[Certificate]) -> None:
        signed = [(one, self._signers.ca(one.kind).sign(one.tbs)) for one in recorded]
        with self._store.act(self._now()) as act:
            for one, certificate in signed:
                act.sign(one, certificate)
            digests = {f"{one.kind.value}.{one.serial}": hashlib.sha256(der).hexdigest() for one, der in signed}
            act.audit("certificates.signed", "authority", sha256=digests)

    def finish(self) -> None:
        """Sign what a crash left recorded and unsigned."""
        recorded = self._store.unsigned()
        if recorded:
            self._sign(recorded)

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)


def _digest(who: str, signing: bytes | None, authentication: bytes) -> str:
    """Identify an order by the person or parent and the keys: attributes may have changed when it is repeated."""
    parts = (who.encode(), signing or b"", authentication)
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).hexdigest()


def _named(made: list[Certificate]) -> list[dict[str, str]]:
    return [{"kind": one.kind.value, "serial": str(one.serial)} for one in made]
