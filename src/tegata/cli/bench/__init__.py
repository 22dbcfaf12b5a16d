# SPDX-License-Identifier: Apache-2.0
"""`tegata bench`: how fast this is, as ratios to something measured in the same run on the same machine.

`measure` has the result and the timer; the other modules measure one floor of the house each.  A figure that has an
aim says whether it met it; the exit code is 1 when one did not.  Absolute times are for looking at, only ratios are
compared.
"""

import argparse
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tegata.cli.bench import cards, country, engines, primitives, status, verdicts
from tegata.cli.bench.measure import Result
from tegata.cli.manners import FAILED, Progress, add_json, say, show
from tegata.crypto import openssl
from tegata.messages import TegataError

Suite = Callable[[], Iterator[Result]]
SUITES: Final[Mapping[str, Suite]] = {
    "raw.": primitives.suite,
    "card.": engines.suite,
    "apdu.": cards.apdus,
    "opensc.": cards.opensc,
    "verify.": verdicts.suite,
    "ocsp.": status.answers,
    "up.": country.starts,
    "story.": country.steps,
}
"""Each suite by how the names of its figures begin."""


class BenchError(TegataError):
    """Nothing was measured, or the results not written: `bench.unknown_name`, `bench.cannot_write`."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tegata bench`."""
    words = say("この名前で始まるものだけを測る", "measure only what begins with this name")
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help=words)
    words = say("結果を Markdown で書くファイル", "write the results to this Markdown file")
    parser.add_argument("--write", type=Path, metavar="FILE", help=words)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, print, and write; returns 1 when an aim was missed."""
    results = list(measured(args.name, SUITES, quiet=args.json))
    if not results:
        raise BenchError("bench.unknown_name", name=args.name[:40])
    show(args, [one.to_json() for one in results], "\n".join(one.line() for one in results))
    if args.write is not None:
        _write(args.write, report(results))
    return FAILED if any(one.met is False for one in results) else 0


def measured(name: str, suites: Mapping[str, Suite], *, quiet: bool) -> Iterator[Result]:
    """Yield the results whose name begins with `name`; suites that have none are not run."""
    progress = Progress(say("測定中", "measuring"), quiet=quiet)
    wanted = [suite for prefix, suite in suites.items() if prefix.startswith(name) or name.startswith(prefix)]
    for done, suite in enumerate(wanted):
        progress(done, len(wanted))
        yield from (one for one in suite() if one.name.startswith(name))
    progress(len(wanted), len(wanted))


def report(results: list[Result]) -> str:
    """Return the results as a Markdown page, with the machine that they were measured on."""
    rows = "\n".join(one.row() for one in results)
    return f"""# Measured

Written by `make bench` on {machine()}; cryptography {version("cryptography")}, {openssl()}.

Ratios were taken in one run, against the reference of the same row; absolute figures depend on the machine and say
nothing across machines or days. `story.NAME` is a step of the story from the outside, over HTTP on one process;
`story.NAME.cryptography` the part of it that was spent signing, verifying and waiting for key pairs. A row without an
aim is there to be watched.

| what | value | reference | ratio | aim | |
|---|--:|---|--:|--:|---|
{rows}
"""


def machine() -> str:
    """Return what kind of machine this is; never its name."""
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return f"{os.cpu_count()} x {platform.machine()}, {system}, Python {platform.python_version()}"


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    except OSError as error:
        raise BenchError("bench.cannot_write", file=str(file)) from error
