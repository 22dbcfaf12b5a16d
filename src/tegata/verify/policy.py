# SPDX-License-Identifier: Apache-2.0
"""What a verifier accepts, as data: certificate policies, carriers, signature schemes, ages of status, sizes of input.

The default accepts the certificates of this country (test arm) and nothing else; an operator who checks genuine cards
passes `Policy(certificate_policies=PRODUCTION_POLICIES)` together with the genuine anchors.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Final

from tegata.crypto.keys import Scheme
from tegata.jpki import Carrier, Kind, oids
from tegata.verify.memory import Memory

Policies = Mapping[str, tuple[Kind, Carrier]]


class _Written(Mapping[str, tuple[Kind, Carrier]]):
    """A table that is made when it is first asked: the assumptions that it rests on take long to read."""

    def __init__(self, make: Callable[[], dict[str, tuple[Kind, Carrier]]]) -> None:
        self._make = cache(make)

    def __getitem__(self, oid: str) -> tuple[Kind, Carrier]:
        return self._make()[oid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._make())

    def __len__(self) -> int:
        return len(self._make())


TEST_POLICIES: Final[Policies] = _Written(
    lambda: {oids.policy(kind, carrier): (kind, carrier) for kind in Kind for carrier in Carrier}
)
"""Policy OID -> what it certifies, for certificates of this country."""

PRODUCTION_POLICIES: Final[Policies] = MappingProxyType({oid: what for what, oid in oids.PRODUCTION_POLICIES.items()})
"""The same for genuine certificates."""

KNOWN_POLICIES: Final[Policies] = _Written(lambda: {**TEST_POLICIES, **PRODUCTION_POLICIES})
"""Both: enough to say what a certificate claims to be, before anything says whether that is accepted."""

SCHEMES: Final = frozenset(set(Scheme) - {Scheme.RSA_PKCS1_BARE})
"""Every scheme that hashes.  Bare padding signs whatever it is given, so it proves nothing about a document."""

CERTIFICATE_LIMIT: Final = 16 << 10
OCSP_LIMIT: Final = 64 << 10
CRL_LIMIT: Final = 16 << 20
"""Bytes beyond which input is refused unread; genuine certificates are about 2 kB, responses 1 to 3 kB,
and every municipality has a list of its own."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What one relying party accepts.

    `skew` is how far a status may seem to come from the future; `ocsp_max_age` and `crl_max_age` bound how old it may
    be even when it says that it holds longer (the genuine sources are renewed every 15 minutes and daily).
    `sources` may say "good"; one that is not among them can only refuse.  `needs_nonce` wants an OCSP response that
    was made for this very question.  `name` and `version` say which of `policies.toml` it is; one that a program
    makes for itself is "custom".
    """

    certificate_policies: Policies = field(default_factory=lambda: TEST_POLICIES)
    carriers: frozenset[Carrier] = frozenset(Carrier)
    schemes: frozenset[Scheme] = SCHEMES
    sources: frozenset[str] = frozenset({"ocsp", "crl"})
    needs_nonce: bool = False
    skew: timedelta = timedelta(seconds=60)
    ocsp_max_age: timedelta = timedelta(hours=1)
    crl_max_age: timedelta = timedelta(days=2)
    responder_needs_no_check: bool = True
    """Refuse a delegated responder without id-pkix-ocsp-nocheck: nothing else says that it is not revoked."""
    name: str = "custom"
    version: int = 1


DEFAULT_POLICY: Final = Policy()


@dataclass(frozen=True, slots=True)
class Terms:
    """What one judgement goes by: the time it is made for (aware), the policy, and what was proved before."""

    now: datetime
    policy: Policy
    memory: Memory = field(default_factory=Memory, repr=False)
