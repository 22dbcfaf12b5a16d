# SPDX-License-Identifier: Apache-2.0
"""`tegata doctor`: finds what is there, names what is missing, changes nothing."""

import argparse
import json
import socket
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tegata.cli import doctor
from tegata.cli.main import main
from tegata.sandbox import datadir

ROOT = Path(__file__).resolve().parents[3]
Look = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Look:
    """Return a function that looks at everything and gives the findings by name."""

    def found(data: Path = tmp_path / "data", port: int = 0) -> dict[str, dict[str, Any]]:
        code = main(["doctor", "--json", "--data", str(data), "--port", str(port)])
        findings = json.loads(capsys.readouterr().out)
        assert code == any(one["needed"] and not one["ok"] for one in findings)
        return {one["name"]: one for one in findings}

    return found


def test_a_machine_that_runs_these_tests_has_what_is_needed(look: Look) -> None:
    """Everything needed is found; each finding has its words, and a next step only when something is to do."""
    findings = look()
    assert {name for name, one in findings.items() if one["needed"]} == {"python", "packages", "space", "data", "port"}
    for one in findings.values():
        assert one["ok"] or not one["needed"], one
        assert one["what"]
        assert ("next" in one) != one["ok"]


def test_the_packages_are_those_of_the_extra() -> None:
    """What pyproject.toml asks for under `country`, no more and no less."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {wish.split(">")[0] for wish in project["optional-dependencies"]["country"]}
    assert set(doctor.PACKAGES) == wanted


def test_a_missing_package_is_named(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how to install it."""
    monkeypatch.setattr(doctor, "PACKAGES", ("httpx", "no-such-package"))
    finding = look()["packages"]
    assert (finding["ok"], finding["detail"]) == (False, "no-such-package")
    assert "tegata[country]" in finding["next"]


def test_it_works_where_the_country_cannot(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor itself needs none of the packages whose lack it is to tell."""
    for name in ("uvicorn", "starlette", "typst", "tegata.sandbox.server"):
        monkeypatch.setitem(sys.modules, name, None)
    assert look()["port"]["ok"]


def test_an_old_python_is_said(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version that was found is told."""
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 4, "final", 0))  # type: ignore[attr-defined]
    finding = look()["python"]
    assert (finding["ok"], finding["detail"]) == (False, "3.10.4")


def test_a_full_disk_is_said(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is left is told."""
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: argparse.Namespace(free=150 << 20))  # type: ignore[attr-defined]
    finding = look()["space"]
    assert (finding["ok"], finding["detail"]) == (False, "150 MB")


def test_a_taken_port_is_said(look: Look, tmp_path: Path) -> None:
    """Unless it is the very country that runs on this data directory."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not look(port=port)["port"]["ok"]
        with datadir.opened(tmp_path / "data") as running:
            running.announce(f"http://127.0.0.1:{port}")
            findings = look(port=port)
            assert findings["port"]["ok"]
            assert findings["data"]["ok"]
    assert not look(port=70_000)["port"]["ok"]


def test_a_data_directory_is_looked_at_and_left_alone(look: Look, tmp_path: Path) -> None:
    """One that is not there, is empty, holds other things, or is in order, is good and stays as it is."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    with datadir.opened(tmp_path / "ours"):
        pass
    before = sorted(path for path in tmp_path.rglob("*"))
    for name in ("none", "none/deep", "empty", "other", "ours"):
        assert look(tmp_path / name)["data"]["ok"], name
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_what_is_wrong_with_a_data_directory_is_said(look: Look, tmp_path: Path) -> None:
    """Another version, damage, lost keys, a file in its place."""
    (tmp_path / "file").touch()
    for name, file, content in (
        ("version", "meta.json", '{"version": 99}'),
        ("damaged", "meta.json", "{"),
        ("lost", "authority.sqlite", ""),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(content)
    for name in ("version", "damaged", "lost", "file", "file/deep"):
        finding = look(tmp_path / name)["data"]
        assert not finding["ok"], name
        assert finding["detail"]


def test_a_directory_that_may_not_be_written_is_said(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even to those whom the system lets write anywhere, by asking it."""
    asked = []
    monkeypatch.setattr(doctor.os, "access", lambda path, _: asked.append(path))  # type: ignore[attr-defined]
    assert not look(tmp_path)["data"]["ok"]
    assert asked[0] == tmp_path


def test_programs_and_drivers_are_found_by_where_they_lie(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The virtual reader needs its service and its driver, the service may lie where only root looks."""
    services, programs, drivers = (tmp_path / name for name in ("sbin", "bin", "drivers"))
    for folder in (services, programs, drivers):
        folder.mkdir()
    monkeypatch.setattr(doctor, "_SYSTEM", (str(services),))
    monkeypatch.setattr(doctor, "_DRIVERS", (drivers,))
    monkeypatch.setenv("PATH", str(programs))
    assert [look()[name]["ok"] for name in ("reader", "opensc", "openssl")] == [False] * 3
    for program in (services / "pcscd", programs / "openssl", programs / "pkcs15-tool"):
        program.touch(mode=0o755)
    assert [look()[name]["ok"] for name in ("reader", "opensc", "openssl")] == [False, True, True]
    (drivers / "libifdvpcd.so").touch()
    assert look()["reader"]["ok"]


def test_without_a_font_there_is_a_hint(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which font was found, or what to install; it is no need of the country."""
    assert look()["font"]["detail"].endswith((".ttf", ".otf"))
    monkeypatch.setattr(doctor, "_font", lambda: None)
    finding = look()["font"]
    assert (finding["ok"], finding["needed"]) == (False, False)
    assert "fonts-ipamj-mincho" in finding["next"]


def test_people_see_marks_and_next_steps(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One line for each thing, one more for what to do."""
    main(["doctor", "--data", str(tmp_path), "--port", "70000"])
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("✓") for line in lines) >= 4
    bad = next(number for number, line in enumerate(lines) if line.startswith("✗"))
    assert lines[bad].endswith("(70000)")
    assert lines[bad + 1].startswith("    → ")
