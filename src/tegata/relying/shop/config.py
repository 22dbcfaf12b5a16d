# SPDX-License-Identifier: Apache-2.0
"""What the shop is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tegata.jpki import Kind


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the shop.

    `public_url` is where phones reach it, `authority_url` the base of OCSP and revocation lists, `anchors` the
    authorities' own certificates (DER).  An offer that is not signed within `lifetime` is over.
    """

    public_url: str
    authority_url: str
    anchors: Mapping[Kind, tuple[bytes, ...]] = field(default_factory=dict, repr=False)
    lifetime: timedelta = timedelta(minutes=30)
