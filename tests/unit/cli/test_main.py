# SPDX-License-Identifier: Apache-2.0
"""The entry point: one command at a time, light, in two languages, with an exit code for everything."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tegata import __version__
from tegata.cli import main as entry
from tegata.cli.main import COMMANDS, main
from tegata.messages import TegataError

HEAVY = ("starlette", "uvicorn", "httpx", "cryptography", "sqlite3", "asyncio", "tegata.sandbox", "tegata.verify")
ROOT = Path(__file__).resolve().parents[3]


def python(code: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a few lines in an interpreter of their own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "src", **more)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that puts a command of one's own in the place of `tegata up`."""

    def put(run: Any) -> None:
        module = ModuleType("tegata.cli.up")

        def register(parser: Any) -> None:
            parser.add_argument("--json", action="store_true")
            parser.set_defaults(run=run)

        module.register = register  # type: ignore[attr-defined]  # a module made here
        monkeypatch.setitem(sys.modules, "tegata.cli.up", module)

    return put


@pytest.mark.parametrize("arguments", ["['--version']", "['--help']", "['banana']", "[]"])
def test_what_needs_no_command_imports_none(arguments: str) -> None:
    """Version, help and a mistyped command answer near the speed of the bare interpreter."""
    done = python(
        "import sys\nfrom tegata.cli.main import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write('|' + repr([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    assert done.stderr.split("|")[-1] == "[]"


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """`tegata --version` and `python -m tegata --version` say the same."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"tegata {__version__}\n"
    done = subprocess.run(
        [sys.executable, "-m", "tegata", "--version"], capture_output=True, text=True, cwd=ROOT / "src"
    )
    assert done.stdout == f"tegata {__version__}\n"


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_help_lists_every_command_in_the_readers_language(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lang: str
) -> None:
    """Each command has its line, and no line of the other language."""
    monkeypatch.setenv("TEGATA_LANG", lang)
    with pytest.raises(SystemExit):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    for name, (ja, en) in COMMANDS.items():
        assert name in said
        assert (ja in said, en in said) == (lang == "ja", lang == "en")


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, lang: str
) -> None:
    """`--help` of each command ends with 0 and shows what the command is for."""
    monkeypatch.setenv("TEGATA_LANG", lang)
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert COMMANDS[name][lang == "en"] in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("arguments", [[], ["banana"], ["up", "--banana"], ["up", "--port", "x"]])
def test_a_wrong_command_line_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Usage goes to standard error, nothing to standard output."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage" in err


@pytest.mark.parametrize(("answer", "code"), [(0, 0), (1, 1), (True, 1)])
def test_what_a_command_returns_is_the_exit_code(command: Any, answer: int, code: int) -> None:
    """The number, and nothing else, reaches the shell."""
    command(lambda _: answer)
    assert main(["up"]) == code


def test_an_error_is_told_with_its_next_step(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Two lines on standard error; with `--json` one object on standard output."""

    def fail(_: Any) -> int:
        raise TegataError("sandbox.port_taken", port=80)

    command(fail)
    assert main(["up"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert [line[:3] for line in err.splitlines()] == ["teg", "  →"]
    assert main(["up", "--json"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out)["error"] == "sandbox.port_taken"


def test_ctrl_c_ends_with_130(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """As shells expect, and without a word."""

    def interrupt(_: Any) -> int:
        raise KeyboardInterrupt

    command(interrupt)
    assert main(["up"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [["up"], ["up", "--json"]])
def test_a_missing_package_is_named(command: Any, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Whoever installed the verifier alone and starts the country is told what to install."""

    def need(_: Any) -> int:
        raise ModuleNotFoundError("No module named 'starlette.routing'", name="starlette.routing")

    command(need)
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert "starlette" in out + err
    assert "tegata[country]" in out + err


def test_a_command_whose_package_is_missing_already_at_its_import_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same before the command's options are known."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for name in [name for name in sys.modules if name == "tegata.cli.up" or name == "tegata.sandbox.server"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("tegata.sandbox.server", raising=False)
    assert main(["up", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "cli.missing_package"


def test_a_missing_module_of_our_own_is_a_bug_and_not_hidden(command: Any) -> None:
    """It is raised as it is."""

    def need(_: Any) -> int:
        raise ModuleNotFoundError("No module named 'tegata.lost'", name="tegata.lost")

    command(need)
    with pytest.raises(ModuleNotFoundError):
        main(["up"])


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    """`tegata ... | head -1` ends quietly with 1."""
    code = (
        "import sys, types\n"
        "from tegata.cli import main as entry\n"
        "module = types.ModuleType('tegata.cli.up')\n"
        "def run(args):\n"
        "    for _ in range(100000):\n"
        "        print('line', flush=True)\n"
        "    return 0\n"
        "module.register = lambda parser: parser.set_defaults(run=run)\n"
        "sys.modules['tegata.cli.up'] = module\n"
        "sys.exit(entry.main(['up']))"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT / "src") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 1


@pytest.mark.parametrize("encoding", ["ascii", "euc_jp", "utf-8"])
def test_every_encoding_gets_through(encoding: str) -> None:
    """A terminal that lacks a character shows a substitute; JSON stays exact in any encoding."""
    code = (
        "import argparse\nfrom tegata.cli.manners import mend_streams, show\nmend_streams()\n"
        "show(argparse.Namespace(json=True), {'name': '山田 ✓ 𠮷'}, '')\n"
        "show(argparse.Namespace(json=False), {}, '✓ 𠮷 done')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        cwd=ROOT / "src",
        env={"PYTHONIOENCODING": encoding, "PATH": "/usr/bin:/bin"},
    )
    assert done.stderr == b""
    facts, words = done.stdout.decode(encoding).splitlines()
    assert json.loads(facts) == {"name": "山田 ✓ 𠮷"}
    assert words.endswith("done")


def test_only_the_command_that_was_asked_for_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that is also a command's name may follow as an argument."""
    asked = []
    monkeypatch.setattr(entry.importlib, "import_module", lambda name: asked.append(name) or sys.modules[__name__])  # type: ignore[attr-defined, func-returns-value]
    with pytest.raises(SystemExit):
        main(["demo", "up"])
    assert asked == ["tegata.cli.demo"]


def register(parser: Any) -> None:
    """Stand for a command without options."""
    parser.set_defaults(run=lambda _: 0)
