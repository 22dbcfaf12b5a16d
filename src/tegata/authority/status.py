# SPDX-License-Identifier: Apache-2.0
"""Status: revocation lists and OCSP answers, always from the committed state.

A list is signed when somebody asks for it and it has changed or grown old, and kept.  An OCSP answer is looked up anew
each time; only its signature is kept, under everything that the answer says, so that a change is seen by the next
answer.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tegata.authority import crl, ocsp
from tegata.authority.ca import Signers
from tegata.authority.errors import NotFound
from tegata.authority.store import SignedList, Store
from tegata.clock import Clock
from tegata.jpki import Kind, assumptions, municipalities, names
from tegata.jpki.municipalities import Municipality

CA_LIST: Final = "ca"
"""Stands for the municipality in the address of the list of an authority's own certificates."""

KEPT_ANSWERS: Final = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """A signed OCSP response and until when it may be kept; one to a nonce may not be."""

    der: bytes = field(repr=False)
    this_update: datetime
    next_update: datetime
    may_be_kept: bool


class StatusDesk:
    """The use cases of asking for status."""

    def __init__(self, store: Store, signers: Signers, clock: Clock) -> None:
        self._store = store
        self._signers = signers
        self._clock = clock
        self._kept: OrderedDict[tuple[object, ...], Answer] = OrderedDict()

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)

    # -- lists ---------------------------------------------------------------------------------------------------------

    def revocation_list(self, kind: Kind, code: str) -> SignedList:
        """Return the list of a municipality (or `ca`), signed anew if it changed or is past half its life.

        Raises `NotFound` for a municipality that is none.
        """
        now = self._now()
        point = self._point(kind, code)
        revision = self._store.revision(kind, code)
        signed = self._store.signed_list(kind, code)
        if signed is not None and signed.revision == revision and _fresh(signed.this_update, signed.next_update, now):
            return signed
        life = timedelta(hours=int(assumptions.value("authority.crl_hours")))
        number = signed.number + 1 if signed else 1
        plan = crl.ListPlan(point, number, now, now + life, for_authorities=code == CA_LIST)
        ca = self._signers.ca(kind)
        # An expired certificate stays on for one more life of the list (RFC 5280 §3.3).
        revoked = self._store.revoked(kind, code, now - life)
        made = SignedList(number, revision, now, now + life, ca.sign(crl.tbs(plan, revoked, ca.issuer)))
        with self._store.act(now) as act:
            act.save_list(kind, code, made)
            act.audit("list.signed", "authority", kind=kind.value, list=code, number=number, entries=len(revoked))
        return made

    def _point(self, kind: Kind, code: str) -> bytes:
        if code == CA_LIST:
            return names.ca_dn(kind)
        place = municipalities.table().get(code)
        if place is None:
            raise NotFound("authority.unknown_list")
        return names.crldp_dn(kind, place)

    def lists(self) -> Iterator[tuple[Kind, str, Municipality | None, SignedList | None]]:
        """Yield every list that can be asked for, with its last signed state."""
        for kind in Kind:
            yield kind, CA_LIST, None, self._store.signed_list(kind, CA_LIST)
            for code, place in sorted(municipalities.table().items()):
                yield kind, code, place, self._store.signed_list(kind, code)

    # -- OCSP ----------------------------------------------------------------------------------------------------------

    def answer(self, kind: Kind, data: bytes) -> Answer:
        """Answer an OCSP request; raises `Malformed`."""
        request = ocsp.parse(data)
        now = self._now()
        findings = tuple(self._finding(kind, question) for question in request.questions)
        if request.nonce is not None or len(findings) > 1:
            return self._signed(kind, findings, now, request.nonce)
        kept = self._kept.get((kind, findings))
        if kept is None or not _fresh(kept.this_update, kept.next_update, now):
            kept = self._kept[kind, findings] = self._signed(kind, findings, now, None)
        self._kept.move_to_end((kind, findings))
        if len(self._kept) > KEPT_ANSWERS:
            self._kept.popitem(last=False)
        return kept

    def _finding(self, kind: Kind, question: ocsp.Question) -> ocsp.Finding:
        ours = self._signers.ca(kind).hashed.get(question.hash_name)
        if (question.name_hash, question.key_hash) != ours:
            return ocsp.Finding(question.raw, known=False)
        known, revocation = self._store.standing(kind, question.serial)
        return ocsp.Finding(question.raw, known, revocation)

    def _signed(self, kind: Kind, findings: tuple[ocsp.Finding, ...], now: datetime, nonce: bytes | None) -> Answer:
        signer = self._signers.responder(kind, now)
        until = now + timedelta(minutes=int(assumptions.value("authority.ocsp_minutes")))
        data = ocsp.response_data(signer.key_id, findings, now, until, nonce)
        return Answer(ocsp.response(signer.answer(data), signer.own.der), now, until, may_be_kept=nonce is None)


def _fresh(this_update: datetime, next_update: datetime, now: datetime) -> bool:
    """Say whether what was signed is in the first half of its life; a clock that was set back makes it stale."""
    return this_update <= now < this_update + (next_update - this_update) / 2
