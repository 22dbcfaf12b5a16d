# SPDX-License-Identifier: Apache-2.0
"""A long stream of commands at every application of every kind of card, against a ten-line model of its PINs.

The commands are random but likely: they select what is there, present right and wrong values, read, sign, change, open
secure messaging, and break off in between.  A few thousand run with every test run, 200,000 at night.
"""

import os
import random
from dataclasses import dataclass, field

import pytest

from tegata.card import Card, CardImage
from tegata.codecs.apdu import Command, Response
from tegata.jpki import secure_messaging
from tegata.jpki.card_map import EfKind, PinRule
from tegata.reader import run
from tegata.reader.channel import open_channel
from unit.card import kit

COMMANDS = 210_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 6_000
SECRET = bytes(range(32))
PLACE = tuple[str, int]


@dataclass
class Model:
    """What a PIN is: a value and tries.  Right gives all back, wrong takes one, at none nothing helps."""

    values: dict[PLACE, bytes]
    rules: dict[PLACE, PinRule]
    left: dict[PLACE, int] = field(default_factory=dict)

    def present(self, place: PLACE, value: bytes) -> int:
        """Return the status word that a VERIFY must get."""
        if not self.left[place]:
            return 0x6984
        right = value == self.values[place]
        self.left[place] = self.rules[place].tries if right else self.left[place] - 1
        return 0x9000 if right else 0x63C0 | self.left[place]


class Holder:
    """Somebody who types at random, at one card."""

    def __init__(self, profile: str, dice: random.Random) -> None:
        self.dice = dice
        self.card = kit.issued(profile)
        image = self.card.image
        self.applications = image.profile.applications
        pins = {
            (name, ef.id): ef
            for name, one in self.applications.items()
            for ef in one.efs.values()
            if ef.kind is EfKind.PIN
        }
        self.at = {place: ef.kept_at or place for place, ef in pins.items()}
        stored = {place: image.pins[place] for place in set(self.at.values()) if place in image.pins}
        rules = {self.at[place]: ef.pin for place, ef in pins.items() if ef.pin is not None}
        self.model = Model({place: pin.value or b"" for place, pin in stored.items()}, rules)
        self.model.left = {place: stored[place].tries_left if place in stored else 0 for place in rules}
        self.files = image.files
        self.application = "isd"
        self.verified: set[PLACE] = set()

    def step(self) -> None:
        """Do one likely thing, or send any bytes."""
        act = self.dice.choices(
            (self.select, self.verify, self.read, self.sign, self.query, self.any, self.secure), (6, 8, 10, 1, 4, 8, 1)
        )[0]
        act()

    def send(self, command: Command) -> Response:
        """Send a command."""
        return Response.parse(self.card.transmit(command.to_bytes()))

    def select(self) -> None:
        """Select an application, which forgets what was verified."""
        self.application = self.dice.choice(list(self.applications))
        assert self.send(Command(0x00, 0xA4, 0x04, 0x0C, self.applications[self.application].aid)).ok
        self.verified = set()

    def verify(self) -> None:
        """Present the right value, or another, to any reference."""
        ef = self.dice.choice([*self.applications[self.application].efs, 0x1D]) & 0xFF
        place = self.application, ef
        if not 1 <= ef <= 0x1E or place not in self.at:
            assert not self.send(Command(0x00, 0x20, 0x00, 0x80 | ef & 0x1F or 0x80, b"1234")).ok
            return
        kept = self.at[place]
        right = self.model.values.get(kept, b"1234")
        value = right if self.dice.random() < 0.7 else bytes(self.dice.choices(b"0123456789", k=len(right)))
        expected = self.model.present(kept, value)
        assert self.send(Command(0x00, 0x20, 0x00, 0x80 | ef, value)).sw == expected
        (self.verified.add if expected == 0x9000 else self.verified.discard)(place)

    def query(self) -> None:
        """Ask for tries."""
        for (application, ef), kept in self.at.items():
            if application == self.application and ef <= 0x1E:
                assert self.send(Command(0x00, 0x20, 0x00, 0x80 | ef)).sw == 0x63C0 | self.model.left[kept]

    def read(self) -> None:
        """Read any file: open means that one of its PINs is verified."""
        ef = self.dice.choice(list(self.applications[self.application].efs.values()))
        if ef.kind not in (EfKind.TRANSPARENT, EfKind.PUBLIC_KEY):
            assert not self.send(Command(0x00, 0xB0, 0x80 | ef.id & 0x1E or 0x80, 0x00, le=16)).ok or ef.id > 0x1E
            return
        opened = not ef.opened_by or any((self.application, pin) in self.verified for pin in ef.opened_by)
        response = self.send(Command(0x00, 0xB0, 0x80 | ef.id, 0x00, le=65536))
        assert response.sw == (0x9000 if opened else 0x6982) or (opened and response.sw == 0x6B00)
        if opened and response.ok and (self.application, ef.id) in self.files:
            assert response.data == self.files[self.application, ef.id]

    def sign(self) -> None:
        """Sign with any key."""
        keys = [ef for ef in self.applications[self.application].efs.values() if ef.role in _SIGN]
        for ef in keys:
            digest = bytes(48 if self.card.image.profile_name == "next" else 32)
            opened = not ef.opened_by or any((self.application, pin) in self.verified for pin in ef.opened_by)
            response = self.send(Command(0x80, 0x2A, 0x02, 0x80 | ef.id, digest, 256))
            assert response.sw == (0x9000 if opened else 0x6982)

    def secure(self) -> None:
        """Open secure messaging where that can be, and read through it, or break it."""
        if self.application != "text" or ("text", 0x11) not in self.verified or "surface" not in self.applications:
            assert self.send(Command(0x08, 0xB0, 0x81, 0, b"", 256)).sw in (0x69FC, 0x6987)
            return
        run(open_channel(SECRET), self.card.transmit)
        response = self.send(Command(0x08, 0xB0, 0x81, 0, secure_messaging.wanted(0), 65536))
        assert secure_messaging.decrypt(SECRET[:16], 1, response.data) == self.files["text", 1]

    def any(self) -> None:
        """Any bytes that are no VERIFY, CHANGE or SELECT: answered, and nothing is lost."""
        header = bytes((self.dice.choice((0, 0x80, 8, self.dice.randrange(256))), self.dice.randrange(256)))
        if header[1] in (0x20, 0x24, 0x32, 0xA4):
            return
        Response.parse(self.card.transmit(header + self.dice.randbytes(self.dice.choice((0, 1, 2, 3, 4, 8, 40, 300)))))


_SIGN = ("key.signing", "key.authentication", "key.application")


@pytest.mark.parametrize("profile", ["card", "gpse", "next"])
def test_a_long_stream_of_commands(profile: str) -> None:
    """Tries are the model's, guarded files stay closed and unchanged, whatever was sent before."""
    dice = random.Random(f"tegata {profile}")  # noqa: S311 -- the same commands at every run
    holder = Holder(profile, dice)
    for number in range(COMMANDS // 3):
        holder.step()
        if number % 200 == 0:
            if not any(holder.model.left[place] for place in holder.model.values):
                holder = Holder(profile, dice)
            assert CardImage.from_bytes(holder.card.image.to_bytes()) == holder.card.image
        if number % 50 == 0:
            holder.card.reset()
            holder.application, holder.verified = "isd", set()
        if number % 2_000 == 1_999:
            holder = Holder(profile, dice)
        assert holder.card.image.files is holder.files or holder.card.image.files == holder.files
    assert isinstance(holder.card, Card)
