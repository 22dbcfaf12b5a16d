# SPDX-License-Identifier: Apache-2.0
"""The host side of every card and phone: one client, whatever carries the bytes.

A `Transmit` takes one command APDU and returns one response APDU.  What is to be said to a card is written as a
*script*, a generator of commands (`script`, `commands`, `personalise`), so that it can be run here (`run`), or carried
turn by turn over a network. `connect` and the `Reader` that it gives are the reference client; `jpki.JpkiSession` and
`text.TextSession` are conversations with one application; `memory`, `pcsc`, `country` and `vpcd` carry the bytes.
"""

from tegata.reader.client import CardInfo, Reader, connect
from tegata.reader.errors import (
    BadPinFormat,
    Blocked,
    CardRefused,
    LastTry,
    NoCertificate,
    NotACard,
    PinRequired,
    ReaderError,
    SamePin,
    TransportError,
    WrongPin,
)
from tegata.reader.jpki import JpkiSession
from tegata.reader.script import Element, Script, Transmit, run
from tegata.reader.text import TextSession

__all__ = [
    "BadPinFormat",
    "Blocked",
    "CardInfo",
    "CardRefused",
    "Element",
    "JpkiSession",
    "LastTry",
    "NoCertificate",
    "NotACard",
    "PinRequired",
    "Reader",
    "ReaderError",
    "SamePin",
    "Script",
    "TextSession",
    "Transmit",
    "TransportError",
    "WrongPin",
    "connect",
    "run",
]
