# SPDX-License-Identifier: Apache-2.0
"""The My Number Card, and in its `gpse` profile the JPKI applet of a phone, in software.

`engine.Card` answers command APDUs; `image.CardImage` is everything it remembers without power.  What files, PINs and
access rules there are is data (`tegata.jpki.card_map`).  A command goes one way: bytes → `commands` (is it legal?) →
one dispatch table in `engine` → `holder` or `issuer` (what it does) → `rules` (every change of a PIN's or the card's
state) → persisted → answered.
"""

from tegata.card.engine import Card
from tegata.card.image import BadImage, CardImage

__all__ = ["BadImage", "Card", "CardImage"]
