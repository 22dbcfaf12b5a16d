# SPDX-License-Identifier: Apache-2.0
"""Writes down a dialogue with a card, in the form in which it can be played again (`dialogue`), each line in words.

What is secret or personal is not written down.  Where a command carries a PIN stands the PIN's name in braces
(`{signing}`, or `{wrong signing}` when the card refused it), which hides its length too; what a file behind a PIN
contains is `[n]`, n bytes of anything, unless `with_data` asks for it; what an issuer writes is `{hidden}`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tegata.codecs.apdu import ApduError, Command, Response
from tegata.jpki import card_map
from tegata.jpki.card_map import Application, Ef
from tegata.messages import Lang
from tegata.reader import dialogue, pins, words
from tegata.reader.script import Element

_SELECT, _VERIFY, _READ, _READ_RECORD, _UPDATE = 0xA4, 0x20, 0xB0, 0xB2, 0xD6
_CHANGE: Final = ((0x00, 0x24), (0x80, 0x32))
_BY_SHORT_ID: Final = (_VERIFY, 0x24, 0x32, 0x2A, 0x88, 0xA2, _READ, _UPDATE)
_SHORT: Final = 0x80
_NO_ID: Final = 0x80
_SECURE: Final = 0x08
_NAMED: Final = re.compile(r"\{[^}]*\}")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{4}")


@dataclass(slots=True)
class Whereabouts:
    """What is selected on the card, as far as the dialogue tells."""

    application: Application | None = None
    ef: int | None = None

    def follow(self, command: Command, response: Response) -> None:
        """Take note of what a command selected."""
        if command.ins == _SELECT and response.ok:
            self._selected(command)
        elif response.ok or response.tries_left is not None:
            self.ef = self.named(command)

    def named(self, command: Command) -> int | None:
        """Return the file that a command speaks of: by short identifier, or the current one."""
        if command.ins == _READ_RECORD and command.p2 >> 3:
            return command.p2 >> 3
        if command.ins in _BY_SHORT_ID:
            reference = command.p1 if command.ins in (_READ, _UPDATE) else command.p2
            if reference & _SHORT and reference != _NO_ID:
                return reference & 0x1F
        return self.ef

    def file(self, ef: int | None) -> Ef | None:
        """Return what is known of a file of the current application."""
        return None if self.application is None or ef is None else self.application.efs.get(ef)

    def _selected(self, command: Command) -> None:
        if command.p1 == 0x04:
            known = card_map.profile("card").applications.values()
            self.application = next((one for one in known if command.data and one.aid.startswith(command.data)), None)
            self.ef = None
        elif command.p1 == 0x02:
            self.ef = int.from_bytes(command.data, "big")


@dataclass(slots=True)
class Tracer:
    """An element that passes everything on to another, and says each line of it to `say`."""

    _element: Element
    _say: Callable[[str], None]
    lang: Lang = "en"
    with_data: bool = False
    _where: Whereabouts = field(default_factory=Whereabouts)

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._element.atr

    def reset(self) -> None:
        """Reset the card; nothing is selected then."""
        self._element.reset()
        self._where = Whereabouts()
        self._say(_line("reset", words.reset(self.lang)))

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU, and write it down with its answer."""
        answer = self._element.transmit(command)
        try:
            typed, response = Command.parse(command), Response.parse(answer)
        except ApduError:
            self._say(_line("> {hidden}", words.malformed(self.lang)))
            self._say(_line(f"< * {answer[-2:].hex().upper()}", ""))
            return answer
        shown = masked(typed, response, self._where)
        self._say(_line(f"> {shown}", _in_words(typed, self._where, self.lang)))
        content = self._answer(typed, response, self._where.named(typed))
        self._say(_line(f"< {content}", words.answer(response.sw, self.lang)))
        self._where.follow(typed, response)
        return answer

    def _answer(self, command: Command, response: Response, ef: int | None) -> str:
        sw = f"{response.sw:04X}"
        if not response.data:
            return sw
        file = self._where.file(ef)
        reads = command.ins in (_READ, _READ_RECORD)
        secret = command.cla & _SECURE or (reads and (file is None or file.opened_by))
        changes = not reads and command.ins not in (_SELECT, 0xCA)
        if changes or (secret and not self.with_data):
            return f"[{len(response.data)}] {sw}"
        return f"{response.data.hex().upper()} {sw}"


def masked(command: Command, response: Response, where: Whereabouts) -> str:
    """Return a command in hexadecimal, with names instead of PINs."""
    head = f"{command.cla:02X} {command.ins:02X} {command.p1:02X} {command.p2:02X}"
    if not command.data:
        return _hex(command)
    if (command.cla & ~_SECURE, command.ins) in ((0x00, _VERIFY), *_CHANGE):
        name = _pin_name(where, where.named(command))
        word = "new " if command.ins != _VERIFY else "wrong " if response.tries_left is not None else ""
        return f"{head} {{{word}{name}}}"
    if _writes(command):
        return f"{head} {{hidden}}"
    return _hex(command)


def _writes(command: Command) -> bool:
    """Say whether a command brings content, keys or PINs to the card: those of the issuer, and everything unknown."""
    return (command.cla, command.ins) not in _HARMLESS


_HARMLESS: Final = frozenset(
    ((0x00, 0xA4), (0x00, 0x84), (0x00, 0x88), (0x00, 0xCA), (0x00, 0xCB), (0x80, 0x2A), (0x80, 0xA2), (0x80, 0xAE))
)


def _pin_name(where: Whereabouts, ef: int | None) -> str:
    for place in pins.places().values():
        if where.application is not None and (place.application, place.ef) == (where.application.name, ef):
            return place.name
    return "pin"


def _hex(command: Command) -> str:
    raw = command.to_bytes()
    head, body = raw[:4].hex(" ").upper(), raw[4:]
    if not command.data or len(body) <= 1:
        return f"{head} {body.hex().upper()}".strip()
    tail = body[len(body) - _le_size(command) :] if command.le is not None else b""
    size = len(body) - len(command.data) - len(tail)
    parts = (body[:size], command.data, tail)
    return " ".join([head, *(part.hex().upper() for part in parts if part)])


def _le_size(command: Command) -> int:
    long = command.extended or len(command.data) > 255 or (command.le or 0) > 256
    return 2 if long else 1


def _line(said: str, comment: str) -> str:
    return f"{said:<47} ; {comment}" if comment else said


def head(atr: bytes | None = None, lang: Lang = "en") -> str:
    """Return the first lines of a recorded dialogue."""
    answer = "" if atr is None else f"# ATR {atr.hex().upper()}\n"
    return f"# SPDX-License-Identifier: Apache-2.0\n# {words.recorded(lang)}\n{answer}"


def explained(text: str, lang: Lang = "en") -> Iterator[str]:
    """Yield a dialogue line by line in words, whoever wrote it; remarks of its own are kept.

    Raises `DialogueError` at a line that is none.
    """
    where, asked = Whereabouts(), None
    for line in dialogue.parse(text):
        if line.verb == "reset":
            where = Whereabouts()
            yield _line("reset", words.reset(lang))
        elif line.verb == ">":
            asked = _understood(line)
            yield _line(f"> {line.said}", _in_words(asked, where, lang))
        else:
            sw = line.said.replace(" ", "")[-4:]
            known = _HEX.fullmatch(sw)
            yield _line(f"< {line.said}", words.answer(int(sw, 16), lang) if known else "")
            if asked is not None and known:
                where.follow(asked, Response(sw=int(sw, 16)))


def _understood(line: dialogue.Line) -> Command | None:
    try:
        return Command.parse(bytes.fromhex(_NAMED.sub("01 00", line.said)))
    except (ApduError, ValueError):
        return None


def _in_words(command: Command | None, where: Whereabouts, lang: Lang) -> str:
    if command is None:
        return words.malformed(lang)
    ef = where.named(command)
    return words.command(command, where.application, where.file(ef), ef, lang)
