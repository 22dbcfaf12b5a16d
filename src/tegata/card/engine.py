# SPDX-License-Identifier: Apache-2.0
"""The card: bytes in, bytes out.

`Card.transmit` parses a command, looks its type up in the one dispatch table, and lets a handler work out the next
state.  If that changes the card's memory, the new image is handed to `on_persist` *before* the answer leaves, so a
process killed in between can have answered nothing that is not kept: no wrong PIN ever gets its try back.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from tegata.card import channel, commands, holder, issuer, typed
from tegata.card.image import CardImage
from tegata.card.rules import Refusal
from tegata.card.state import Outcome, Session, State, Tools
from tegata.codecs.apdu import SW, Response
from tegata.crypto.keys import Algorithm, CryptoError, SoftwareKey

Handler = Callable[[State, Any, Tools], Outcome]

DISPATCH: Final[dict[type, Handler]] = {
    typed.SelectApplication: holder.select_application,
    typed.SelectRoot: holder.select_root,
    typed.SelectEf: holder.select_ef,
    typed.QueryTries: holder.query_tries,
    typed.Verify: holder.verify,
    typed.Change: holder.change,
    typed.ReadBinary: holder.read_binary,
    typed.ReadRecord: holder.read_record,
    typed.GetData: holder.get_data,
    typed.GetChallenge: holder.get_challenge,
    typed.Sign: holder.sign,
    typed.AuthenticateCard: holder.authenticate_card,
    typed.SetSessionKey: channel.set_session_key,
    typed.Authenticate: issuer.authenticate,
    typed.MakeKey: issuer.make_key,
    typed.Update: issuer.update,
    typed.SetPin: issuer.set_pin,
    typed.Unblock: issuer.unblock,
    typed.PutData: issuer.put_data,
    typed.Finish: issuer.finish,
    typed.Erase: issuer.erase,
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
            parsed = commands.parse(command)
            if isinstance(parsed, typed.Secured):
                state, response = self._secured(parsed)
            else:
                state, response = DISPATCH[type(parsed)](self._state, parsed, self._tools)
        except Refusal as refusal:
            return Response(sw=refusal.sw).to_bytes()
        self._state = state
        self._keep()
        return response.to_bytes()

    def _secured(self, command: typed.Secured) -> Outcome:
        """Open a secured command, carry it out, and close the answer; an error of the messaging ends its session."""
        open_ = self._state.session.channel
        try:
            inner = channel.opened(open_, command)
        except Refusal as refusal:
            return self._state.now(channel=None), Response(sw=refusal.sw)
        if open_ is None:
            raise Refusal(channel.NO_CHANNEL)
        try:
            channel.demand_reach(command)
            parsed = commands.parse(inner)
            state, response = DISPATCH[type(parsed)](self._state, parsed, self._tools)
        except Refusal as refusal:
            state, response = self._state, Response(sw=refusal.sw)
        following = replace(open_, counter=open_.counter + 1)
        return state.now(channel=following), channel.closed(open_, response)

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
