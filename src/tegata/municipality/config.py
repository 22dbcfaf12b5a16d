# SPDX-License-Identifier: Apache-2.0
"""What the municipality is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the municipality.

    `authority_url` is the base of the authority's routes and `authority_token` opens its role `municipality`.
    `tokens` are the bearer tokens of those who may call here, by role: `operator` (the counter) and `delivery` (the
    delivery centre).  `font` is the file of IPAmj明朝; `None` looks in the system's usual folders.  A rendered
    document can be fetched again under its transaction for `keep_documents`, then it is erased.
    """

    authority_url: str
    authority_token: str = field(repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    font: Path | None = None
    keep_documents: timedelta = timedelta(minutes=15)
