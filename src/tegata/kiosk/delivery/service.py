# SPDX-License-Identifier: Apache-2.0
"""The use cases of the delivery centre.

1. `begin`: a terminal opens a transaction and gets a challenge.
2. `prove`: the certificate and its signature over the challenge are verified; the authority names the person.
3. `document`: the municipality's PDF is fetched and every mark on it is checked; the certificate's status is asked
   once more; only then is the document handed over.  It is never stored here.
4. `printed`, `cancel`: the terminal says what became of it.

Every call may be repeated.  Work on one transaction is done one call at a time, and what a call has learned while it
waited for a partner counts only if the transaction is still alive when the answer comes: an answer that is late is
dropped, whatever it is.
"""

import asyncio
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

import httpx

from tegata.clock import Clock
from tegata.jpki import Kind
from tegata.kiosk import binding
from tegata.kiosk.delivery import rules
from tegata.kiosk.delivery.config import Config
from tegata.kiosk.delivery.model import Act, State, Transaction, Wish
from tegata.kiosk.delivery.partners import Authority, Delivered, Municipality
from tegata.kiosk.delivery.proof import Prover
from tegata.kiosk.delivery.store import Store
from tegata.kiosk.errors import NotFound, OutOfStep, Refused
from tegata.kiosk.hours import check_open

DOCUMENTS = frozenset({"residence-certificate"})
"""What the centre can fetch: the names of the municipality's routes."""


class DeliveryCentre:
    """One delivery centre.  Make one with `DeliveryCentre.open`; used from one event loop."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        http: httpx.AsyncClient,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.config = config
        self._store = store
        self._clock = clock
        self._authority = Authority(http, config.authority_url, config.authority_token)
        self._municipality = Municipality(http, config.municipality_url, config.municipality_token)
        self._prover = Prover(http, config.authority_url, config.anchors, randomness)
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
        randomness: Callable[[int], bytes] = os.urandom,
        on_commit: Callable[[str], None] | None = None,
    ) -> "DeliveryCentre":
        """Open the centre's file at `path`; raises `StorageError`."""
        return cls(config, Store.open(path, on_commit), clock, http, randomness)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    async def recover(self) -> None:
        """End the transactions whose time ran out while nobody was there."""
        for transaction in self._store.live():
            self.get(transaction.transaction_id)

    # -- the life of a transaction --------------------------------------------------------------------------------

    def begin(self, request_id: str, terminal_id: str, wish: Wish) -> Transaction:
        """Open a transaction, or return the one that this request opened.

        Raises `Refused` (`kiosk.closed`, `kiosk.unknown_document`) and `OutOfStep` (`kiosk.request_reused`).
        """
        known = self._store.by_request(request_id)
        if known is not None:
            if (known.terminal_id, known.wish) != (terminal_id, wish):
                raise OutOfStep("kiosk.request_reused")
            return self.get(known.transaction_id)
        now = self._clock.now()
        check_open(self.config.hours, now)
        if wish.document not in DOCUMENTS:
            raise Refused("kiosk.unknown_document")
        identifier, challenge = self._random(16).hex(), self._random(32)
        transaction = Transaction(identifier, request_id, terminal_id, wish, challenge, now, now + self.config.lifetime)
        self._store.save(transaction)
        return transaction

    def get(self, transaction_id: str) -> Transaction:
        """Return a transaction as it stands now; raises `NotFound`."""
        transaction = self._store.by_id(transaction_id)
        if transaction is None:
            raise NotFound("kiosk.unknown_transaction")
        if rules.due(transaction, self._clock.now()):
            transaction = self._move(transaction, Act.EXPIRE, "kiosk.expired")
        return transaction

    async def prove(self, transaction_id: str, certificate: bytes, signature: bytes) -> Transaction:
        """Accept the proof of who is asking.

        Raises `Refused` (the transaction is over), `OutOfStep` when another certificate has proved already or the
        transaction is over, and `Unavailable`.
        """
        async with self._lock(transaction_id):
            transaction = self.get(transaction_id)
            fingerprint = binding.certificate_sha256(certificate)
            if transaction.state in (State.AUTHENTICATED, State.ISSUED):
                if transaction.fingerprint != fingerprint:
                    raise OutOfStep("kiosk.other_certificate")
                return transaction
            rules.advance(transaction, Act.AUTHENTICATE)
            signed = binding.signed_bytes(transaction_id, transaction.challenge)
            try:
                verdict = await self._prover.prove(certificate, signed, signature, self._clock.now)
                holder = await self._authority.holder(Kind.AUTHENTICATION, verdict.serial)
            except Refused as error:
                raise self._refused(transaction_id, error) from error
            proven = dataclasses.replace(
                self.get(transaction_id),
                certificate=certificate,
                fingerprint=fingerprint,
                resident_code=holder.resident_code,
                municipality_code=holder.municipality_code,
            )
            return self._move(proven, Act.AUTHENTICATE)

    async def document(self, transaction_id: str) -> bytes:
        """Return the document of an authenticated transaction; may be repeated until it is printed.

        Raises `Refused` (the transaction is over), among them `ForeignDocument`, `OutOfStep` and `Unavailable`.
        """
        async with self._lock(transaction_id):
            transaction = self.get(transaction_id)
            rules.advance(transaction, Act.ISSUE)
            try:
                delivered = await self._fetch(transaction)
                _check_marks(delivered, transaction)
                await self._prover.recheck(transaction.certificate or b"", self._clock.now)
            except Refused as error:
                raise self._refused(transaction_id, error) from error
            self._move(self.get(transaction_id), Act.ISSUE)
            return delivered.pdf

    def printed(self, transaction_id: str) -> Transaction:
        """Take note that the document is on paper; may be repeated."""
        return self._report(transaction_id, Act.PRINT, State.PRINTED)

    def cancel(self, transaction_id: str) -> Transaction:
        """End a transaction whose document is not on paper, at once; may be repeated, also when it is over already."""
        transaction = self.get(transaction_id)
        if transaction.state in (State.REFUSED, State.EXPIRED):
            return transaction
        return self._report(transaction_id, Act.CANCEL, State.CANCELLED)

    def _report(self, transaction_id: str, act: Act, already: State) -> Transaction:
        transaction = self.get(transaction_id)
        return transaction if transaction.state is already else self._move(transaction, act)

    # -- steps ----------------------------------------------------------------------------------------------------

    async def _fetch(self, transaction: Transaction) -> Delivered:
        body = {
            "transaction_id": transaction.transaction_id,
            "resident_code": transaction.resident_code,
            "certificate_sha256": transaction.fingerprint,
            "individual_number": transaction.wish.individual_number,
        }
        return await self._municipality.fetch(transaction.wish.document, body)

    def _refused(self, transaction_id: str, error: Refused) -> Refused | OutOfStep:
        """End the transaction for the reason of `error` and return what to raise."""
        try:
            self._move(self.get(transaction_id), Act.REFUSE, error.reason)
        except OutOfStep as over:  # it ended while a partner was thinking
            return over
        return error

    def _move(self, transaction: Transaction, act: Act, reason: str | None = None) -> Transaction:
        moved = rules.advance(transaction, act, reason)
        self._store.save(moved)
        return moved

    def _lock(self, transaction_id: str) -> asyncio.Lock:
        return self._locks.setdefault(transaction_id, asyncio.Lock())


def _check_marks(delivered: Delivered, transaction: Transaction) -> None:
    """Check that a document is this transaction's, this certificate's and this person's; raises `ForeignDocument`."""
    fingerprint, resident = transaction.fingerprint or "", transaction.resident_code or ""
    binding.check_mark(delivered.transaction_id, transaction.transaction_id)
    binding.check_mark(delivered.subject, binding.subject_of(transaction.transaction_id, fingerprint))
    binding.check_mark(delivered.holder, binding.holder_of(transaction.transaction_id, resident))
    binding.check_document(delivered.pdf, transaction.transaction_id, fingerprint)
