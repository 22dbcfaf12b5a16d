# SPDX-License-Identifier: Apache-2.0
"""The phone's hardware: secure element, keystore, screen lock, antenna.

Every change of memory is handed to `on_persist` *before* it is answered, as by `card.Card`, so that a wrong PIN or a
wrong finger never gets its try back.  What is not memory is lost with the power: what is selected and verified in the
element, and whether a finger has just matched.
"""

import os
from collections.abc import Callable
from typing import Any

from tegata.card.commands import SelectApplication, Sign, parse
from tegata.card.engine import Card
from tegata.card.image import CardImage
from tegata.card.rules import Refusal
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.jpki import Kind, assumptions, card_map
from tegata.phone import keystore, lock
from tegata.phone.errors import Locked, PhoneError
from tegata.phone.image import PhoneImage
from tegata.phone.journal import Enrolment, Journal
from tegata.phone.lock import Match
from tegata.reader import Element, ReaderError, Transmit, commands, run

PROFILE = "gpse"
"""The element's profile: a GlobalPlatform secure element with the JPKI applet."""

_SALT = 16


class Phone:
    """A phone under power.  Make its image with `make`, switch it on with `load`."""

    def __init__(
        self,
        image: PhoneImage,
        on_persist: Callable[[bytes], None],
        keys: Callable[[Algorithm], SoftwareKey],
        random: Callable[[int], bytes],
    ) -> None:
        self._image = image
        self._on_persist = on_persist
        self._random = random
        self._match: Match | None = None
        self._on_air = False
        self.element = Card(image.element, on_persist=self._element_changed, random=random, keys=keys)

    def __repr__(self) -> str:
        return f"Phone({self.phone_id!r})"

    @classmethod
    def make(
        cls,
        phone_id: str,
        *,
        maker: str,
        model: str,
        platform: str,
        issuer_key: bytes,
        passcode: str,
        fingers: frozenset[str] = frozenset(),
        random: Callable[[int], bytes] = os.urandom,
    ) -> bytes:
        """Return the image of a phone just set up by its owner, screen open.

        `phone_id` is also the serial number of its element, whose issuer holds `issuer_key` (AES).  Raises `BadImage`.
        """
        element = CardImage.blank(PROFILE, issuer_key, phone_id)
        image = PhoneImage(phone_id, maker, model, platform, element, lock.new(passcode, random(_SALT), fingers))
        return image.to_bytes()

    @classmethod
    def load(
        cls,
        image: bytes,
        *,
        on_persist: Callable[[bytes], None],
        keys: Callable[[Algorithm], SoftwareKey] = SoftwareKey.generate,
        random: Callable[[int], bytes] = os.urandom,
    ) -> "Phone":
        """Switch on the phone whose memory is `image`; raises `BadPhoneImage`."""
        return cls(PhoneImage.from_bytes(image), on_persist, keys, random)

    # -- what anybody may know ------------------------------------------------------------------------------------

    @property
    def phone_id(self) -> str:
        """Return the phone's number."""
        return self._image.phone_id

    @property
    def device(self) -> dict[str, str]:
        """Return what the phone tells an enrolment service of itself: maker, model, platform, element's serial."""
        image = self._image
        return {
            "maker": image.maker,
            "model": image.model,
            "platform": image.platform,
            "serial": image.element.card_id,
        }

    def describe(self) -> dict[str, Any]:
        """Return public facts: device, screen, enrolment, certificates present, tries left, whether a finger serves."""
        element = self._image.element
        return {
            "phone_id": self.phone_id,
            **self.device,
            "screen": self._image.lock.screen.value,
            "enrolment": Enrolment.of(self._image.journal).to_json(),
            "certificates": [
                k.value for k in Kind if element.files.get(("jpki", card_map.jpki_file("certificate", k)))
            ],
            "tries_left": {kind.value: _tries_left(element, kind) for kind in Kind},
            "biometrics": self._image.wrapped is not None,
        }

    # -- the lock -------------------------------------------------------------------------------------------------

    @property
    def unlocked(self) -> bool:
        """Whether the screen is open."""
        return self._image.lock.unlocked

    def touch(self, finger: str) -> Match:
        """Put a finger on the sensor; a match opens the screen and lets the antenna use the PIN once.

        Raises `Locked`: `phone.wrong_finger`, `phone.no_fingers`, `phone.biometrics_locked_out`.
        """
        state, match = lock.touch(self._image.lock, finger)
        self._match = None
        self._keep(self._image.now(lock=state))
        if match is None:
            raise Locked("phone.wrong_finger", tries_left=max(0, lock.tries() - state.failures))
        self._match = match
        return match

    def enter(self, passcode: str) -> None:
        """Open the screen with the passcode; raises `Locked` (`phone.wrong_passcode`)."""
        self._keep(self._image.now(lock=lock.enter(self._image.lock, passcode)))

    def sleep(self) -> None:
        """Turn the screen off; a match that was not used is gone."""
        self._match = None
        self._keep(self._image.now(lock=lock.sleep(self._image.lock)))

    def add_finger(self, finger: str) -> None:
        """Enrol another finger; the PIN kept for the earlier ones is no longer released."""
        self._keep(self._image.now(lock=lock.add_finger(self._image.lock, finger)))

    # -- the keystore ---------------------------------------------------------------------------------------------

    def keep_pin(self, match: Match, pin: str) -> None:
        """Keep the authentication PIN for the fingers enrolled now; the match is used up.  Raises `Locked`."""
        self._match = None
        wrapped = keystore.wrap(self._image.lock, match, pin, self._random(keystore.KEY_SIZE))
        self._keep(self._image.now(wrapped=wrapped))

    def release_pin(self, match: Match) -> str:
        """Return the authentication PIN after a match, which is used up; raises `Locked`."""
        if match is self._match:
            self._match = None
        return keystore.release(self._image.wrapped, match)

    def forget_pin(self) -> None:
        """Drop the PIN that was kept."""
        if self._image.wrapped is not None:
            self._keep(self._image.now(wrapped=None))

    # -- the app's memory -----------------------------------------------------------------------------------------

    @property
    def journal(self) -> Journal | None:
        """Return what the app wrote down."""
        return self._image.journal

    def write(self, journal: Journal) -> Journal:
        """Keep what the app writes down, durably; returns it."""
        if journal != self._image.journal:
            self._keep(self._image.now(journal=journal))
        return journal

    # -- the element -----------------------------------------------------------------------------------------------

    def inside(self) -> Transmit:
        """Return the app's way into the element, in a session of its own: nothing of an earlier one is left."""
        self.element.reset()
        self._on_air = False
        return self.element.transmit

    def leave(self) -> None:
        """End the app's session: what it verified is forgotten."""
        self.element.reset()

    # -- the antenna ----------------------------------------------------------------------------------------------

    def antenna(self) -> Element:
        """Return what a contactless reader sees: the element, whose PIN a finger that has just matched replaces."""
        return _Antenna(self)

    def transmit(self, command: bytes) -> bytes:
        """Answer a command that came over the antenna.

        A reader has a session of its own, too.  While a match is fresh, selecting JPKI is followed by the phone's own
        VERIFY of the authentication PIN; the first signature uses the match up.
        """
        if not self._on_air:
            self.element.reset()
            self._on_air = True
        response = self.element.transmit(command)
        if self._match is None or not response.endswith(b"\x90\x00") or not _biometrics():
            return response
        try:
            typed = parse(command)
        except Refusal:
            return response
        if (
            isinstance(typed, SelectApplication)
            and typed.aid
            and card_map.application("jpki").aid.startswith(typed.aid)
        ):
            self._verify_by_finger(self._match)
        elif isinstance(typed, Sign):
            self._match = None
        return response

    def _verify_by_finger(self, match: Match) -> None:
        """Verify the PIN in the application just selected; one that no longer fits is forgotten: it costs one try."""
        try:
            pin = keystore.release(self._image.wrapped, match).encode("ascii")
            run(commands.verify(card_map.jpki_file("pin", Kind.AUTHENTICATION), pin), self.element.transmit)
        except PhoneError:
            self._match = None
        except ReaderError:
            self._match = None
            self.forget_pin()

    def _element_changed(self, element: CardImage) -> None:
        self._keep(self._image.now(element=element))

    def _keep(self, image: PhoneImage) -> None:
        self._on_persist(image.to_bytes())
        self._image = image


class _Antenna:
    """The element as a contactless reader sees it."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    @property
    def atr(self) -> bytes:
        """Return the answer to reset that a reader builds for it."""
        return self._phone.element.atr

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU."""
        return self._phone.transmit(command)

    def reset(self) -> None:
        """Forget what is selected and verified, as when the phone leaves the field."""
        self._phone.element.reset()


def _biometrics() -> bool:
    return bool(assumptions.value("phone.biometrics") == "release_pin")


def _tries_left(element: CardImage, kind: Kind) -> int:
    pin = element.pins.get(("jpki", card_map.jpki_file("pin", kind)))
    return 0 if pin is None else pin.tries_left
