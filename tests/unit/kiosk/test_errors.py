# SPDX-License-Identifier: Apache-2.0
"""What another party says no with reaches the person as it was said, and silence stays silence."""

from typing import Any

import httpx
import pytest

from tegata.kiosk.errors import KioskError, NotFound, OutOfStep, Refused, Unavailable, relayed


def answered(status: int, **problem: Any) -> KioskError:
    """Return the error for a problem document."""
    return relayed(httpx.Response(status, json=problem), "kiosk.centre_unavailable")


def test_a_refusal_keeps_reason_clause_facts_and_checks() -> None:
    """A verdict's list of checks passes through two services unchanged."""
    check = {"name": "certificate.status", "outcome": "failed"}
    error = answered(422, reason="verify.held", clause="RFC 6960", facts={"revoked_at": "2026"}, checks=[check])
    assert isinstance(error, Refused)
    assert (error.reason, error.clause, error.facts) == ("verify.held", "RFC 6960", {"revoked_at": "2026"})
    assert [one.to_json("ja") for one in error.checks] == [check]


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (409, OutOfStep), (400, Refused), (422, Refused)])
def test_status_codes_become_classes(status: int, kind: type[KioskError]) -> None:
    """The HTTP status says what may be done next."""
    assert type(answered(status, reason="kiosk.transaction_over", facts={"state": "expired"})) is kind


@pytest.mark.parametrize("status", [500, 502, 503, 401, 403])
def test_trouble_between_services_is_not_the_persons(status: int) -> None:
    """A partner that is down, or a token that is wrong, is shown as a service that is not there."""
    error = answered(status, reason="wire.unauthorized")
    assert (type(error), error.reason) == (Unavailable, "kiosk.centre_unavailable")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'"text"', b"\xff\xfe"])
def test_what_is_no_problem_document_is_unavailable(body: bytes) -> None:
    """A proxy's error page gives no reason that could be shown."""
    assert isinstance(relayed(httpx.Response(422, content=body), "kiosk.centre_unavailable"), Unavailable)


@pytest.mark.parametrize(
    "facts", [None, [], "text", {"reason": "x", "clause": 1, "self": 2, "checks": 3, "other": "y"}]
)
def test_facts_cannot_break_the_error(facts: object) -> None:
    """Members that would collide with the error's own are left out."""
    error = answered(422, reason="verify.held", facts=facts, checks="none")
    assert set(error.facts) <= {"other"}
