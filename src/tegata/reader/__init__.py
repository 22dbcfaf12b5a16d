# SPDX-License-Identifier: Apache-2.0
"""The host side of every card and phone: one client, whatever carries the bytes.

A `Transmit` takes one command APDU and returns one response APDU.  What is to be said to a card is written as a
*script*, a generator of commands (`script`, `commands`, `personalise`), so that it can be run here (`run`), or carried
turn by turn over a network. `jpki.JpkiSession` and `text.TextSession` are what applications use; `memory`, `pcsc` and
`vpcd` carry the bytes.
"""

from tegata.reader.errors import (
    BadPinFormat,
    Blocked,
    CardRefused,
    NoCertificate,
    NotACard,
    PinRequired,
    ReaderError,
    TransportError,
    WrongPin,
)
from tegata.reader.jpki import JpkiSession
from tegata.reader.script import Element, Script, Transmit, run
from tegata.reader.text import TextSession

__all__ = [
    "BadPinFormat",
    "Blocked",
    "CardRefused",
    "Element",
    "JpkiSession",
    "NoCertificate",
    "NotACard",
    "PinRequired",
    "ReaderError",
    "Script",
    "TextSession",
    "Transmit",
    "TransportError",
    "WrongPin",
    "run",
]
