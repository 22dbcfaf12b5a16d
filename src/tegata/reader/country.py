# SPDX-License-Identifier: Apache-2.0
"""A card of a running country, reached through its control API with the standard library alone.

The card stays in the country's process, which keeps its PIN counters; here is only a cable.  One connection is kept
open, for a reader sends hundreds of commands.
"""

import base64
import http.client
import json
import select
from typing import Any, Final
from urllib.parse import quote, urlsplit

from tegata.jpki import card_map
from tegata.reader.errors import CountryError

_PATIENCE: Final = 30
_NOT_FOUND: Final = 404
_GOOD: Final = range(200, 300)


class Country:
    """The control API of a running country, as far as cards go.  Not for use by several threads at once."""

    def __init__(self, url: str) -> None:
        """`url` is where the country listens, such as `http://127.0.0.1:8440`.  Raises `CountryError`."""
        where = urlsplit(url)
        if where.scheme != "http" or not where.hostname:
            raise CountryError("card.country_not_running", where=url)
        self._url = url
        self._connection = http.client.HTTPConnection(where.hostname, where.port, timeout=_PATIENCE)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def cards(self) -> list[dict[str, Any]]:
        """Return number, holder and more of every card.  Raises `CountryError`."""
        listed: list[dict[str, Any]] = self.call("GET", "cards")["cards"]
        return listed

    def card(self, name: str) -> "CountryCard":
        """Return the card that `name` means: a card's number, or a person, whose newest one is taken.

        Raises `CountryError`.
        """
        found = [card for card in self.cards() if name in (card["card_id"], card["holder"])]
        if not found:
            raise CountryError("card.unknown", card=name)
        card_id = str(found[-1]["card_id"])
        return CountryCard(self, card_id, self._atr(card_id))

    def _atr(self, card_id: str) -> bytes:
        told = self.call("GET", f"cards/{quote(card_id)}").get("atr")
        return bytes.fromhex(told) if isinstance(told, str) else card_map.profile("card").atr

    def call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        """Return the JSON that the country answers.  Raises `CountryError`.

        Nothing is sent a second time: a PIN might be in it.
        """
        content = None if body is None else json.dumps(body)
        try:
            self._renew()
            self._connection.request(method, f"/control/v1/{path}", content, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise CountryError("card.country_not_running", where=self._url) from error
        if response.status == _NOT_FOUND:
            raise CountryError("card.unknown", card=path.split("/")[1] if "/" in path else path)
        if response.status not in _GOOD:
            raise CountryError("card.country_refused", status=response.status)
        return json.loads(answer) if answer else {}

    def _renew(self) -> None:
        """Hang up when the country has: it ends connections over which nothing was said for some seconds."""
        kept = self._connection.sock
        if kept is not None and select.select([kept], [], [], 0)[0]:
            self._connection.close()


class CountryCard:
    """One card of the country; the country may be asked by this thread only.  Raises `CountryError`."""

    def __init__(self, country: Country, card_id: str, atr: bytes) -> None:
        self._country = country
        self._atr = atr
        self.card_id = card_id

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._atr

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU."""
        asked = {"apdu": base64.b64encode(command).decode("ascii")}
        answer = self._country.call("POST", f"cards/{quote(self.card_id)}/apdu", asked)
        return base64.b64decode(answer["response"], validate=True)

    def reset(self) -> None:
        """Take the card out of the field and put it back."""
        self._country.call("POST", f"cards/{quote(self.card_id)}/reset", {})
