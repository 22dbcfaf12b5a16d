# SPDX-License-Identifier: Apache-2.0
"""The list of checks: complete, in order, and honest about what was not reached."""

import pytest

from tegata.messages import LANGUAGES, catalogue
from tegata.verify import Check, Rejected
from tegata.verify.answer import REVOKED
from tegata.verify.checks import EVIDENCE_STEPS, Step
from tegata.verify.ledger import Ledger

STEPS = (Step("one", "§1"), Step("two", "§2"), Step("three", "§3"))


def test_a_failed_step_keeps_its_own_clause_if_it_has_one() -> None:
    """The error's clause is closer to the fault than the step's; without one the step's stands."""
    for clause, shown in (("§2.7", "§2.7"), (None, "§2")):
        ledger = Ledger(STEPS)
        with ledger.step("one") as note:
            note.detail = "fact"
        with pytest.raises(Rejected) as caught, ledger.step("two"):
            raise Rejected("verify.expired", clause=clause)
        assert caught.value.checks == (
            Check("one", "§1", "passed", "fact"),
            Check("two", shown, "failed", "verify.expired"),
            Check("three", "§3", "not_reached"),
        )


def test_an_error_that_is_no_verdict_is_not_listed() -> None:
    """A programming error passes through as it is: the step neither passed nor failed."""
    ledger = Ledger(STEPS)
    with pytest.raises(ZeroDivisionError), ledger.step("one"):
        _ = 1 // 0
    assert [check.outcome for check in ledger.checks()] == ["not_reached"] * 3


def test_steps_are_taken_in_the_planned_order() -> None:
    """A step out of turn is a bug that shows at once."""
    with pytest.raises(ValueError, match="planned"), Ledger(STEPS).step("two"):
        pass


def test_every_step_and_every_revocation_has_words() -> None:
    """Reasons that come from tables, not from literals, are in the catalogue too."""
    reasons = {f"verify.check.{step.name.replace('.', '_')}" for step in EVIDENCE_STEPS} | set(REVOKED.values())
    assert reasons <= set(catalogue())


def test_a_check_in_json_leaves_out_what_it_does_not_have() -> None:
    """`detail` appears only where there is one."""
    check = Check("certificate.path", "RFC 5280 §6", "not_reached")
    for lang in LANGUAGES:
        shown = check.to_json(lang)
        assert set(shown) == {"name", "title", "clause", "outcome"}
        assert shown["title"] == catalogue()["verify.check.certificate_path"][lang].what
    assert Check("certificate.path", "§", "failed", "verify.untrusted").to_json()["detail"] == "verify.untrusted"
