# SPDX-License-Identifier: Apache-2.0
"""券面事項確認AP: what is printed on the card, for who can see it; and the common application's card number."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tegata.jpki import card_map
from tegata.reader import authenticity, commands, surface_files
from tegata.reader.authenticity import Genuine, Roots
from tegata.reader.errors import BadContent
from tegata.reader.jpki import pin_bytes
from tegata.reader.script import Script, Transmit, run
from tegata.reader.surface_files import Signed, SignedFace

T = TypeVar("T")


class SurfaceSession:
    """A conversation with the surface application behind `transmit`.  All methods raise `ReaderError`s."""

    def __init__(self, transmit: Transmit) -> None:
        self._transmit = transmit
        self._selected = False

    def select(self) -> None:
        """Select the application; raises `NotACard`."""
        run(commands.select_application("surface"), self._transmit)
        self._selected = True

    def retries(self, pin: str) -> int:
        """Return the tries left of `number_a`, `number_b` or `birth`; 0 means blocked."""
        return self._run(commands.tries_left(_file(f"pin.{pin}")))

    def verify(self, pin: str, value: str) -> None:
        """Present `number_a` (12 digits), `number_b` (14) or `birth` (6) once.

        Raises `BadPinFormat` (nothing sent), `WrongPin`, `Blocked`.
        """
        self._run(commands.verify(_file(f"pin.{pin}"), pin_bytes(pin, value)))

    def birth(self) -> Signed:
        """Return the date of birth for an age check; opened by the birth date."""
        return surface_files.read_birth_record(self._run(commands.read_file(_file("birth"))))

    def face(self) -> SignedFace:
        """Return the card's face; opened by 照合番号A or B."""
        return surface_files.read_face(self._run(commands.read_file(_file("face"))))

    def number_picture(self) -> Signed:
        """Return 個人番号 as a picture; opened by 照合番号A only."""
        return surface_files.read_number_picture(self._run(commands.read_file(_file("number_picture"))))

    def municipality_code(self) -> str:
        """Return the five digits of the municipality; open to all."""
        return surface_files.read_municipality_code(self._run(commands.read_file(_file("basic_info"))))

    def authenticity(self, roots: Roots, random: Callable[[int], bytes] = os.urandom) -> Genuine:
        """Check that the card is no copy, by what is open; raises `NotAuthentic`, `PinRequired`."""
        return self._run(authenticity.surface(roots, random))

    def _run(self, script: Script[T]) -> T:
        if not self._selected:
            self.select()
        return run(script, self._transmit)


@dataclass(frozen=True, slots=True)
class CardNumber:
    """Record 1 of the common application: 製造番号, municipality, expiry `YYYYMMDD`."""

    serial: str = field(repr=False)
    municipality_code: str
    expires: str


def card_number() -> Script[CardNumber]:
    """Read 製造番号 and what stands with it; open to all.  Selects the common application."""
    yield from commands.select_application("common")
    record = yield from commands.read_record(card_map.application("common").by_role("card_number").id, 1)
    if len(record) != 28 or not record.isdigit():
        raise BadContent("card_number")
    digits = record.decode("ascii")
    return CardNumber(digits[:15], digits[15:20], digits[20:])


def _file(role: str) -> int:
    return card_map.application("surface").by_role(role).id
