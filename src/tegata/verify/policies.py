# SPDX-License-Identifier: Apache-2.0
"""Policies by name, as data: `policies.toml` read and range-checked, printed, and written into evidence.

`written` and `read` are inverses, and hold every value, so that a bundle is judged by what was in force then even if
the table has changed since.
"""

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

from tegata.crypto.keys import Scheme
from tegata.jpki import Carrier, Kind
from tegata.messages import Lang, TegataError
from tegata.verify.policy import PRODUCTION_POLICIES, SCHEMES, TEST_POLICIES, Policy

_ARMS: Final = {"test": TEST_POLICIES, "production": PRODUCTION_POLICIES}
_SOURCES: Final = frozenset({"ocsp", "crl"})
_LONGEST: Final = 366 * 86400


class UnknownPolicy(TegataError):
    """No policy has this name (`verify.unknown_policy`), or a written one makes no sense (`verify.bad_policy`)."""


@cache
def _table() -> dict[str, dict[str, Any]]:
    return tomllib.loads((resources.files(__package__) / "policies.toml").read_text("utf-8"))


def names() -> tuple[str, ...]:
    """Return the names of all policies."""
    return tuple(_table())


def summary(name: str, lang: Lang = "en") -> str:
    """Return what a policy is for, in one sentence."""
    return str(_table()[name][lang])


@cache
def named(name: str) -> Policy:
    """Return the policy called `name`; raises `UnknownPolicy`."""
    entry = _table().get(name)
    if entry is None:
        raise UnknownPolicy("verify.unknown_policy", known=", ".join(names()))
    accepted = {oid: [kind.value, carrier.value] for oid, (kind, carrier) in _ARMS[entry["certificates"]].items()}
    schemes = sorted(scheme.value for scheme in SCHEMES)
    return read({"name": name, "certificate_policies": accepted, "schemes": schemes, "no_check": True, **entry})


def written(policy: Policy) -> dict[str, Any]:
    """Return every value of a policy, for printing and for evidence."""
    accepted = {oid: [kind.value, carrier.value] for oid, (kind, carrier) in policy.certificate_policies.items()}
    return {
        "name": policy.name,
        "version": policy.version,
        "certificate_policies": accepted,
        "carriers": sorted(carrier.value for carrier in policy.carriers),
        "schemes": sorted(scheme.value for scheme in policy.schemes),
        "sources": sorted(policy.sources),
        "needs_nonce": policy.needs_nonce,
        "skew": _seconds(policy.skew),
        "ocsp_max_age": _seconds(policy.ocsp_max_age),
        "crl_max_age": _seconds(policy.crl_max_age),
        "no_check": policy.responder_needs_no_check,
    }


def read(entry: Mapping[str, Any]) -> Policy:
    """Return the policy that `written` wrote; raises `UnknownPolicy` (`verify.bad_policy`) naming the wrong member."""
    member = "policy"
    try:
        for member in ("skew", "ocsp_max_age", "crl_max_age"):
            if type(entry[member]) not in (int, float) or not 0 <= entry[member] <= _LONGEST:
                raise ValueError(member)
        for member in ("needs_nonce", "no_check"):
            if not isinstance(entry[member], bool):
                raise ValueError(member)
        if not set(entry["sources"]) <= _SOURCES:
            raise ValueError("sources")
        return Policy(
            certificate_policies={
                str(oid): (Kind(what[0]), Carrier(what[1])) for oid, what in entry["certificate_policies"].items()
            },
            carriers=frozenset(Carrier(one) for one in entry["carriers"]),
            schemes=frozenset(Scheme(one) for one in entry["schemes"]) & SCHEMES,
            sources=frozenset(entry["sources"]),
            needs_nonce=entry["needs_nonce"],
            skew=timedelta(seconds=entry["skew"]),
            ocsp_max_age=timedelta(seconds=entry["ocsp_max_age"]),
            crl_max_age=timedelta(seconds=entry["crl_max_age"]),
            responder_needs_no_check=entry["no_check"],
            name=str(entry["name"]),
            version=int(entry["version"]),
        )
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise UnknownPolicy("verify.bad_policy", part=member) from error


def _seconds(age: timedelta) -> int | float:
    total = age.total_seconds()
    return int(total) if total == int(total) else total
