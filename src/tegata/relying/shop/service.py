# SPDX-License-Identifier: Apache-2.0
"""The use cases of the shop.

1. `offer`: a plan is chosen; the contract's document is fixed.
2. `sign`: a certificate and a signature over the document are judged.  Accepted, the evidence is sealed and the
   contract stands; refused, the reason is shown and the offer still stands.

Both may be repeated: the same request opens one contract, the same signature is accepted once.
"""

import asyncio
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import httpx

from tegata.clock import Clock
from tegata.crypto.vault import Vault
from tegata.messages import LANGUAGES
from tegata.relying.errors import NotFound, OutOfStep, Refused
from tegata.relying.shop import evidence, paper, rules
from tegata.relying.shop.config import Config
from tegata.relying.shop.judge import Judge
from tegata.relying.shop.model import Act, Contract, Refusal, State
from tegata.relying.shop.store import Store
from tegata.wire import b64


class Shop:
    """The mobile company.  Make one with `Shop.open`; used from one event loop."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        judge: Judge,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.config = config
        self._store = store
        self._clock = clock
        self._judge = judge
        self._random = randomness
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    def open(
        cls,
        config: Config,
        clock: Clock,
        http: httpx.AsyncClient,
        vault: Vault,
        path: Path,
        *,
        randomness: Callable[[int], bytes] = os.urandom,
        on_commit: Callable[[str], None] | None = None,
    ) -> "Shop":
        """Open the shop's file at `path`; raises `StorageError`."""
        judge = Judge(http, config.authority_url, config.anchors, randomness)
        return cls(config, Store.open(path, vault, on_commit), clock, judge, randomness)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    async def recover(self) -> None:
        """Nothing is ever left half done here: an offer ends by its time, a signature is accepted in one commit."""

    def offer(self, request_id: str, plan_id: str) -> Contract:
        """Open a contract for a plan, or return the one that this request opened.

        Raises `Refused` (`shop.unknown_plan`) and `OutOfStep` (`shop.request_reused`).
        """
        known = self._store.by_request(request_id)
        if known is not None:
            if known.plan.plan_id != plan_id:
                raise OutOfStep("shop.request_reused")
            return self.get(known.contract_id)
        plan, now = paper.plan(plan_id), self._clock.now()
        contract_id = self._random(16).hex()
        document = paper.document(contract_id, plan, now)
        contract = Contract(contract_id, request_id, plan, document, now, now + self.config.lifetime)
        self._store.add(contract)
        return contract

    def get(self, contract_id: str) -> Contract:
        """Return a contract as it stands now; raises `NotFound`."""
        contract = self._store.by_id(contract_id)
        if contract is None:
            raise NotFound("shop.unknown_contract")
        if rules.due(contract, self._clock.now()):
            contract = rules.advance(contract, Act.EXPIRE)
            self._store.save(contract)
        return contract

    def evidence(self, contract_id: str) -> dict[str, Any]:
        """Return the whole record of the signature; raises `NotFound` and `OutOfStep` (`shop.not_signed`)."""
        kept = self.get(contract_id).evidence
        if kept is None:
            raise OutOfStep("shop.not_signed")
        return kept

    async def sign(self, contract_id: str, certificate: bytes, signature: bytes) -> Contract:
        """Judge a signature over the contract's document.

        Raises `Refused` with the verifier's reason and checks, `OutOfStep` when the contract is signed by somebody
        else or over, and `Unavailable` when the certificate's status cannot be learned.
        """
        async with self._lock(contract_id):
            contract = self.get(contract_id)
            if contract.state is State.SIGNED and _is_of(contract, certificate, signature):
                return contract
            rules.advance(contract, Act.SIGN)
            try:
                judged = await self._judge.judge(contract.document, certificate, signature, self._clock.now)
            except Refused as error:
                refused = rules.advance(self.get(contract_id), Act.REFUSE)
                self._store.save(dataclasses.replace(refused, refusal=self._refusal(error)))
                raise
            signed = rules.advance(self.get(contract_id), Act.SIGN)
            signed = dataclasses.replace(signed, evidence=evidence.record(contract, judged), refusal=None)
            self._store.save(signed)
            return signed

    def _refusal(self, error: Refused) -> Refusal:
        facts = {name: value for name, value in error.facts.items() if isinstance(value, str | int | bool)}
        checks = {lang: [check.to_json(lang) for check in error.checks] for lang in LANGUAGES}
        return Refusal(error.reason, self._clock.now(), facts, {str(lang): shown for lang, shown in checks.items()})

    def _lock(self, contract_id: str) -> asyncio.Lock:
        return self._locks.setdefault(contract_id, asyncio.Lock())


def _is_of(contract: Contract, certificate: bytes, signature: bytes) -> bool:
    kept = contract.evidence or {}
    return (kept.get("certificate"), kept.get("signature")) == (b64(certificate), b64(signature))
