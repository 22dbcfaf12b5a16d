# SPDX-License-Identifier: Apache-2.0
"""`tegata bench`: honest arithmetic, rows that say what they are, and every suite once around."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tegata.cli import bench
from tegata.cli.bench import country, engines, measure, primitives, status
from tegata.cli.bench.measure import Result
from tegata.cli.main import main
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey

GOOD = Result("a.good", 12.0, "us", "raw", 10.0, 1.2, 1.5)
BAD = Result("a.bad", 20.0, "us", "raw", 10.0, 2.0, 1.5)
PLAIN = Result("b.plain", 7.0, "1/s")


class Machine:
    """A machine on which a call takes as long as it says, and whose clock shows that alone."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def perf_counter(self) -> float:
        """Return the time in seconds."""
        return self.now

    def call(self, name: str, microseconds: float) -> Any:
        """Return a call that takes so long."""

        def act() -> None:
            self.calls.append(name)
            self.now += microseconds / 1e6

        return act


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine whose clock the timer reads."""
    made = Machine()
    monkeypatch.setattr(measure.time, "perf_counter", made.perf_counter)  # type: ignore[attr-defined]
    return made


def test_an_aim_is_met_up_to_and_including_it() -> None:
    """No aim, or no ratio, is neither met nor missed."""
    assert (GOOD.met, BAD.met, PLAIN.met) == (True, False, None)
    assert Result("x", 1, "us", "raw", 1, 1.5, 1.5).met is True
    assert Result("x", 1, "us", aim=1.5).met is None


def test_the_timer_gives_the_mean_of_one_call(machine: Machine) -> None:
    """Microseconds for each."""
    assert measure.timed(machine.call("x", 250), 4) == pytest.approx(250)
    assert len(machine.calls) == 4


def test_both_are_measured_in_turns_and_the_ratio_is_of_one_to_one(machine: Machine) -> None:
    """Each round has both, after one of each to warm up; `per` says how many of the reference make one."""
    result = measure.compared("n", machine.call("a", 90), "r", machine.call("b", 20), times=2, per=3, aim=2)
    assert (result.value, result.reference_value, result.ratio) == pytest.approx((90, 60, 1.5))
    assert result.met
    assert machine.calls[:2] == ["a", "b"]
    assert machine.calls[2:] == (["a"] * 2 + ["b"] * 6) * measure.ROUNDS


def test_one_slow_moment_does_not_change_the_ratio(machine: Machine) -> None:
    """The median of the rounds' ratios counts, not their mean."""
    rounds = iter(range(1000))

    def sometimes_slow() -> None:
        machine.now += 1.0 if next(rounds) == 5 else 100e-6

    assert measure.compared("n", sometimes_slow, "r", machine.call("r", 50), times=1).ratio == pytest.approx(2)


@pytest.mark.parametrize("result", [GOOD, BAD, PLAIN], ids=lambda result: result.name)
def test_a_row_is_the_same_for_programs_people_and_pages(result: Result) -> None:
    """Name, value and unit everywhere; the aim and whether it was met where there is one."""
    told = result.to_json()
    assert list(told) == ["name", "value", "unit", "reference", "reference_value", "ratio", "aim", "met"]
    assert told["met"] is result.met
    for text in (result.line(), result.row()):
        assert result.name in text
        assert f"{result.value:.2f}" in text
    assert result.row().count("|") == 7
    assert ("**missed**" in result.row()) == (result.met is False)
    assert result.line()[0] == {True: "✓", False: "✗", None: " "}[result.met]


def suites(*results: Result) -> dict[str, Any]:
    """Return fake suites for these results."""
    return {f"{letter}.": lambda letter=letter: (r for r in results if r.name[0] == letter) for letter in "ab"}


def names(name: str) -> list[str]:
    """Return the names that are measured for a wish."""
    return [one.name for one in bench.measured(name, suites(GOOD, BAD, PLAIN), quiet=True)]


def test_a_name_chooses_what_begins_with_it() -> None:
    """All without one; a part of a name; a whole one; a suite that cannot have it is not run."""
    assert names("") == ["a.good", "a.bad", "b.plain"]
    assert names("a") == names("a.") == ["a.good", "a.bad"]
    assert names("a.good") == ["a.good"]
    assert names("a.nothing") == names("c") == names("a.goods") == []

    def never() -> Iterator[Result]:
        raise AssertionError("was run")

    fakes = {**suites(GOOD), "b.": never}
    assert [one.name for one in bench.measured("a.good", fakes, quiet=True)] == ["a.good"]


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that puts these results in the place of real suites."""
    return lambda *results: monkeypatch.setattr(bench, "SUITES", suites(*results))


@pytest.mark.parametrize(("results", "code"), [((GOOD, PLAIN), 0), ((GOOD, BAD), 1), ((PLAIN,), 0)])
def test_a_missed_aim_is_the_exit_code(
    fakes: Any, capsys: pytest.CaptureFixture[str], results: tuple[Result, ...], code: int
) -> None:
    """0 when all aims were met, else 1; the results are printed either way."""
    fakes(*results)
    assert main(["bench", "--json"]) == code
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == [one.name for one in results]


def test_results_are_written_as_a_page_even_when_an_aim_was_missed(
    fakes: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the machine and the libraries, but no name of a machine or a person."""
    fakes(GOOD, BAD, PLAIN)
    page = tmp_path / "new" / "latest.md"
    assert main(["bench", "--write", str(page)]) == 1
    text = page.read_text("utf-8")
    assert [line for line in text.splitlines() if line.startswith("| ")][1:] == [
        one.row() for one in (GOOD, BAD, PLAIN)
    ]
    for word in ("Python 3.", "cryptography ", "OpenSSL "):
        assert word in text
    assert "a.good" in capsys.readouterr().out


def test_what_cannot_be_measured_or_written_is_refused(
    fakes: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A name that nothing has; a file that cannot be."""
    fakes(GOOD)
    assert main(["bench", "banana", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "bench.unknown_name"
    assert main(["bench", "--write", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"] == "bench.cannot_write"


def test_the_machines_own_speed_is_measured() -> None:
    """Signatures and verifications per second, of both families."""
    found = {one.name: one for one in primitives.suite(times=2)}
    assert set(found) == {f"raw.{kind}.{act}" for kind in ("rsa-2048", "ec-p256") for act in ("sign", "verify")}
    assert all(one.value > 0 and one.unit == "1/s" for one in found.values())


def test_a_card_is_measured_by_its_signatures() -> None:
    """A signature needs three commands at least; ours needs no fewer and no more than the aim allows."""
    apdus, sign = engines.suite(times=1)
    assert apdus.name == "card.sign.apdus"
    assert 3 <= apdus.value <= 6
    assert apdus.ratio == pytest.approx(apdus.value / 3)
    assert sign.reference == "raw RSA-2048 sign"
    assert sign.value > 0


def test_a_verdict_and_an_answer_are_measured() -> None:
    """Against the same operations, raw: whoever were quicker would have left one out."""
    found = [*status.verdicts(times=3), *status.answers(times=3)]
    assert [one.name for one in found] == ["verify.signature", "verify.again", "ocsp.answer"]
    for one in found:
        assert one.aim is None
        assert one.ratio is not None
        assert one.ratio > 0.9


def test_evidence_of_the_bench_is_judged_and_a_forged_one_is_not() -> None:
    """What is timed is a verdict that could have been a refusal."""
    from dataclasses import replace

    from tegata import verify

    with status.opened() as made:
        evidence = made.evidence()
        assert verify.verify(evidence, made.trust, status.NOW).serial > 0
        with pytest.raises(verify.Rejected):
            verify.verify(replace(evidence, data=b"another"), made.trust, status.NOW)


def test_the_story_is_measured_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven steps, each with the part that is cryptography: more than nothing, less than all."""
    found = list(country.steps())
    steps, shares = found[::2], found[1::2]
    assert [one.name for one in shares] == [f"{one.name}.cryptography" for one in steps]
    assert [one.name for one in steps] == [f"story.{step.__name__}" for step in country.story.STEPS]  # type: ignore[attr-defined]
    for step, share in zip(steps, shares, strict=True):
        assert share.reference_value == step.value
        assert share.ratio is not None
        assert 0 < share.ratio < 1


def test_a_start_is_measured_from_outside(tmp_path: Path) -> None:
    """New and again, each against a process that imports the same."""
    first, again = country.starts(rounds=1)
    assert (first.name, again.name) == ("up.first", "up.again")
    for one in (first, again):
        assert one.unit == "ms"
        assert one.ratio == pytest.approx(one.value / (one.reference_value or 0))


def test_a_start_that_fails_is_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody publishes the time of a start that was none."""
    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(country.StartError):
        country._ready(tmp_path)
    assert capfd.readouterr().err == ""


def test_the_meter_counts_its_own_thread_once_and_puts_everything_back() -> None:
    """Nested calls count once, other threads' calls not at all, and afterwards nothing is wrapped."""
    key = SoftwareKey.generate(Algorithm.RSA_2048)
    before = [vars(owner)[name] for owner, name in country._METERED]
    signature = key.sign(Scheme.RSA_PKCS1_SHA256, b"x")
    with country.metered() as meter:
        signatures.verify(key.spki, Scheme.RSA_PKCS1_SHA256, b"x", signature)
        counted = meter.milliseconds
        assert counted > 0
        elsewhere = threading.Thread(target=key.sign, args=(Scheme.RSA_PKCS1_SHA256, b"x"))
        elsewhere.start()
        elsewhere.join()
        assert meter.milliseconds == counted
    assert [vars(owner)[name] for owner, name in country._METERED] == before
    with pytest.raises(ZeroDivisionError), country.metered():
        raise ZeroDivisionError
    assert [vars(owner)[name] for owner, name in country._METERED] == before


def test_every_row_is_found_by_the_name_of_its_suite() -> None:
    """The prefixes with which suites are chosen are those of their rows."""
    real = {"raw.": primitives.suite(times=1), "card.": engines.suite(times=1)}
    for prefix, results in real.items():
        assert prefix in bench.SUITES
        assert all(one.name.startswith(prefix) for one in results)
    assert all(re.fullmatch(r"[a-z]+\.", prefix) for prefix in bench.SUITES)
