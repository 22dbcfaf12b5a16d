# SPDX-License-Identifier: Apache-2.0
"""券面事項入力補助AP: the individual number and the four attributes, behind four digits or the printed numbers."""

import os
from collections.abc import Callable
from typing import TypeVar

from tegata.jpki import card_map, secure_messaging
from tegata.reader import authenticity, channel, commands, files
from tegata.reader.authenticity import Genuine, Roots
from tegata.reader.channel import HostChannel
from tegata.reader.files import TextAttributes
from tegata.reader.jpki import pin_bytes
from tegata.reader.script import Script, Transmit, run

T = TypeVar("T")


class TextSession:
    """A conversation with the text application behind `transmit`.  All methods raise `ReaderError`s."""

    def __init__(self, transmit: Transmit) -> None:
        self._transmit = transmit
        self._selected = False
        self._channel: HostChannel | None = None

    def select(self) -> None:
        """Select the application; raises `NotACard`."""
        run(commands.select_application("text"), self._transmit)
        self._selected, self._channel = True, None

    def retries(self, pin: str = "text") -> int:
        """Return the tries left of `text` (the four digits), `number_a` or `number_b`; 0 means blocked."""
        return self._run(commands.tries_left(_file(f"pin.{pin}")))

    def verify(self, pin: str) -> None:
        """Present the PIN once.  Raises `BadPinFormat` (nothing sent), `WrongPin`, `Blocked`."""
        self._run(commands.verify(_file("pin.text"), pin_bytes("text", pin)))

    def verify_a(self, number: str) -> None:
        """Present 照合番号A, the 個人番号: opens the number.  Raises as `verify`."""
        self._run(commands.verify(_file("pin.number_a"), pin_bytes("number_a", number)))

    def verify_b(self, number: str) -> None:
        """Present 照合番号B, 14 digits from the card's face: opens the attributes.  Raises as `verify`."""
        self._run(commands.verify(_file("pin.number_b"), pin_bytes("number_b", number)))

    def secure(self, random: Callable[[int], bytes] = os.urandom) -> None:
        """Encrypt what follows, until `select`; the PIN must have been verified.  Raises `PinRequired`."""
        self._channel = self._run(channel.open_channel(random(secure_messaging.SECRET_SIZE)))

    def authenticity(self, roots: Roots, random: Callable[[int], bytes] = os.urandom) -> Genuine:
        """Check that the card is no copy, by what is open; raises `NotAuthentic`, `PinRequired`."""
        if not self._selected:
            self.select()
        return run(authenticity.text(roots, random), self._transmit)

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
        if self._channel is not None:
            script = channel.secured(script, self._channel)
        return run(script, self._transmit)


def _file(role: str) -> int:
    return card_map.application("text").by_role(role).id
