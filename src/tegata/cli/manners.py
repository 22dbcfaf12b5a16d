# SPDX-License-Identifier: Apache-2.0
"""How commands speak: in the reader's language, with a next step on every error, as JSON when a program listens.

Results go to standard output, everything else (progress, errors) to standard error.  Colour and progress appear on
a terminal only.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tegata.messages import Lang, TegataError

FAILED: Final = 1
_BAR: Final = 24


def language(environ: dict[str, str] | None = None) -> Lang:
    """Return the language of the environment (TEGATA_LANG, LC_ALL, LC_MESSAGES, LANG): Japanese if it says so, else
    English.
    """
    found = os.environ if environ is None else environ
    names = ("TEGATA_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((found[name] for name in names if found.get(name)), "")
    return "ja" if chosen.lower().startswith("ja") else "en"


def say(ja: str, en: str) -> str:
    """Return the text of the reader's language."""
    return ja if language() == "ja" else en


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`, which every command that prints for people has."""
    parser.add_argument("--json", action="store_true", help=say("JSON で出力する", "print JSON"))


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add `--data`, the country's directory."""
    default = os.environ.get("TEGATA_DATA", ".tegata")
    words = say(f"データのフォルダー（既定 {default}）", f"data directory (default {default})")
    parser.add_argument("--data", type=Path, default=Path(default), metavar="DIR", help=words)


def is_address(text: str) -> bool:
    """Say whether a text is an HTTP address of a service."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable() and " " not in text


def show(args: argparse.Namespace, facts: Any, words: str) -> None:
    """Print `words` for a person, or `facts` as one line of JSON when `--json` was given."""
    print(_json(facts) if args.json else words, flush=True)


def _json(facts: Any) -> str:
    """Return one line of JSON; characters are escaped where the stream could not carry them."""
    plain = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    return json.dumps(facts, ensure_ascii=plain, separators=(",", ":"))


def mend_streams() -> None:
    """Have a terminal of another encoding show a substitute for what it lacks, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def complain(args: argparse.Namespace, error: TegataError) -> int:
    """Tell an error and its next step; returns the exit code of a failure."""
    words = error.text(language())
    if getattr(args, "json", False):
        print(_json({"error": error.reason, "what": words.what, "next": words.next}), flush=True)
    else:
        print(f"tegata: {words.what}\n  → {words.next}", file=sys.stderr, flush=True)
    return FAILED


def guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Return the command `run`, its errors told as `complain` does."""

    def go(args: argparse.Namespace) -> int:
        try:
            return run(args)
        except TegataError as error:
            return complain(args, error)

    return go


class Progress:
    """A bar on a terminal, nothing elsewhere: `progress(3, 12)`."""

    def __init__(self, label: str, *, quiet: bool = False) -> None:
        self._label = label
        self._shown = sys.stderr.isatty() and not quiet

    def __call__(self, done: int, total: int) -> None:
        """Show how many of how many are done; a full bar is wiped away."""
        if not self._shown or not total:
            return
        if done >= total:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            return
        filled = _BAR * done // total
        bar = "█" * filled + "░" * (_BAR - filled)
        print(f"\r{self._label} {bar} {done}/{total}", end="", file=sys.stderr, flush=True)
