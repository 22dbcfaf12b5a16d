# SPDX-License-Identifier: Apache-2.0
"""The verifier's benchmark: what it measures are real verdicts, and its references are what they must check."""

import pytest

from tegata.cli.bench import verdicts
from tegata.crypto.keys import Algorithm
from tegata.jpki import Kind
from tegata.verify import TrustStore, verify


@pytest.mark.parametrize("algorithm", [Algorithm.EC_P256, Algorithm.EC_P384])
def test_rows_name_their_reference(algorithm: Algorithm) -> None:
    """One for somebody new, one for somebody known, which is cheaper."""
    user, login = verdicts.rows(algorithm, people=2, times=1)
    assert (user.name, login.name) == (f"verify.user.{algorithm.value}", f"verify.login.{algorithm.value}")
    assert "three" in user.reference
    assert login.value < user.value


def test_what_is_measured_is_accepted_and_the_references_hold() -> None:
    """Every person is another one, and the three raw checks are of the very bytes that were judged."""
    stage = verdicts.Stage(Algorithm.EC_P256)
    trust = TrustStore.of({Kind.SIGNING: [stage.certificate]}, remember=0)
    evidence = [stage.evidence(serial) for serial in (1, 2)]
    assert [verify(one, trust, verdicts.NOW).serial for one in evidence] == [4711, 4712]
    for one in evidence:
        checks = stage.raw(one)
        assert len(checks) == 3
        for check in checks:
            check()
