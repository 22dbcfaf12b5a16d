# SPDX-License-Identifier: Apache-2.0
"""`tegata card show` and `save`: what a card tells everyone, and a card as a file."""

import argparse
from typing import Any

from tegata.cli import manners, places
from tegata.jpki import Kind
from tegata.reader import CardInfo, connect


def show(args: argparse.Namespace) -> int:
    """Print label, answer to reset, applications, certificates and tries left; needs no PIN and costs no try."""
    with places.named(args.data, args.name) as card, connect(card) as reader:
        number = getattr(card, "card_id", None)
        facts = {"card": number or args.name, **facts_of(reader.info())}
    manners.show(args, facts, "\n".join(lines(facts)))
    return 0


def facts_of(info: CardInfo) -> dict[str, Any]:
    """Return what a card tells everyone, flat."""
    told = info.to_json()
    flat = {name: told[name] for name in ("token", "kind", "atr", "interface", "atr_listed", "applications")}
    present = {f"{kind.value}_certificate": kind in info.certificates for kind in Kind}
    return {**flat, **present, **{f"{pin.replace('.', '_')}_tries_left": left for pin, left in info.tries.items()}}


def lines(facts: dict[str, Any]) -> list[str]:
    """Return facts as lines for a terminal."""
    return [f"{name:28} {_shown(value)}" for name, value in facts.items()]


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def save(args: argparse.Namespace) -> int:
    """Write a card of the data directory, which must not be in use, to a file sealed by the directory's key."""
    from tegata.card import CardImage
    from tegata.crypto.vault import Vault
    from tegata.sandbox import card_files, datadir
    from tegata.sandbox.things import Things

    with datadir.opened(args.data) as directory:
        vault = Vault.load_or_create(directory.vault_key)
        things = Things.open(directory.file("country"), vault)
        try:
            held = [one.thing_id for one in things.listed("card") if args.name in (one.thing_id, one.holder)]
            image = things.image("card", held[-1] if held else args.name)
        finally:
            things.close()
    card_files.save(args.file, CardImage.from_bytes(image), vault)
    words = manners.say(
        f"{args.name} のカードを {args.file} に保存しました。", f"The card of {args.name} is in {args.file}."
    )
    manners.show(args, {"card": held[-1] if held else args.name, "file": str(args.file)}, words)
    return 0
