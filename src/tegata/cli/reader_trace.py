# SPDX-License-Identifier: Apache-2.0
"""`tegata reader trace`: records what an action says to a card, explains a recording, or plays it to a card.

A recording has the form of `tests/dialogue`; PINs and what they guard are not in it (`tegata.reader.trace`).
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tegata.cli import card, manners, places, reader_actions
from tegata.cli.reader_actions import ActionError
from tegata.reader import dialogue
from tegata.reader.trace import explained

Parse = Callable[[list[str]], argparse.Namespace]
"""Reads the words of the action that is to be recorded."""


def trace(args: argparse.Namespace, parse: Parse) -> int:
    """Record, explain or play.  The action's own options win; where the card lies may be said before the action too."""
    if args.explain is not None:
        return _explain(args.explain)
    if args.replay is not None:
        return _replay(args)
    if not args.action:
        raise ActionError("reader.nothing_to_trace")
    inner = places.inherited(parse(args.action), args)
    with ExitStack() as stack:
        inner.trace_to = _print if args.to is None else stack.enter_context(card.recorded(args.to))
        inner.with_data = args.with_data
        return int(manners.guarded(inner.run)(inner))


def _explain(file: Path) -> int:
    text = reader_actions.read_file(file).decode("utf-8", "replace")
    print("\n".join(explained(text, manners.language())))
    return 0


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _replay(args: argparse.Namespace) -> int:
    text = reader_actions.read_file(args.replay).decode("utf-8", "replace")
    with places.opened(args) as element:
        sent = dialogue.play(text, element, _pins(args.pins))
    print(
        manners.say(
            f"{sent} 個の命令に、記録のとおりの応答がありました。", f"{sent} commands were answered as recorded."
        )
    )
    return 0


def _pins(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    lines = reader_actions.read_file(file).decode("utf-8", "replace").splitlines()
    return {name.strip(): pin.strip() for name, _, pin in (line.partition("=") for line in lines) if pin}
