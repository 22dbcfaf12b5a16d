# SPDX-License-Identifier: Apache-2.0
"""Everything a card remembers without power, as one frozen value.

The engine replaces the image, never changes it, and hands each new one out to be kept.  `to_bytes` and `from_bytes` are
its form at rest: JSON, in which keys and PINs stand in the clear, so whoever stores it seals it first.
"""

import base64
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tegata.card.rules import KeyUse, Life, PinState
from tegata.jpki import card_verifiable
from tegata.jpki.card_map import EfKind, Profile, profile, profiles
from tegata.messages import TegataError
from tegata.reader import files

VERSION: Final = 1
Place = tuple[str, int]
"""Application name and file identifier."""


class BadImage(TegataError):
    """The bytes are no card image (`card.bad_image`), or one of a newer version (`card.image_version`)."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """A private key (PKCS#8 DER) and whom it obeys."""

    pkcs8: bytes = field(repr=False)
    use: KeyUse = KeyUse.FRESH


@dataclass(frozen=True, slots=True)
class CardImage:
    """A card's memory.  `card_id` is its number (ASCII); a PIN or file without an entry is empty."""

    profile_name: str
    card_id: str
    issuer_key: bytes = field(repr=False)
    life: Life = Life.BLANK
    files: Mapping[Place, bytes] = field(default_factory=dict, repr=False)
    pins: Mapping[Place, PinState] = field(default_factory=dict, repr=False)
    keys: Mapping[Place, KeyState] = field(default_factory=dict, repr=False)

    @property
    def profile(self) -> Profile:
        """Return what this piece of hardware offers."""
        return profile(self.profile_name)

    @classmethod
    def blank(cls, profile_name: str, issuer_key: bytes, card_id: str) -> "CardImage":
        """Return a card as its maker delivers it.  `issuer_key` is an AES key (16, 24 or 32 bytes).

        Raises `BadImage` for an unknown profile, a key of another size, or a number that is not 1 to 64 ASCII
        characters.
        """
        empty = _identified(cls(profile_name, card_id, issuer_key))
        return dataclasses.replace(empty, files=delivered_files(empty.profile, card_id))

    def with_file(self, place: Place, content: bytes) -> "CardImage":
        """Return the image with one file replaced."""
        return dataclasses.replace(self, files={**self.files, place: content})

    def with_pin(self, place: Place, pin: PinState) -> "CardImage":
        """Return the image with one PIN replaced."""
        return dataclasses.replace(self, pins={**self.pins, place: pin})

    def with_key(self, place: Place, key: KeyState) -> "CardImage":
        """Return the image with one key replaced."""
        return dataclasses.replace(self, keys={**self.keys, place: key})

    def with_life(self, life: Life) -> "CardImage":
        """Return the image with the card standing elsewhere."""
        return dataclasses.replace(self, life=life)

    def to_bytes(self) -> bytes:
        """Return the form at rest (not encrypted)."""
        content = {
            "version": VERSION,
            "profile": self.profile_name,
            "card_id": self.card_id,
            "issuer_key": _b64(self.issuer_key),
            "life": self.life.value,
            "files": {_name(place): _b64(content) for place, content in self.files.items()},
            "pins": {
                _name(place): {"value": None if pin.value is None else _b64(pin.value), "tries_left": pin.tries_left}
                for place, pin in self.pins.items()
            },
            "keys": {
                _name(place): {"pkcs8": _b64(key.pkcs8), "use": key.use.value} for place, key in self.keys.items()
            },
        }
        return json.dumps(content, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "CardImage":
        """Inverse of `to_bytes`; raises `BadImage`."""
        try:
            content = json.loads(raw)
            if content["version"] != VERSION:
                raise BadImage("card.image_version", found=content["version"], known=VERSION)
            return _checked(_from_json(content))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadImage("card.bad_image") from error


def _from_json(content: dict[str, Any]) -> CardImage:
    return CardImage(
        str(content["profile"]),
        str(content["card_id"]),
        _unb64(content["issuer_key"]),
        Life(content["life"]),
        {_place(name): _unb64(value) for name, value in content["files"].items()},
        {_place(name): _pin(value) for name, value in content["pins"].items()},
        {
            _place(name): KeyState(_unb64(value["pkcs8"]), KeyUse(value["use"]))
            for name, value in content["keys"].items()
        },
    )


def _identified(image: CardImage) -> CardImage:
    """Raise unless profile, issuer's key and card number are such that the engine need not doubt them."""
    if image.profile_name not in profiles() or len(image.issuer_key) not in (16, 24, 32):
        raise BadImage("card.bad_image")
    if not image.card_id.isascii() or not 1 <= len(image.card_id) <= 64:
        raise BadImage("card.bad_image")
    return image


def _checked(image: CardImage) -> CardImage:
    """Raise unless every entry belongs to a file of its kind in the profile, so that the engine need not doubt it."""
    applications = _identified(image).profile.applications
    for places, kinds in (
        (image.files, (EfKind.TRANSPARENT, EfKind.RECORD, EfKind.OBJECT)),
        (image.pins, (EfKind.PIN,)),
        (image.keys, (EfKind.KEY, EfKind.PUBLIC_KEY)),
    ):
        for application, ef in places:
            if applications[application].efs[ef].kind not in kinds:
                raise BadImage("card.bad_image")
    return image


def delivered_files(offered: Profile, card_id: str) -> dict[Place, bytes]:
    """Return the files that are on a card before any issuer wrote to it."""
    content = {
        ("isd", "card_id"): card_id.encode("ascii"),
        ("isd", "card_recognition_data"): bytes.fromhex("6612730A06072A864886FC6B0160040104050101"),
        ("jpki", "token_info"): files.token_info(offered.label, card_id),
        ("text", "basic_info"): files.basic_info(card_verifiable.key_id(card_verifiable.TEXT_INFO)),
    }
    return {
        (name, ef.id): content[name, ef.role]
        for name, application in offered.applications.items()
        for ef in application.efs.values()
        if (name, ef.role) in content
    }


def _name(place: Place) -> str:
    return f"{place[0]}.{place[1]:04X}"


def _place(name: str) -> Place:
    application, _, ef = name.partition(".")
    place = application, int(ef, 16)
    if _name(place) != name:
        raise BadImage("card.bad_image")
    return place


def _pin(value: dict[str, Any]) -> PinState:
    left = value["tries_left"]
    pin = None if value["value"] is None else _unb64(value["value"])
    if not isinstance(left, int) or not 0 <= left <= (0 if pin is None else 15):
        raise BadImage("card.bad_image")
    return PinState(pin, left)


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
