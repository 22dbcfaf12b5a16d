# SPDX-License-Identifier: Apache-2.0
"""`tegata bench`: how fast this is, as ratios to something measured in the same run on the same machine.

`measure` has the result and the timer; `primitives`, `engines` and `country` measure one floor of the house each.
A figure that has an aim says whether it met it; the exit code is 1 when one did not.  Absolute times are for
looking at, only ratios are compared.
"""

import argparse
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from tegata.cli.bench import country, engines, primitives
from tegata.cli.bench.measure import Result
from tegata.cli.manners import FAILED, Progress, add_json, say, show
from tegata.crypto import openssl

SUITES = (primitives.suite, engines.suite, country.suite)


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
    results = list(measured(args.name, quiet=args.json))
    show(args, [one.to_json() for one in results], "\n".join(one.line() for one in results))
    if args.write is not None:
        args.write.parent.mkdir(parents=True, exist_ok=True)
        args.write.write_text(report(results), "utf-8")
    return FAILED if any(one.met is False for one in results) else 0


def measured(name: str, *, quiet: bool) -> Iterator[Result]:
    """Yield the results whose name begins with `name`, suite by suite."""
    progress = Progress(say("測定中", "measuring"), quiet=quiet)
    for done, suite in enumerate(SUITES):
        progress(done, len(SUITES))
        yield from (one for one in suite(name) if one.name.startswith(name))
    progress(len(SUITES), len(SUITES))


def report(results: list[Result]) -> str:
    """Return the results as a Markdown page, with the machine that they were measured on."""
    machine = f"{platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    libraries = f"cryptography {version('cryptography')}, {openssl()}"
    rows = "\n".join(one.row() for one in results)
    return f"""# Measured

Written by `make bench` on {machine}; {libraries}.  Ratios were taken in one run, against the reference of the same
row; absolute figures depend on the machine and say nothing across machines or days.

| what | value | reference | ratio | aim | |
|---|--:|---|--:|--:|---|
{rows}
"""
