# SPDX-License-Identifier: Apache-2.0
"""How commands speak: which language, to which stream, to people or to programs."""

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tegata.cli import manners
from tegata.messages import TegataError


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "ja_JP"}, "ja"),
        ({"LC_ALL": "ja_JP", "LC_MESSAGES": "C"}, "ja"),
        ({"LC_ALL": "", "LANG": "ja"}, "ja"),
        ({"TEGATA_LANG": "JA", "LC_ALL": "C"}, "ja"),
        ({"TEGATA_LANG": "en", "LANG": "ja_JP.UTF-8"}, "en"),
        ({"LANG": "javanese"}, "ja"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
    ],
)
def test_the_language_is_the_environments(environment: dict[str, str], language: str) -> None:
    """Ours first, then what POSIX says (LC_ALL, LC_MESSAGES, LANG); anything else is English."""
    assert manners.language(environment) == language


def arguments(*, as_json: bool) -> argparse.Namespace:
    """Return what a command's `--json` leaves."""
    return argparse.Namespace(json=as_json)


def test_people_get_words_and_programs_get_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The same facts twice, never mixed."""
    manners.show(arguments(as_json=False), {"a": 1}, "words")
    assert capsys.readouterr() == ("words\n", "")
    manners.show(arguments(as_json=True), {"name": "花子", "a": [1, None]}, "words")
    out, err = capsys.readouterr()
    assert (json.loads(out), out.count("\n"), err) == ({"name": "花子", "a": [1, None]}, 1, "")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_errors_come_in_the_readers_language(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    """What happened and what to do, for people on standard error, for programs on standard output."""
    monkeypatch.setenv("TEGATA_LANG", language)
    error = TegataError("sandbox.port_taken", port=8440)
    words = error.text("ja" if language == "ja" else "en")
    assert manners.complain(arguments(as_json=False), error) == 1
    assert capsys.readouterr() == ("", f"tegata: {words.what}\n  → {words.next}\n")
    assert manners.complain(arguments(as_json=True), error) == 1
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": "sandbox.port_taken", "what": words.what, "next": words.next}
    assert err == ""


def test_a_command_without_json_can_still_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """The error is told, whatever options a command has."""

    def fail(_: Any) -> int:
        raise TegataError("sandbox.port_taken", port=1)

    assert manners.guarded(fail)(argparse.Namespace()) == 1
    assert "1" in capsys.readouterr().err
    assert manners.guarded(lambda _: 7)(argparse.Namespace()) == 7


@pytest.mark.parametrize(
    ("text", "good"),
    [
        *((f"http://127.0.0.1{rest}", True) for rest in ("", ":8440", "/path")),
        ("https://id.example", True),
        *(
            (text, False)
            for text in ("", "127.0.0.1:8440", "ftp://x", "http://", "http://[", "http://x:y", "http://a b")
        ),
        ("http://x\n", False),
    ],
)
def test_an_address_is_recognised(text: str, good: bool) -> None:
    """HTTP, a host, and nothing that a client would stumble over."""
    assert manners.is_address(text) is good


def test_the_data_directory_is_the_environments_or_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--data`, else TEGATA_DATA, else .tegata."""

    def parsed(*given: str) -> Path:
        parser = argparse.ArgumentParser()
        manners.add_data(parser)
        found: Path = parser.parse_args(given).data
        return found

    monkeypatch.delenv("TEGATA_DATA", raising=False)
    assert parsed() == Path(".tegata")
    monkeypatch.setenv("TEGATA_DATA", "/somewhere")
    assert parsed() == Path("/somewhere")
    assert parsed("--data", "/else") == Path("/else")


class Terminal(io.StringIO):
    """A standard error that is a terminal, or not."""

    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        """Say which."""
        return self._tty


@pytest.mark.parametrize(("tty", "quiet", "shown"), [(True, False, True), (True, True, False), (False, False, False)])
def test_progress_shows_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tty: bool, quiet: bool, shown: bool
) -> None:
    """Nothing of it reaches a file, a pipe, or standard output; a full bar is wiped away."""
    terminal = Terminal(tty=tty)
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = manners.Progress("counting", quiet=quiet)
    for done in range(5):
        progress(done, 4)
    progress(0, 0)
    said = terminal.getvalue()
    assert bool(said) == shown
    assert capsys.readouterr().out == ""
    if shown:
        assert "3/4" in said
        assert said.endswith("\r\x1b[K")
