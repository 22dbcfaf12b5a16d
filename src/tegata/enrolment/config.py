# SPDX-License-Identifier: Apache-2.0
"""What the enrolment service is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta

from tegata.jpki import Kind, assumptions


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one enrolment service.

    `authority_url` is the base of the authority's routes; the two tokens open its roles `enrolment` and `hotline`.
    `anchors` are the certificates (DER) of the authorities that are trusted for each kind.  `tokens` are the bearer
    tokens of those who may call this service, by role (`hotline`); a phone's application is opened by its unguessable
    identifier.  `proof_lifetime` bounds the card's signature to its challenge; `lifetime` the whole application.
    `admission` is the policy for devices.  `opens` and `closes` are the hours (JST) in which certificates are issued;
    equal means always.
    """

    authority_url: str
    enrolment_token: str = field(repr=False)
    hotline_token: str = field(repr=False)
    anchors: Mapping[Kind, tuple[bytes, ...]] = field(repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    proof_lifetime: timedelta = timedelta(minutes=15)
    lifetime: timedelta = timedelta(days=1)
    admission: str = field(default_factory=lambda: str(assumptions.value("enrolment.admission")))
    opens: time = time(0)
    closes: time = time(0)
