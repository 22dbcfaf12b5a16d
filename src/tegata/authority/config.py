# SPDX-License-Identifier: Apache-2.0
"""What the authority is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tegata.crypto.keys import Algorithm


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the authority.

    `public_url` is where verifiers reach it; authentication certificates name its OCSP address.  `tokens` are the
    bearer tokens of those who may call, by role: `municipality`, `enrolment`, `hotline`, `signin`, `relying`,
    `delivery`, `operator`.  `algorithm` is that of the authorities and of every key they certify: RSA-2048 is today's
    card, P-384 the next.
    """

    public_url: str
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    algorithm: Algorithm = Algorithm.RSA_2048
