# SPDX-License-Identifier: Apache-2.0
"""Plays the conversations in `*.apdu`: what goes to the card, and what it must answer.

# words             why, and where the behaviour is known from
card PROFILE        start with an issued card (`card`, `gpse`), or with `blank card`
reset               power off and on
> HEX ; words       a command APDU; `{NAME}` is the PIN of that name with its length (`tegata.reader.dialogue`)
< PATTERN ; words   the answer: hexadecimal, `??` any byte, `[n]` any n bytes, `*` anything

The heading of each file marks how well its behaviour is known: C read in public code, M measured by the author named,
D in a public document, T tried with other people's software, S reported by others, ? an assumption of ours.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tegata.card import Card
from tegata.reader import dialogue
from unit.card import kit

PINS = {"authentication": "1234", "signing": "ABC123", "text": "4321", "common.card": "9876", "juki.card": "9876"}
FILES = sorted(Path(__file__).parent.glob("*.apdu"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_dialogue(file: Path) -> None:
    """The card answers as the file says, line by line."""
    card = kit.issued()
    answer = b""
    for number, verb, rest in lines(file):
        if verb == "card":
            card = start(rest)
        elif verb == "reset":
            card.reset()
        elif verb == ">":
            answer = card.transmit(dialogue.command(dialogue.Line(number, verb, rest), PINS))
        else:
            assert re.fullmatch(pattern(rest), answer.hex().upper()), f"{file.name}:{number}: {answer.hex(' ').upper()}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_dialogue_marks_how_well_it_is_known(file: Path) -> None:
    """A behaviour without a mark could be mistaken for a fact."""
    heading = "".join(line for line in file.read_text("utf-8").splitlines()[1:4] if line.startswith("#"))
    assert re.search(r"(\(|; )[CMDTS?]: ", heading) or "assumption " in heading


def lines(file: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line number, verb and the rest of each line that is not empty or a remark."""
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        said = line.split(";")[0].strip()
        if said and not said.startswith("#"):
            verb, _, rest = said.partition(" ")
            assert verb in ("card", "reset", ">", "<"), f"{file.name}:{number}"
            yield number, verb, rest.strip()


def start(words: str) -> Card:
    """Return the card that a dialogue asks for."""
    return kit.blank(words.removeprefix("blank ")) if words.startswith("blank ") else kit.issued(words)


def pattern(words: str) -> str:
    """Return the regular expression for an expected answer."""
    compact = words.replace(" ", "").upper().replace("*", ".*").replace("??", "..")
    return re.sub(r"\[(\d+)\]", lambda size: f".{{{2 * int(size[1])}}}", compact)
