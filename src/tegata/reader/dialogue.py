# SPDX-License-Identifier: Apache-2.0
"""Recorded dialogues: read from text, and played to a card again, which must answer as written.

# words             a remark
reset               power off and on
> HEX ; words       a command APDU; `{NAME}` stands for the PIN called NAME with its length, `{wrong NAME}` for a wrong
                    one, `{new NAME}` for a new one
< PATTERN ; words   the answer: hexadecimal, `??` any byte, `[n]` any n bytes, `*` anything

Tests are written in the same form (`tests/dialogue`).  What is `{hidden}` cannot be played.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tegata.reader.errors import DialogueError
from tegata.reader.script import Element

_LINE: Final = re.compile(r"(reset|[><])\s*(.*)")
_PIN: Final = re.compile(r"\{([^}]+)\}")
_ANSWER: Final = re.compile(r"(?:[0-9A-F]{2}|\?\?|\[\d+\]|\*)+")
_WRONG: Final = b"\0WRONG"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number, its verb (`reset`, `>`, `<`), and what it says without the remark."""

    number: int
    verb: str
    said: str


def parse(text: str) -> Iterator[Line]:
    """Yield the lines that mean something.  Raises `DialogueError` (`reader.dialogue_line`)."""
    for number, line in enumerate(text.splitlines(), 1):
        said = line.split(";")[0].strip()
        if not said or said.startswith("#"):
            continue
        found = _LINE.fullmatch(said)
        if found is None:
            raise DialogueError("reader.dialogue_line", line=number)
        yield Line(number, found[1], found[2].strip())


def play(text: str, element: Element, pins: Mapping[str, str] | None = None) -> int:
    """Play a dialogue to a card; returns how many commands were sent.  `pins` are the PINs by their names.

    Raises `DialogueError` at the first line that is answered differently, before any later line is sent.
    """
    answer, sent = b"", 0
    for line in parse(text):
        if line.verb == "reset":
            element.reset()
        elif line.verb == ">":
            answer = element.transmit(command(line, pins or {}))
            sent += 1
        elif not pattern(line).fullmatch(answer.hex().upper()):
            raise DialogueError("reader.dialogue_differs", line=line.number, sw=answer[-2:].hex().upper())
    return sent


def command(line: Line, pins: Mapping[str, str]) -> bytes:
    """Return the bytes of a command line, PINs filled in.

    Raises `DialogueError`: `reader.dialogue_pin`, `reader.dialogue_line`.
    """
    try:
        return bytes.fromhex(_PIN.sub(lambda found: _pin(found[1], pins, line.number).hex(), line.said))
    except ValueError as error:
        raise DialogueError("reader.dialogue_line", line=line.number) from error


def _pin(name: str, pins: Mapping[str, str], number: int) -> bytes:
    if name.startswith("wrong "):
        value = _WRONG
    elif name in pins:
        value = pins[name].encode("ascii")
    else:
        raise DialogueError("reader.dialogue_pin", line=number, pin=name)
    return bytes((len(value),)) + value


def pattern(line: Line) -> re.Pattern[str]:
    """Return the regular expression for an expected answer.  Raises `DialogueError` (`reader.dialogue_line`)."""
    compact = line.said.replace(" ", "").upper()
    if not _ANSWER.fullmatch(compact):
        raise DialogueError("reader.dialogue_line", line=line.number)
    compact = compact.replace("*", ".*").replace("??", "..")
    return re.compile(re.sub(r"\[(\d+)\]", lambda size: f".{{{2 * int(size[1])}}}", compact))
