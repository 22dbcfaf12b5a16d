# SPDX-License-Identifier: Apache-2.0
"""Write the reference pages that are made from the code: `python scripts/docs.py`, or `--check` to only compare.

Each page is a function below that returns Markdown: commands from their argument parsers, the control API from its
table, the parties' addresses from the docstrings of their `http.py`, assumptions and reasons from their TOML files.
The pages are committed, so that they can be read without running anything; a test holds that they are current.
"""

import argparse
import ast
import importlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docs_card

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written by scripts/docs.py from the code; change that, then run it again. -->\n\n"
SAID, LOOKED_AT = "story", "doctor"
"""Catalogues that hold no reasons of refusals: what the story tells, and what `tegata doctor` looks at."""
PARTIES = {
    "Authority": "authority/http.py",
    "Municipality": "municipality/http.py",
    "Enrolment": "enrolment/http.py",
    "Sign-in": "signin/http.py",
    "Delivery centre": "kiosk/delivery/http.py",
    "Kiosk terminal": "kiosk/terminal/http.py",
    "Mobile shop": "relying/shop/http.py",
    "Tax office": "relying/tax/http.py",
    "Pages": "web/app.py",
}
_METHODS = "GET|POST|PUT|DELETE"
_CALLERS = "(?:anybody|anyone|browser|client|phone|operator|municipality|enrolment|hotline|signin|relying|delivery)"


def main() -> int:
    """Write the pages, or with `--check` only compare; returns 1 when one is out of date."""
    parser = argparse.ArgumentParser(description="Write the generated pages of docs/reference")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is out of date")
    check = parser.parse_args().check
    made = pages()
    stale = [name for name in made if made[name] != _read(FOLDER / name)]
    for name in stale:
        print(f"docs/reference/{name}: " + ("out of date. Run: python scripts/docs.py" if check else "written"))
        if not check:
            (FOLDER / name).write_text(made[name], "utf-8")
    return 1 if stale and check else 0


def pages() -> dict[str, str]:
    """Return each generated page by its file name in docs/reference."""
    makers: dict[str, Callable[[], str]] = {
        "card.md": docs_card.page,
        "commands.md": commands,
        "control-api.md": control_api,
        "addresses.md": addresses,
        "assumptions.md": assumptions,
        "errors.md": errors,
    }
    return {name: NOTE + make().rstrip() + "\n" for name, make in makers.items()}


def commands() -> str:
    """Return the page of the command line."""
    from tegata.cli import main as cli

    parts = [_COMMANDS]
    with _english():
        for name, (_, summary) in cli.COMMANDS.items():
            parser = argparse.ArgumentParser(prog=f"tegata {name}", description=summary)
            importlib.import_module(f"tegata.cli.{name}").register(parser)
            parts.append(f"## tegata {name}\n\n{_sentence(summary)}\n")
            parts.extend(_arguments(parser))
    return "\n".join(parts)


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield f"### {below.prog}\n\n{_sentence(below.description or '')}\n"
                yield from _arguments(below)
        elif not isinstance(action, argparse._HelpAction):
            rows.append(_argument(action))
    if rows:
        yield table("argument", "what it does", "default", rows=rows)


def _argument(action: argparse.Action) -> tuple[str, str, str]:
    value = "|".join(map(str, action.choices)) if action.choices else action.metavar or action.dest.upper()
    if not action.option_strings:
        shown = f"[{value}]" if action.nargs == "?" else str(value)
    else:
        shown = action.option_strings[0] + ("" if action.nargs == 0 else f" {value}")
    plain = action.default is None or action.default in (False, "")
    default = "needed" if action.required else "" if plain else f"`{action.default}`"
    return f"`{shown}`", re.sub(r" \((default|any free)[^)]*\)", "", action.help or ""), default


class _english:  # noqa: N801 -- reads as what it does: `with _english():`
    """Texts in English, whoever generates; and the defaults of the program, not of this machine."""

    def __enter__(self) -> None:
        self._kept = dict(os.environ)
        os.environ.pop("TEGATA_DATA", None)
        os.environ["TEGATA_LANG"] = "en"

    def __exit__(self, *failure: object) -> None:
        os.environ.clear()
        os.environ.update(self._kept)


def control_api() -> str:
    """Return the page of the control API."""
    from tegata.sandbox.openapi import BASE, OPERATIONS

    rows = []
    for one in OPERATIONS:
        members = [*one.body, *one.query]
        taken = [f"`{m.name}`{'' if m.required else '?'} {m.about}" for m in members]
        taken += ["further members as the event needs them"] if one.open_body else []
        told = "" if one.answer == "What was asked for." else f" *Answer:* {one.answer}"
        rows.append((f"`{one.method} {BASE}{one.path}`", one.summary + told, "<br>".join(taken)))
    return _CONTROL + table("operation", "what it does", "body or query", rows=rows)


def addresses() -> str:
    """Return the page of every party's addresses."""
    parts = [_ADDRESSES]
    for title, file in PARTIES.items():
        doc = ast.get_docstring(ast.parse((ROOT / "src/tegata" / file).read_text("utf-8"))) or ""
        parts.append(f"## {title}\n\n{_intro(doc)} (`src/tegata/{file}`)\n")
        parts.append(table("address", "who asks", "what for", rows=list(_routes(doc))))
    return "\n".join(parts)


def _intro(doc: str) -> str:
    return re.sub(r"\s+", " ", re.split(rf"(?m)^(?:{_METHODS}) ", doc)[0]).strip().rstrip(".") + "."


def _routes(doc: str) -> Iterator[tuple[str, str, str]]:
    """Yield address, caller and meaning of each route that a docstring lists, whether or not its lines are whole."""
    flat = re.sub(r"\s+", " ", doc)
    waiting: list[str] = []
    for piece in re.split(rf"(?=\b(?:(?:{_METHODS}) )+/)", flat)[1:]:
        found = re.fullmatch(rf"((?:(?:{_METHODS}) )+)(/[^\s,]*(?:, /[^\s,]+)*)(,?)(.*)", piece.strip())
        if found is None:
            continue
        waiting.append(f"`{found[1].strip()} {found[2]}`")
        if not found[3]:
            who = re.match(rf"(?:role )?({_CALLERS}(?:, {_CALLERS})*)\b:? *(.*)", found[4].strip())
            yield "<br>".join(waiting), who[1] if who else "", who[2] if who else found[4].strip()
            waiting = []


def assumptions() -> str:
    """Return the page of what is not publicly known."""
    from tegata.jpki.assumptions import table as known

    parts = [_ASSUMPTIONS]
    for package in dict.fromkeys(name.split(".")[0] for name in known()):
        rows = [
            (f"`{one.name}`", f"`{_json(one.value)}`", _listed(one.choices), one.why, one.source)
            for one in known().values()
            if one.name.split(".")[0] == package
        ]
        parts.append(f"## {package}\n")
        parts.append(table("name", "value", "choices", "why", "source of the doubt", rows=rows))
    return "\n".join(parts)


def errors() -> str:
    """Return the page of every reason for which something is refused or fails."""
    from tegata.messages import catalogue

    reasons = {
        name: words["en"]
        for name, words in sorted(catalogue().items())
        if name.split(".")[0] not in (SAID, LOOKED_AT) and not name.startswith("verify.check.")
    }
    parts = [_ERRORS]
    for package in dict.fromkeys(name.split(".")[0] for name in reasons):
        rows = [(f"`{name}`", w.what, w.next) for name, w in reasons.items() if name.split(".")[0] == package]
        parts.append(f"## {package}\n")
        parts.append(table("reason", "what happened", "what to do", rows=rows))
    return "\n".join(parts)


def table(*head: str, rows: list[Any]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _listed(choices: tuple[Any, ...]) -> str:
    return "<br>".join(f"`{_json(choice)}`" for choice in choices)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""


_COMMANDS = """# Commands

`tegata --version` prints the version, `tegata COMMAND --help` what stands here.  Every command that prints for people
takes `--json` and then prints JSON on standard output.  Exit codes: 0 as wished, 1 refused or failed (a reason, and a
next step, on standard error), 2 a wrong command line, 130 interrupted.  The language is that of `TEGATA_LANG`,
`LC_ALL`, `LC_MESSAGES` or `LANG`: Japanese if it begins with `ja`, else English.  `TEGATA_DATA` names another data
directory.
"""
_CONTROL = """# Control API

The hands of the people in a pocket country: it puts cards on readers and fingers on sensors, and tells town halls what
happened.  It decides nothing; what a card, a phone or a party refuses comes back in their own words.  It asks for no
credentials and answers this machine only ([why](../explanation/security.md#local-only)).  The same table is served as
OpenAPI 3.1 at `/control/v1/openapi.json`.

Bodies and answers are JSON; bytes are base64; `?` marks what may be left out.  Refusals are problem documents
([errors](errors.md)).

"""
_ADDRESSES = """# Addresses of the parties

What each party answers to, and who may ask.  Where a *role* is named, the caller shows the bearer token of that role
(`secrets.json` of the data directory).  Bodies are JSON, bytes are base64, serial numbers are decimal strings, times
are ISO 8601 in UTC.  Calls that change something carry a request identifier and may be repeated.  What the bodies mean:
[wire formats](wire-formats.md).
"""
_ASSUMPTIONS = """# Assumptions

What is not publicly known about the real system, and what Tegata does instead.  The table is
`src/tegata/jpki/assumptions.toml`; code reads it through `tegata.jpki.assumptions.value(name)`.  An empty *choices*
means that nothing checks the value.  If you know better, and may say so, please do.
"""
_ERRORS = """# Errors

Every refusal and failure has a *reason*, the same in Python (`error.reason`), on the command line with `--json`
(`error`), and on the wire (`reason` of a problem document).  Each has words in Japanese and English; these are the
English ones, with facts in braces.  [How to read a refusal](../how-to/read-a-refusal.md).
"""

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    sys.exit(main())
