# SPDX-License-Identifier: Apache-2.0
"""The house keeps its own rules: messages in two languages, a light verifier, locks that name no host."""

import ast
import json
import re
import string
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import check_imports
from tegata.messages import LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "tegata"
REASON = re.compile(r"[a-z]+(\.[a-z_0-9]+)+")
HEAVY = ("starlette", "uvicorn", "httpx", "jinja2", "joserfc", "typst", "segno", "sqlite3", "smartcard")
LIGHT = ("codecs", "crypto", "jpki", "verify", "reader", "card")


def catalogues() -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """Return each catalogue file by name, as it is written: reason -> language -> what and next."""
    folder = SOURCE / "messages" / "catalogue"
    return {file.name: tomllib.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.toml"))}


def reasons_raised() -> Iterator[tuple[str, str]]:
    """Yield `file:line` and reason of every error raised, or made to be raised, with a literal reason."""
    for file in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise)]
        made = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node).endswith("Error")]
        for call in (*raised, *made):
            if isinstance(call, ast.Call) and call.args:
                for literal in literals(call.args[0]):
                    yield f"{file.relative_to(ROOT)}:{call.lineno}", literal


def called(call: ast.Call) -> str:
    """Return the last name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def literals(argument: ast.expr) -> Iterator[str]:
    """Yield the reasons that an argument can be: a literal, or the two arms of a conditional."""
    if isinstance(argument, ast.IfExp):
        yield from literals(argument.body)
        yield from literals(argument.orelse)
    elif isinstance(argument, ast.Constant) and isinstance(argument.value, str) and REASON.fullmatch(argument.value):
        yield argument.value


def test_every_reason_raised_has_its_message() -> None:
    """An error without words would reach a person as an identifier."""
    known = {reason for entries in catalogues().values() for reason in entries}
    missing = sorted({f"{where}: {reason}" for where, reason in reasons_raised() if reason not in known})
    assert missing == []


def test_reasons_are_written_once_and_in_the_right_file() -> None:
    """A reason `package.what` stands in `package.toml`, and nowhere else."""
    strays = [
        f"{file}: {reason}"
        for file, entries in catalogues().items()
        for reason in entries
        if not REASON.fullmatch(reason) or reason.split(".")[0] != file.removesuffix(".toml")
    ]
    assert strays == []


@pytest.mark.parametrize("file", sorted(catalogues()))
def test_messages_say_what_and_next_in_both_languages(file: str) -> None:
    """Both languages say the same: what happened and what to do, with the same facts."""
    for reason, entry in catalogues()[file].items():
        assert set(entry) == set(LANGUAGES), reason
        facts = {}
        for language, words in entry.items():
            assert set(words) == {"what", "next"}, reason
            assert words["what"].strip(), reason
            assert words["next"].strip(), reason
            fields = string.Formatter().parse(words["what"] + words["next"])
            facts[language] = {name for _, name, _, _ in fields if name is not None}
        assert facts["ja"] == facts["en"], reason


@pytest.mark.parametrize("package", [name for name in LIGHT if (SOURCE / name / "__init__.py").exists()])
def test_engines_import_light(package: str) -> None:
    """Outsiders import the verifier with one dependency: no web server, database or template comes along."""
    probe = f"import sys, tegata.{package}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT / "src")
    assert done.stdout.strip() == "[]"


def test_version_of_other_peoples_software_is_locked_without_hosts() -> None:
    """The lock files name versions and hashes; where packages come from is the installing machine's business."""
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text("utf-8")))
    assert hosts == {"index.invalid", "files.invalid"}
    packages = json.loads((ROOT / "tests" / "js" / "package-lock.json").read_text("utf-8"))["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert all("integrity" in entry for name, entry in packages.items() if name)


def test_module_check_finds_what_it_should() -> None:
    """The checker of imports would notice each kind of stray import."""
    tree = ast.parse("import sqlite3, os\nx = sqlite3.Row\ndef f():\n    from cryptography.hazmat import y\n")
    found = {name: line for line, name in check_imports.imports(tree)}
    assert found == {"sqlite3.Row": 1, "os": 1, "cryptography.hazmat.y": 4}
    assert check_imports.door("cryptography.x509.Name") == check_imports.DOORS["cryptography.x509"]
    assert check_imports.door("json") is None
    assert check_imports.is_below("phone.app_http", "phone.app")
    assert not check_imports.is_below("phone.application", "phone.app")


def test_lock_follows_the_project_file() -> None:
    """What pyproject.toml asks for is what uv.lock answers; otherwise `make lock` was forgotten."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    entry = next(package for package in lock["package"] if package["name"] == "tegata")
    extras = project["project"]["optional-dependencies"]
    asked = [*project["project"]["dependencies"], *(wish for wishes in extras.values() for wish in wishes)]
    assert {plain(wish) for wish in asked} == {written(wish) for wish in entry["metadata"]["requires-dist"]}
    for group, wishes in project["dependency-groups"].items():
        assert {plain(wish) for wish in wishes} == {written(wish) for wish in entry["metadata"]["requires-dev"][group]}


def plain(wish: str) -> str:
    """Return `name>=1` of a requirement, without its marker."""
    return wish.split(";")[0].replace(" ", "")


def written(wish: dict[str, str]) -> str:
    """Return `name>=1` of a requirement as the lock writes it."""
    return wish["name"] + wish["specifier"]
