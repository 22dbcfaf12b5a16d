# SPDX-License-Identifier: Apache-2.0
"""The entry point: finds the command, imports it alone, and lets it run.

A command is a module of this package with `register(parser)`, which adds its arguments and sets `run`.  Importing
only the one that was asked for keeps `tegata --version` near the speed of the bare interpreter.
"""

import argparse
import importlib
import os
import sys
from typing import Final

from tegata import __version__
from tegata.cli.manners import FAILED, complain, guarded, mend_streams, say
from tegata.messages import TegataError


class CommandError(TegataError):
    """A command needs a package that is not installed (`cli.missing_package`)."""


COMMANDS: Final = {
    "up": ("国を起動する", "start the country"),
    "demo": ("物語を最初から最後まで実行する", "run the story from beginning to end"),
    "reader": ("カードリーダーとカードを使う", "use cards on readers"),
    "card": ("動いている国のカードを使う", "use cards of the running country"),
    "serve": ("一つのサービスだけを動かす", "run one service alone"),
    "verify": ("署名と証明書を検証する", "verify a signature and its certificate"),
    "bench": ("速さを測る", "measure speed"),
    "doctor": ("この機械に何が足りないか調べる", "see what this machine lacks"),
}
DESCRIPTION: Final = ("手形：JPKI をまるごと一台で（試験用）", "Tegata: JPKI, whole, on one machine (for tests)")


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (by default the process's); returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    mend_streams()
    try:
        args = parse(arguments)
        return int(guarded(args.run)(args))
    except ModuleNotFoundError as error:
        return complain(argparse.Namespace(json="--json" in arguments), _missing(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read has gone; without this the interpreter would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; exits with 2 and a usage line when it is wrong."""
    parser = argparse.ArgumentParser(prog="tegata", description=say(*DESCRIPTION))
    parser.add_argument("--version", action="version", version=f"tegata {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = next((argument for argument in arguments if argument in COMMANDS), None)
    for name, summary in COMMANDS.items():
        words = say(*summary)
        command = commands.add_parser(name, help=words, description=words)
        if name == wanted:
            importlib.import_module(f"tegata.cli.{name}").register(command)
    return parser.parse_args(arguments)


def _missing(error: ModuleNotFoundError) -> CommandError:
    """Return the refusal for a package of others that is not there; one of ours that is not is a bug, and raised."""
    package = (error.name or "tegata").split(".")[0]
    if package == "tegata":
        raise error
    return CommandError("cli.missing_package", package=package)


if __name__ == "__main__":
    sys.exit(main())
