# SPDX-License-Identifier: Apache-2.0
"""Where the card lies that a command is to use: in the running country, in a file, or on a reader.

Without `--card` or `--listen` it is a PC/SC reader, as with a real card; `--pcsc` narrows which.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tegata.cli import manners
from tegata.reader import Element, pcsc
from tegata.reader.country import Country
from tegata.reader.errors import CountryError

NAME: Final = (
    "動いている国の住民かカード番号、または保存したカードのファイル",
    "a person or a card's number of the running country, or the file of a saved card",
)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the card lies."""
    say = manners.say
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--card", metavar="NAME", help=say(*NAME))
    words = say("名前にこれを含む PC/SC リーダー", "the PC/SC reader whose name contains this")
    group.add_argument("--pcsc", metavar="NAME", help=words)
    words = say("pcscd なしで、このポートにカードが来るのを待つ", "wait for a card on this port, without pcscd")
    group.add_argument("--listen", type=int, metavar="PORT", help=words)
    manners.add_data(parser)


def inherited(inner: argparse.Namespace, outer: argparse.Namespace) -> argparse.Namespace:
    """Return the options of an inner command, with the card of the outer one where the inner names none."""
    places = ("card", "pcsc", "listen")
    if all(getattr(inner, name, None) is None for name in places):
        for name in (*places, "data"):
            setattr(inner, name, getattr(outer, name))
    return inner


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Element]:
    """Yield the card that the options name.  Raises `TegataError`s."""
    if args.card is not None:
        with named(args.data, args.card) as card:
            yield card
    elif args.listen is not None:
        from tegata.reader import vpcd_host

        with vpcd_host.listening(args.listen) as end:
            yield end
    else:
        with pcsc.opened(args.pcsc) as on_reader:
            yield on_reader


@contextmanager
def named(data: Path, name: str) -> Iterator[Element]:
    """Yield the card that `name` means: one of the running country, or a saved one."""
    if Path(name).is_file():
        from tegata.sandbox import card_files

        with card_files.opened(Path(name), card_files.vault_of(data)) as saved:
            yield saved
        return
    country = Country(country_url(data))
    try:
        yield country.card(name)
    finally:
        country.close()


def country_url(data: Path) -> str:
    """Return where the country of a data directory listens; raises `CountryError`."""
    try:
        return str(json.loads((data / "country.json").read_text("utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CountryError("card.country_not_running", where=str(data)) from error
