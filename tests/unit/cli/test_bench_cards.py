# SPDX-License-Identifier: Apache-2.0
"""The rows about cards: there with their floors, and honest where a tool is missing."""

import pytest

from tegata.cli import bench
from tegata.cli.bench import cards, pcscd
from tegata.cli.bench.pcscd import Missing


def test_apdus_in_memory_and_over_the_wire() -> None:
    """Each has a floor below it, and a rate that agrees with its time."""
    rows = {one.name: one for one in cards.apdus(times=20)}
    assert list(rows) == ["apdu.memory", "apdu.memory.rate", "apdu.vpcd", "apdu.vpcd.rate"]
    for name in ("apdu.memory", "apdu.vpcd"):
        assert rows[name].reference_value
        assert rows[name].value * rows[f"{name}.rate"].value == pytest.approx(1e6)


@pytest.mark.parametrize("lacking", ["pkcs15-tool", "pcscd"])
def test_a_row_without_its_tool_says_so(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bench goes on, misses no aim, and names what is not there."""

    def program(name: str) -> str:
        if name == lacking:
            raise Missing(f"no {name}")
        return f"/usr/bin/{name}"

    monkeypatch.setattr(pcscd, "program", program)
    monkeypatch.setattr(pcscd, "shared_object", lambda name: f"/usr/lib/{name}")
    rows = list(cards.opensc(times=1))
    assert [one.name for one in rows] == ["opensc.dump", "opensc.sign"]
    assert all(one.unit == f"not measured: no {lacking}" and one.met is None for one in rows)


def test_what_is_looked_for_and_not_there() -> None:
    """Programs and libraries alike."""
    for look in (pcscd.program, pcscd.shared_object):
        with pytest.raises(Missing, match="no such-a-thing"):
            look("such-a-thing")


def test_suites_are_found_by_their_names() -> None:
    """`tegata bench apdu.` and `tegata bench opensc.` mean these."""
    assert (bench.SUITES["apdu."], bench.SUITES["opensc."]) == (cards.apdus, cards.opensc)
