# SPDX-License-Identifier: Apache-2.0
"""A card of a running country, over HTTP: the control API is played by a few lines of the standard library."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tegata.card import Card
from tegata.reader import connect
from tegata.reader.country import Country
from tegata.reader.errors import CountryError
from unit.card import kit
from unit.refusal import refused


class Control(BaseHTTPRequestHandler):
    """The control API, as far as cards go: two cards, the second one 花子's newest."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    card: Card
    resets: int
    hang_up: bool

    def do_GET(self) -> None:
        """Cards, and one card."""
        if self.path == "/control/v1/cards":
            self._answer(200, {"cards": [{"card_id": "A", "holder": "hanako"}, {"card_id": "B", "holder": "hanako"}]})
        else:
            self._answer(200, {"atr": type(self).card.atr.hex().upper()})

    def do_POST(self) -> None:
        """A command, or a reset."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/control/v1/cards/B/apdu":
            response = type(self).card.transmit(base64.b64decode(body["apdu"]))
            self._answer(200, {"response": base64.b64encode(response).decode()})
        elif self.path == "/control/v1/cards/B/reset":
            type(self).card.reset()
            self._answer(200, {})
        else:
            self._answer(404 if "/C/" in self.path else 500, {})

    def _answer(self, status: int, content: object) -> None:
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
        self.close_connection = type(self).hang_up

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    """Run the control API."""
    handler = type("Here", (Control,), {"card": kit.issued(), "hang_up": False})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


def test_a_person_means_her_newest_card(url: str) -> None:
    """The client does not notice that the card is elsewhere."""
    with connect(country=url, card="hanako") as reader:
        assert reader.info().tries["signing"] == 5
        reader.verify_pin("text", "4321")
        assert reader.individual_number() == kit.NUMBER


def test_a_connection_that_the_country_ended_is_made_anew(url: str) -> None:
    """Servers end what is idle; a card on a reader is idle most of the time."""
    country = Country(url)
    card = country.card("B")
    assert country._connection.sock is not None
    country._connection.sock.shutdown(0)  # as if the other side had hung up
    assert card.transmit(bytes.fromhex("00A4040C0AD392F000260100000001")) == b"\x90\x00"
    country.close()


def test_refusals(url: str) -> None:
    """No such card, a country that refuses, none that runs."""
    country = Country(url)
    with refused("card.unknown", CountryError) as caught:
        country.card("nobody")
    assert caught.value.facts == {"card": "nobody"}
    with refused("card.unknown", CountryError):
        country.call("POST", "cards/C/apdu", {"apdu": ""})
    with refused("card.country_refused", CountryError):
        country.call("POST", "cards/D/apdu", {"apdu": ""})
    country.close()
    with refused("card.country_not_running", CountryError), connect(country="http://127.0.0.1:1", card="x"):
        pass
    with refused("card.country_not_running", CountryError):
        Country("ftp://elsewhere")
