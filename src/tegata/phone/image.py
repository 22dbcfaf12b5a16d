# SPDX-License-Identifier: Apache-2.0
"""Everything a phone remembers without power, as one frozen value.

`to_bytes` and `from_bytes` are its form at rest: JSON, in which the keys of its hardware stand in the clear, so whoever
stores it seals it first.
"""

import base64
import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Final

from tegata.card.image import BadImage, CardImage
from tegata.phone.errors import BadPhoneImage
from tegata.phone.journal import Journal
from tegata.phone.keystore import WrappedPin
from tegata.phone.lock import Lock, Screen

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class PhoneImage:
    """A phone's memory.  The element's number (`element.card_id`) is the serial number by which services know it."""

    phone_id: str
    maker: str
    model: str
    platform: str
    element: CardImage
    lock: Lock
    wrapped: WrappedPin | None = None
    journal: Journal | None = None

    def now(self, **changes: object) -> "PhoneImage":
        """Return the image with members replaced."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def to_bytes(self) -> bytes:
        """Return the form at rest (not encrypted)."""
        content = {
            "version": VERSION,
            "phone_id": self.phone_id,
            "maker": self.maker,
            "model": self.model,
            "platform": self.platform,
            "element": _b64(self.element.to_bytes()),
            "lock": _lock_to_json(self.lock),
            "wrapped": self.wrapped and _wrapped_to_json(self.wrapped),
            "journal": self.journal and self.journal.to_json(),
        }
        return json.dumps(content, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "PhoneImage":
        """Inverse of `to_bytes`; raises `BadPhoneImage`."""
        try:
            content = json.loads(raw)
            if content["version"] != VERSION:
                raise BadPhoneImage("phone.image_version", found=content["version"], known=VERSION)
            return _from_json(content)
        except (BadImage, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise BadPhoneImage("phone.bad_image") from error


def _from_json(content: dict[str, Any]) -> PhoneImage:
    wrapped, journal = content["wrapped"], content["journal"]
    return PhoneImage(
        str(content["phone_id"]),
        str(content["maker"]),
        str(content["model"]),
        str(content["platform"]),
        CardImage.from_bytes(_unb64(content["element"])),
        _lock_from_json(content["lock"]),
        None if wrapped is None else _wrapped_from_json(wrapped),
        None if journal is None else Journal.from_json(journal),
    )


def _lock_to_json(lock: Lock) -> dict[str, Any]:
    return {
        "salt": _b64(lock.salt),
        "passcode": _b64(lock.passcode),
        "fingers": sorted(lock.fingers),
        "generation": lock.generation,
        "failures": lock.failures,
        "screen": lock.screen.value,
    }


def _lock_from_json(content: dict[str, Any]) -> Lock:
    return Lock(
        _unb64(content["salt"]),
        _unb64(content["passcode"]),
        frozenset(str(finger) for finger in content["fingers"]),
        int(content["generation"]),
        int(content["failures"]),
        Screen(content["screen"]),
    )


def _wrapped_to_json(wrapped: WrappedPin) -> dict[str, Any]:
    return {"key": _b64(wrapped.key), "sealed": _b64(wrapped.sealed), "generation": wrapped.generation}


def _wrapped_from_json(content: dict[str, Any]) -> WrappedPin:
    return WrappedPin(_unb64(content["key"]), _unb64(content["sealed"]), int(content["generation"]))


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
