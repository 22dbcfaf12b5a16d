# SPDX-License-Identifier: Apache-2.0
"""`tegata card`: cards of the running country, on the virtual reader or shown on screen.

The card stays in the country's process, which keeps its PIN counters; here is only a cable, from the control API
to the reader.
"""

import argparse
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tegata.cli import manners
from tegata.jpki import Kind, card_map
from tegata.messages import TegataError
from tegata.reader import Element, JpkiSession, TransportError
from tegata.reader.vpcd import DEFAULT_PORT, VirtualReader


class CardCommandError(TegataError):
    """The command cannot be carried out: `card.country_not_running`, `card.unknown`, `card.country_refused`."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add `card serve` and `card show`."""
    say = manners.say
    actions = parser.add_subparsers(dest="card_command", required=True, metavar="COMMAND")
    summary = say("カードを仮想 PC/SC リーダーに載せる", "attach a card to the virtual PC/SC reader")
    serve_parser = _action(actions, "serve", serve, summary)
    words = say("仮想リーダー（vpcd）を使う", "use the virtual reader (vpcd)")
    serve_parser.add_argument("--reader", action="store_true", required=True, help=words)
    words = say(f"vpcd のポート（既定 {DEFAULT_PORT}）", f"port of vpcd (default {DEFAULT_PORT})")
    serve_parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=words)
    _action(actions, "show", show, say("カードが誰にでも見せる内容を表示する", "show what a card tells everyone"))


def _action(actions: Any, name: str, run: Callable[..., int], summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    words = manners.say("国の住民か、カード番号", "a person of the country, or a card number")
    parser.add_argument("name", metavar="NAME", help=words)
    manners.add_data(parser)
    manners.add_json(parser)
    parser.set_defaults(run=run)
    return parser


def serve(args: argparse.Namespace) -> int:
    """Put the card on the virtual reader until Ctrl-C, or until the reader goes away."""
    with httpx.Client(base_url=country_url(args.data), timeout=30) as http:
        card = CountryCard(http, card_id(http, args.name))
        reader = VirtualReader(card, port=args.port)
        words = manners.say(
            f"{args.name} のカードを仮想リーダーに載せました。Ctrl-C で外します。",
            f"The card of {args.name} is on the virtual reader. Ctrl-C takes it off.",
        )
        manners.show(args, {"card": card.card_id, "port": args.port}, words)
        try:
            reader.run()
        except KeyboardInterrupt:
            return 0
        finally:
            reader.close()
    raise TransportError("reader.connection_lost")


def show(args: argparse.Namespace) -> int:
    """Print label, answer to reset, certificates and tries left; needs no PIN and costs no try."""
    with httpx.Client(base_url=country_url(args.data), timeout=30) as http:
        card = CountryCard(http, card_id(http, args.name))
        facts = {"card": card.card_id, **facts_of(card)}
    manners.show(args, facts, "\n".join(f"{name:28} {value}" for name, value in facts.items()))
    return 0


def facts_of(card: Element) -> dict[str, Any]:
    """Return what a card tells everyone."""
    card.reset()
    session = JpkiSession(card.transmit)
    present = session.certificates_present()
    return {
        "token": session.token(),
        "atr": card.atr.hex().upper(),
        **{f"{kind.value}_certificate": kind in present for kind in Kind},
        **{f"{kind.value}_tries_left": session.retries(kind) for kind in Kind},
    }


class CountryCard:
    """A card of the running country, reached through its control API.  Raises `CardCommandError`."""

    def __init__(self, http: httpx.Client, card_id: str) -> None:
        self._http = http
        self.card_id = card_id

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return card_map.profile("card").atr

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU."""
        answer = self._post("apdu", {"apdu": base64.b64encode(command).decode("ascii")})
        return base64.b64decode(answer["response"], validate=True)

    def reset(self) -> None:
        """Reset the card."""
        self._post("reset", {})

    def _post(self, action: str, body: dict[str, str]) -> Any:
        response = _called(lambda: self._http.post(f"/control/v1/cards/{quote(self.card_id)}/{action}", json=body))
        if response.status_code == httpx.codes.NOT_FOUND:
            raise CardCommandError("card.unknown", card=self.card_id)
        if not response.is_success:
            raise CardCommandError("card.country_refused", status=response.status_code)
        return response.json() if response.content else {}


def country_url(data: Path) -> str:
    """Return where the country of a data directory listens; raises `CardCommandError`."""
    try:
        return str(json.loads((data / "country.json").read_text("utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CardCommandError("card.country_not_running", where=str(data)) from error


def card_id(http: httpx.Client, name: str) -> str:
    """Return the number of the card that `name` means: a card's number, or a person, whose newest one is taken.

    Raises `CardCommandError` (`card.unknown`).
    """
    response = _called(lambda: http.get("/control/v1/cards"))
    if not response.is_success:
        raise CardCommandError("card.country_refused", status=response.status_code)
    cards = [card for card in response.json()["cards"] if name in (card["card_id"], card["holder"])]
    if not cards:
        raise CardCommandError("card.unknown", card=name)
    return str(cards[-1]["card_id"])


def _called(call: Callable[[], httpx.Response]) -> httpx.Response:
    try:
        return call()
    except httpx.HTTPError as error:
        raise CardCommandError("card.country_not_running", where=type(error).__name__) from error
