# SPDX-License-Identifier: Apache-2.0
"""Answers to reset by which a card is known before anything is said to it.

The list is that of OpenSC (src/libopensc/card-jpki.c, win32/customactions.cpp).  On a contactless reader the answer
is made by the *reader* from the card's ATQB, so it names the kind of interface rather than the card; a card that
answers something else is asked for its application instead.
"""

from dataclasses import dataclass
from typing import Final

_TYPE_B_SIZE: Final = 13


@dataclass(frozen=True, slots=True)
class KnownAtr:
    """An answer to reset that My Number Cards give: over contacts, or as a reader builds it for type B."""

    atr: bytes
    interface: str
    listed: bool = True


KNOWN: Final = (
    *(
        KnownAtr(bytes.fromhex(atr), "contact")
        for atr in (
            "3BE000FF8131FE4514",
            "3BDA13FF8131FB468012392F31C173C601C03B",
            "3BC5FF8131FB458073C6010000",
            "3BF59100FF918171FE400042000100D1D6",
            "3BF59100FF918171FE4000420001B3A115",
        )
    ),
    *(
        KnownAtr(bytes.fromhex(atr), "contactless")
        for atr in (
            "3B888001000005E0B381A1007F",
            "3B888001000041E0B381A1003B",
            "3B888001004B51FF0081D100BC",
            "3B888001004B51FFB381D1000F",
        )
    ),
)
"""Every answer that OpenSC lists."""


def recognise(atr: bytes) -> KnownAtr | None:
    """Return what an answer to reset says: a listed one, one of the type-B form, or `None` for any other card."""
    for known in KNOWN:
        if known.atr == atr:
            return known
    if is_type_b(atr):
        return KnownAtr(atr, "contactless", listed=False)
    return None


def is_type_b(atr: bytes) -> bool:
    """Say whether a reader built this from an ATQB (PC/SC part 3 §3.1.3.2.3): 4 application bytes, 3 protocol, MBLI."""
    return len(atr) == _TYPE_B_SIZE and atr.startswith(b"\x3b\x88\x80\x01") and checks(atr)


def checks(atr: bytes) -> bool:
    """Say whether the check byte TCK holds: all bytes after the first add up to nothing (ISO/IEC 7816-3 §8.2.5)."""
    total = 0
    for byte in atr[1:]:
        total ^= byte
    return total == 0
