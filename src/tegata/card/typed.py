# SPDX-License-Identifier: Apache-2.0
"""The typed commands: what a command APDU means once `commands.parse` has found it legal.

A `ref` is a short file identifier (1 to 30), `None` for the current file, `OWN_KEY` for the application's own signing
key.  `Secured` is still encrypted: what is inside goes through `parse` again once it is opened.
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

Ref: TypeAlias = int | None
OWN_KEY: Final = 0


@dataclass(frozen=True, slots=True)
class SelectApplication:
    """SELECT by AID or a prefix of one; `after_current` asks for the next match, `fci` for an answer."""

    aid: bytes
    after_current: bool
    fci: bool


@dataclass(frozen=True, slots=True)
class SelectRoot:
    """SELECT of the root, which real cards confirm inside an application and nowhere else."""


@dataclass(frozen=True, slots=True)
class SelectEf:
    """SELECT of an elementary file in the current application."""

    ef: int


@dataclass(frozen=True, slots=True)
class QueryTries:
    """VERIFY without data: how many tries are left?"""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Verify:
    """VERIFY with a PIN of 1 to 16 bytes."""

    ref: Ref
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReadBinary:
    """READ BINARY of at most `size` bytes."""

    ref: Ref
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """READ RECORD number `number` (from 1), at most `size` bytes."""

    ref: Ref
    number: int
    size: int


@dataclass(frozen=True, slots=True)
class AuthenticateCard:
    """INTERNAL AUTHENTICATE: sign a challenge of 1 to 255 bytes with a key that needs no PIN."""

    ref: Ref
    challenge: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetSessionKey:
    """SET SESSION KEY: 32 random bytes, encrypted to the application's key."""

    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Secured:
    """A command under secure messaging (class 08): header, and data objects as they came."""

    ins: int
    p1: int
    p2: int
    objects: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sign:
    """COMPUTE DIGITAL SIGNATURE; `scheme` is P1, 0 to 5."""

    ref: Ref
    scheme: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """Change a PIN to `value`; `code` is CLA and INS, which differ by application."""

    code: int
    ref: Ref
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class GetData:
    """GET DATA of the issuer security domain."""

    tag: int
    size: int


@dataclass(frozen=True, slots=True)
class GetChallenge:
    """GET CHALLENGE of 1 to 256 bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Authenticate:
    """EXTERNAL AUTHENTICATE: the issuer's answer to the last challenge."""

    cryptogram: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MakeKey:
    """GENERATE KEY in a key file, or only return the public half that is there (`keep`)."""

    ref: Ref
    keep: bool


@dataclass(frozen=True, slots=True)
class Update:
    """UPDATE BINARY; at offset 0 it replaces the file, at the file's end it appends."""

    ref: Ref
    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetPin:
    """The issuer sets a PIN."""

    ref: Ref
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unblock:
    """The issuer gives a PIN all its tries back."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class PutData:
    """The issuer writes an object of the issuer security domain."""

    tag: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finish:
    """The issuer hands the card over."""


@dataclass(frozen=True, slots=True)
class Erase:
    """The issuer erases the current application."""


Typed: TypeAlias = (
    SelectApplication
    | SelectRoot
    | SelectEf
    | QueryTries
    | Verify
    | ReadBinary
    | ReadRecord
    | AuthenticateCard
    | SetSessionKey
    | Secured
    | Sign
    | Change
    | GetData
    | GetChallenge
    | Authenticate
    | MakeKey
    | Update
    | SetPin
    | Unblock
    | PutData
    | Finish
    | Erase
)
