# SPDX-License-Identifier: Apache-2.0
"""券面事項入力補助AP: the individual number and the four attributes, behind a four-digit PIN."""

from typing import TypeVar

from tegata.jpki import card_map
from tegata.reader import commands, files
from tegata.reader.files import TextAttributes
from tegata.reader.jpki import pin_bytes
from tegata.reader.script import Script, Transmit, run

T = TypeVar("T")


class TextSession:
    """A conversation with the text application behind `transmit`.  All methods raise `ReaderError`s."""

    def __init__(self, transmit: Transmit) -> None:
        self._transmit = transmit
        self._selected = False

    def select(self) -> None:
        """Select the application; raises `NotACard`."""
        run(commands.select_application("text"), self._transmit)
        self._selected = True

    def retries(self) -> int:
        """Return the tries left; 0 means blocked."""
        return self._run(commands.tries_left(_file("pin.text")))

    def verify(self, pin: str) -> None:
        """Present the PIN once.  Raises `BadPinFormat` (nothing sent), `WrongPin`, `Blocked`."""
        self._run(commands.verify(_file("pin.text"), pin_bytes("text", pin)))

    def individual_number(self) -> str:
        """Return the 12 digits of 個人番号; raises `PinRequired`.  Who may ask for it is limited by law."""
        return files.read_individual_number(self._run(commands.read_file(_file("individual_number"))))

    def attributes(self) -> TextAttributes:
        """Return the four attributes; raises `PinRequired`."""
        return files.read_attributes(self._run(commands.read_file(_file("attributes"))))

    def change_pin(self, pin: str, new_pin: str) -> None:
        """Replace the PIN; the old one is presented once."""
        old, new = pin_bytes("text", pin), pin_bytes("text", new_pin)
        self._run(commands.verify(_file("pin.text"), old))
        self._run(commands.change("text", _file("pin.text"), new))

    def _run(self, script: Script[T]) -> T:
        if not self._selected:
            self.select()
        return run(script, self._transmit)


def _file(role: str) -> int:
    return card_map.application("text").by_role(role).id
