# SPDX-License-Identifier: Apache-2.0
"""The card: bytes in, bytes out.

`Card.transmit` parses a command, looks its type up in the one dispatch table, and lets a handler work out the next
state.  If that changes the card's memory, the new image is handed to `on_persist` *before* the answer leaves, so a
process killed in between can have answered nothing that is not kept: no wrong PIN ever gets its try back.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from tegata.card import commands, holder, issuer
from tegata.card.image import CardImage
from tegata.card.rules import Refusal
from tegata.card.state import Outcome, Session, State, Tools
from tegata.codecs.apdu import SW, Response
from tegata.crypto.keys import Algorithm, CryptoError, SoftwareKey

Handler = Callable[[State, Any, Tools], Outcome]

DISPATCH: Final[dict[type, Handler]] = {
    commands.SelectApplication: holder.select_application,
    commands.SelectRoot: holder.select_root,
    commands.SelectEf: holder.select_ef,
    commands.QueryTries: holder.query_tries,
    commands.Verify: holder.verify,
    commands.Change: holder.change,
    commands.ReadBinary: holder.read_binary,
    commands.GetData: holder.get_data,
    commands.GetChallenge: holder.get_challenge,
    commands.Sign: holder.sign,
    commands.Authenticate: issuer.authenticate,
    commands.MakeKey: issuer.make_key,
    commands.Update: issuer.update,
    commands.SetPin: issuer.set_pin,
    commands.Finish: issuer.finish,
    commands.Erase: issuer.erase,
}
_KEYS_LOADED: Final = 8


def _keep_nothing(_: CardImage) -> None:
    """For cards that live only as long as the process."""


class Card:
    """A card under power.

    `on_persist` keeps an image durably before it returns; what it raises passes through `transmit`, the command then
    counts as not answered, and keeping is tried again before the next one.  `random(n)` yields n unpredictable bytes,
    `keys` new key pairs.
    """

    def __init__(
        self,
        image: CardImage,
        *,
        on_persist: Callable[[CardImage], None] = _keep_nothing,
        random: Callable[[int], bytes] = os.urandom,
        keys: Callable[[Algorithm], SoftwareKey] = SoftwareKey.generate,
    ) -> None:
        self._state = State(image, Session())
        self._kept = image
        self._on_persist = on_persist
        self._loaded: dict[bytes, SoftwareKey] = {}
        self._tools = Tools(random, keys, self._load_key)

    @property
    def image(self) -> CardImage:
        """Everything the card remembers without power."""
        return self._state.image

    @property
    def atr(self) -> bytes:
        """Answer to reset (ISO/IEC 7816-3 §8)."""
        return self._state.image.profile.atr

    def reset(self) -> None:
        """Forget what is selected and verified, as after power off."""
        self._state = State(self._state.image, Session())

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU.  Whatever the bytes, there is an answer; only `on_persist` can raise."""
        self._keep()
        try:
            typed = commands.parse(command)
            state, response = DISPATCH[type(typed)](self._state, typed, self._tools)
        except Refusal as refusal:
            return Response(sw=refusal.sw).to_bytes()
        self._state = state
        self._keep()
        return response.to_bytes()

    def _keep(self) -> None:
        image = self._state.image
        if image is not self._kept:
            self._on_persist(image)
            self._kept = image

    def _load_key(self, pkcs8: bytes) -> SoftwareKey:
        """Return a stored key, loaded; raises `Refusal` 6581 when the memory holds no key of this hardware there."""
        if pkcs8 not in self._loaded:
            if len(self._loaded) >= _KEYS_LOADED:
                self._loaded.clear()
            self._loaded[pkcs8] = self._checked_key(pkcs8)
        return self._loaded[pkcs8]

    def _checked_key(self, pkcs8: bytes) -> SoftwareKey:
        try:
            key = SoftwareKey.from_pkcs8(pkcs8, own=True)
        except CryptoError as error:
            raise Refusal(SW.MEMORY_FAILURE) from error
        if key.algorithm is not self._state.image.profile.algorithm:
            raise Refusal(SW.MEMORY_FAILURE)
        return key
