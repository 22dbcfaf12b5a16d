# SPDX-License-Identifier: Apache-2.0
"""The hardware keystore (TEE): keys that work only after the owner's finger.

The one use that this country makes of it: the authentication PIN of the applet is kept wrapped under such a key, and a
match releases it to the applet (named assumption `phone.biometrics`: how real phones let biometrics stand for the four
digits is not public).  A key is bound to the fingers enrolled when it was made; once a finger is added it is dead, as
an Android key with `setInvalidatedByBiometricEnrollment`.  The signing password is never stored here or anywhere.
"""

from dataclasses import dataclass, field
from typing import Final

from tegata.crypto.vault import KEY_SIZE, Vault
from tegata.phone.errors import Locked
from tegata.phone.lock import Lock, Match

CONTEXT: Final = "phone.keystore.authentication-pin"
"""What the wrapping is bound to."""

__all__ = ["CONTEXT", "KEY_SIZE", "WrappedPin", "release", "wrap"]


@dataclass(frozen=True, slots=True)
class WrappedPin:
    """The authentication PIN under a key that a finger of `generation` releases."""

    key: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    generation: int


def wrap(lock: Lock, match: Match, pin: str, key: bytes) -> WrappedPin:
    """Wrap `pin` under the fresh 32-byte `key`, bound to the fingers enrolled now.

    Raises `Locked` (`phone.fingers_changed`) when the match is older than that.
    """
    if match.generation != lock.generation:
        raise Locked("phone.fingers_changed")
    return WrappedPin(key, Vault(key).seal(pin.encode("ascii"), CONTEXT), lock.generation)


def release(wrapped: WrappedPin | None, match: Match) -> str:
    """Return the PIN after a match.

    Raises `Locked`: `phone.biometrics_not_set_up` when none is kept, `phone.fingers_changed` when a finger was added
    since.
    """
    if wrapped is None:
        raise Locked("phone.biometrics_not_set_up")
    if wrapped.generation != match.generation:
        raise Locked("phone.fingers_changed")
    return Vault(wrapped.key).open(wrapped.sealed, CONTEXT).decode("ascii")
