# SPDX-License-Identifier: Apache-2.0
"""A contract: an offer with a document, and the evidence that somebody signed it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How far a contract has come."""

    OFFERED = "offered"
    SIGNED = "signed"
    EXPIRED = "expired"


class Act(StrEnum):
    """What moves a contract on."""

    SIGN = "sign"
    REFUSE = "refuse"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class Plan:
    """One tariff."""

    plan_id: str
    ja: str
    en: str
    yen_a_month: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last signature that was refused: why, when, and the verifier's checks in both languages."""

    reason: str
    at: datetime
    facts: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract.  `document` is exactly what is signed; it names nobody.

    `evidence` is the record of the signature, as `evidence.record` makes it, with the signer's attributes.
    """

    contract_id: str
    request_id: str
    plan: Plan
    document: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime
    state: State = State.OFFERED
    refusal: Refusal | None = None
    evidence: dict[str, Any] | None = field(default=None, repr=False)
