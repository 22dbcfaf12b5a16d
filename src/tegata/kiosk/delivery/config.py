# SPDX-License-Identifier: Apache-2.0
"""What the delivery centre is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tegata.jpki import Kind
from tegata.kiosk.hours import Hours


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the delivery centre.

    `authority_url` is the base of the authority's routes and of its status service, `municipality_url` that of the
    municipality's; the two tokens open the role `delivery` at either.  `anchors` are the authorities' own certificates
    (DER).  `tokens` are the bearer tokens of those who may call here, by role (`terminal`).  A transaction that has
    no document after `lifetime` is over.  `hours` is `None` for a centre that never closes.
    """

    authority_url: str
    municipality_url: str
    authority_token: str = field(repr=False)
    municipality_token: str = field(repr=False)
    anchors: Mapping[Kind, tuple[bytes, ...]] = field(default_factory=dict, repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    lifetime: timedelta = timedelta(minutes=5)
    hours: Hours | None = None
