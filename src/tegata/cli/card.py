# SPDX-License-Identifier: Apache-2.0
"""`tegata card`: cards of the running country or from files, on the virtual reader or shown on screen.

A card of the country stays in the country's process, which keeps its PIN counters; here is only a cable, from the
control API to the reader.  Several cards lie in several slots, one port each.
"""

import argparse
import contextlib
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tegata.cli import card_show, manners, places
from tegata.messages import TegataError
from tegata.reader import Element, TransportError, atr
from tegata.reader.memory import Answering
from tegata.reader.slots import Slot
from tegata.reader.trace import Tracer, head
from tegata.reader.vpcd import DEFAULT_PORT

_PATIENCE: Final = 2.0


def register(parser: argparse.ArgumentParser) -> None:
    """Add `card serve`, `card show` and `card save`."""
    say = manners.say
    actions = parser.add_subparsers(dest="card_command", required=True, metavar="COMMAND")
    summary = say("カードを仮想 PC/SC リーダーに載せる", "attach cards to the virtual PC/SC reader")
    _serve_options(_action(actions, "serve", serve, summary, nargs="+"))
    _action(
        actions, "show", card_show.show, say("カードが誰にでも見せる内容を表示する", "show what a card tells everyone")
    )
    summary = say(
        "止まっている国のカードをファイルに保存する", "save a card of a country that is not running to a file"
    )
    save_parser = _action(actions, "save", card_show.save, summary)
    save_parser.add_argument("file", type=Path, metavar="FILE", help=say("保存先", "where to"))


def _action(
    actions: Any, name: str, run: Callable[..., int], summary: str, nargs: str | None = None
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    parser.add_argument("name", metavar="NAME", nargs=nargs, help=manners.say(*places.NAME))
    manners.add_data(parser)
    manners.add_json(parser)
    parser.set_defaults(run=run)
    return parser


def _serve_options(parser: argparse.ArgumentParser) -> None:
    say = manners.say
    words = say("仮想リーダー（vpcd）を使う", "use the virtual reader (vpcd)")
    parser.add_argument("--reader", action="store_true", required=True, help=words)
    words = say("最初のカードのポート。次は 1 つずつ上", "port of the first card; the next ones lie one higher each")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=words)
    words = say("仮想リーダーが始まるのを待つ", "wait for the virtual reader to be started")
    parser.add_argument("--wait", action="store_true", help=words)
    words = say("標準入力の out NAME と in NAME で抜き差しする", "obey `out NAME` and `in NAME` on standard input")
    parser.add_argument("--control", action="store_true", help=words)
    words = say("ほかの ATR で応える（16 進）", "answer to reset with this (hexadecimal)")
    parser.add_argument("--atr", type=_atr, metavar="HEX", help=words)
    words = say("やり取りを暗証番号なしで記録するファイル", "write the dialogue, without PINs, to this file")
    parser.add_argument("--trace", type=Path, metavar="FILE", help=words)


def _atr(text: str) -> bytes:
    value = bytes.fromhex(text)
    if not atr.checks(value):
        raise ValueError(text)
    return value


def serve(args: argparse.Namespace) -> int:
    """Put the cards on the virtual reader until Ctrl-C; a reader that is started anew gets them again."""
    with contextlib.ExitStack() as stack:
        desk = Desk(args, stack)
        manners.show(args, desk.facts(), _served(args.name))
        with contextlib.suppress(KeyboardInterrupt):
            desk.serve()
    return 0


def _served(names: list[str]) -> str:
    cards_ja, cards_en = "、".join(names), ", ".join(names)
    if len(names) == 1:
        it_ja, it_en = f"{cards_ja} のカード", f"The card of {cards_en} is on the virtual reader. Ctrl-C takes it off."
    else:
        it_ja, it_en = (
            f"カード（{cards_ja}）",
            f"{len(names)} cards are on the virtual reader: {cards_en}. Ctrl-C ends.",
        )
    return manners.say(f"{it_ja}を仮想リーダーに載せました。Ctrl-C で外します。", it_en)


class Desk:
    """The cards of one command, each in its slot."""

    def __init__(self, args: argparse.Namespace, stack: contextlib.ExitStack) -> None:
        """Open the cards and put them in.  Raises `TegataError`s."""
        self._heard: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()
        self._cards = {name: self._opened(args, name, stack) for name in args.name}
        self._slots: dict[str, Slot] = {}
        for number, name in enumerate(self._cards):
            slot = Slot(args.port + number, on_failure=self._heard.put)
            stack.callback(slot.close)
            self._slots[name] = slot
            slot.insert(self._cards[name])
            if not args.wait and not slot.connected(_PATIENCE):
                raise TransportError("reader.vpcd_unreachable", host="127.0.0.1", port=slot.port)
        if args.control:
            threading.Thread(target=self._listen, daemon=True).start()

    def facts(self) -> dict[str, Any]:
        """Return the members that scripts read: the first card and port, and all of them."""
        on = [{"card": _number(self._cards[name]) or name, "port": slot.port} for name, slot in self._slots.items()]
        return {**on[0], "cards": on}

    def serve(self) -> None:
        """Obey standard input; raises what makes a card fail."""
        while True:
            heard = self._heard.get()
            if isinstance(heard, Exception):
                raise heard
            verb, _, name = heard.strip().partition(" ")
            if name in self._slots and verb == "out":
                self._slots[name].remove()
            elif name in self._slots and verb == "in":
                self._slots[name].insert(self._cards[name])

    def _listen(self) -> None:
        for line in sys.stdin:
            self._heard.put(line)

    def _opened(self, args: argparse.Namespace, name: str, stack: contextlib.ExitStack) -> Element:
        card: Element = stack.enter_context(places.named(args.data, name))
        if args.atr is not None:
            card = Answering(card, args.atr)
        if args.trace is None:
            return card
        say = stack.enter_context(recorded(args.trace, card.atr))
        return Tracer(card, say, manners.language())


@contextlib.contextmanager
def recorded(file: Path, answer: bytes | None = None) -> Iterator[Callable[[str], None]]:
    """Yield what writes a line of a dialogue to `file`.  Raises `TegataError` when it cannot be written."""
    try:
        out = file.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        raise TegataError("card.file_unusable", file=str(file), cause=type(error).__name__) from error
    with out:
        out.write(head(answer, manners.language()))
        yield lambda line: print(line, file=out)


def _number(card: Element) -> str | None:
    inner = card.element if isinstance(card, Answering) else card
    found = getattr(inner, "card_id", None)
    return None if found is None else str(found)
