# SPDX-License-Identifier: Apache-2.0
"""Raw command APDUs to typed commands.

Whether CLA, INS, P1, P2 and lengths are legal is settled here and nowhere else; `parse` raises `Refusal` with the
status word that says what is wrong.  What is left for the handlers is meaning.
"""

import functools
from collections.abc import Callable
from typing import Final

from tegata.card.rules import Refusal
from tegata.card.typed import (
    OWN_KEY,
    Authenticate,
    AuthenticateCard,
    Change,
    Erase,
    Finish,
    GetChallenge,
    GetData,
    MakeKey,
    PutData,
    QueryTries,
    ReadBinary,
    ReadRecord,
    Ref,
    Secured,
    SelectApplication,
    SelectEf,
    SelectRoot,
    SetPin,
    SetSessionKey,
    Sign,
    Typed,
    Unblock,
    Update,
    Verify,
)
from tegata.codecs.apdu import SW, ApduError, Command
from tegata.jpki import card_map

__all__ = ["SelectApplication", "Sign", "parse"]

_HIGHEST_SHORT_ID: Final = 0x1E


def parse(raw: bytes) -> Typed:
    """Return the typed command; raises `Refusal` (6700, 6881, 6882, 6A86, 6D00, 6E00, …)."""
    try:
        command = Command.parse(raw)
    except ApduError as error:
        raise Refusal(SW.WRONG_LENGTH) from error
    if command.cla == 0x08:
        return Secured(command.ins, command.p1, command.p2, command.data)
    _check_class(command)
    read = _table().get((command.cla, command.ins))
    if read is None:
        raise Refusal(SW.INS_NOT_SUPPORTED)
    return read(command)


def _check_class(command: Command) -> None:
    """Interindustry or proprietary, channel 0, no secure messaging, no chaining (ISO/IEC 7816-4 §5.4.1)."""
    if command.cla in (0x00, 0x80):
        return
    if command.cla & 0x7C == 0 or command.cla & 0xC0 == 0x40:
        raise Refusal(SW.LOGICAL_CHANNEL)
    raise Refusal(SW.CLA_NOT_SUPPORTED)


def _select(command: Command) -> Typed:
    if command.p1 == 0x04:
        if command.p2 not in (0x00, 0x02, 0x0C, 0x0E):
            raise Refusal(SW.WRONG_P1P2)
        if len(command.data) > 16:
            raise Refusal(SW.WRONG_LENGTH)
        return SelectApplication(command.data, bool(command.p2 & 0x02), not command.p2 & 0x0C)
    if command.p1 == 0x02 and command.p2 == 0x0C:
        if len(command.data) != 2:
            raise Refusal(SW.WRONG_LENGTH)
        return SelectEf(int.from_bytes(command.data, "big"))
    if command.p1 == 0x00:
        if command.data:
            raise Refusal(SW.FILE_NOT_FOUND)
        return SelectRoot()
    raise Refusal(SW.WRONG_P1P2)


def _verify(command: Command) -> Typed:
    _p1(command, 0x00)
    ref = _reference(command.p2)
    if not command.data:
        return QueryTries(ref)
    if len(command.data) > 16:
        raise Refusal(SW.WRONG_LENGTH)
    return Verify(ref, command.data)


def _read(command: Command) -> Typed:
    if command.data or command.le is None:
        raise Refusal(SW.WRONG_LENGTH)
    return ReadBinary(*_position(command), command.le)


def _read_record(command: Command) -> Typed:
    if command.data or command.le is None:
        raise Refusal(SW.WRONG_LENGTH)
    if command.p2 & 0x07 == 0x05:  # from this record to the end
        raise Refusal(SW.NOT_SUPPORTED)
    if command.p2 & 0x07 != 0x04 or command.p2 >> 3 > _HIGHEST_SHORT_ID:
        raise Refusal(SW.WRONG_P1P2)
    return ReadRecord(command.p2 >> 3 or None, command.p1, command.le)


def _update(command: Command) -> Typed:
    _data(command, 1, 0x7FFF)
    return Update(*_position(command), command.data)


def _position(command: Command) -> tuple[Ref, int]:
    if not command.p1 & 0x80:
        return None, command.p1 << 8 | command.p2
    if command.p1 & 0x60:
        raise Refusal(SW.WRONG_P1P2)
    return _reference(command.p1), command.p2


def _sign(command: Command) -> Typed:
    if command.p1 > 0x05:
        raise Refusal(SW.WRONG_P1P2)
    return Sign(_reference(command.p2) if command.p2 else OWN_KEY, command.p1, command.data)


def _authenticate_card(command: Command) -> Typed:
    _p1(command, 0x00)
    _data(command, 1, 255)
    return AuthenticateCard(_reference(command.p2), command.data)


def _set_session_key(command: Command) -> Typed:
    _p1p2(command)
    return SetSessionKey(command.data)


def _change(command: Command) -> Typed:
    _p1(command, 0x01 if command.ins == 0x24 else 0x00)
    _data(command, 1, 16)
    return Change(command.cla << 8 | command.ins, _reference(command.p2), command.data)


def _get_data(command: Command) -> Typed:
    if command.data or command.le is None:
        raise Refusal(SW.WRONG_LENGTH)
    return GetData(command.p1 << 8 | command.p2, command.le)


def _challenge(command: Command) -> Typed:
    _p1p2(command)
    if command.data or command.le is None:
        raise Refusal(SW.WRONG_LENGTH)
    if command.le > 256:
        raise Refusal(SW.CONDITIONS)
    return GetChallenge(command.le)


def _authenticate(command: Command) -> Typed:
    _p1p2(command)
    _data(command, 16, 16)
    return Authenticate(command.data)


def _make_key(command: Command) -> Typed:
    if command.p1 > 0x01:
        raise Refusal(SW.WRONG_P1P2)
    _data(command, 0, 0)
    return MakeKey(_reference(command.p2), command.p1 == 0x01)


def _set_pin(command: Command) -> Typed:
    _p1(command, 0x00)
    _data(command, 1, 16)
    return SetPin(_reference(command.p2), command.data)


def _unblock(command: Command) -> Typed:
    _p1(command, 0x00)
    _data(command, 0, 0)
    return Unblock(_reference(command.p2))


def _put_data(command: Command) -> Typed:
    _data(command, 1, 0x7FFF)
    return PutData(command.p1 << 8 | command.p2, command.data)


def _finish(command: Command) -> Typed:
    _p1p2(command)
    _data(command, 0, 0)
    return Finish()


def _erase(command: Command) -> Typed:
    _p1p2(command)
    _data(command, 0, 0)
    return Erase()


def _p1(command: Command, value: int) -> None:
    if command.p1 != value:
        raise Refusal(SW.WRONG_P1P2)


def _p1p2(command: Command) -> None:
    if (command.p1, command.p2) != (0, 0):
        raise Refusal(SW.WRONG_P1P2)


def _data(command: Command, least: int, most: int) -> None:
    if not least <= len(command.data) <= most:
        raise Refusal(SW.WRONG_LENGTH)


def _reference(byte: int) -> Ref:
    """Read `80` (the current file) or `80` plus a short identifier."""
    if not 0x80 <= byte <= 0x80 + _HIGHEST_SHORT_ID:
        raise Refusal(SW.WRONG_P1P2)
    return byte - 0x80 or None


_STANDARD: Final[dict[tuple[int, int], Callable[[Command], Typed]]] = {
    (0x00, 0xA4): _select,
    (0x00, 0x20): _verify,
    (0x00, 0xB0): _read,
    (0x00, 0xB2): _read_record,
    (0x00, 0xD6): _update,
    (0x80, 0x2A): _sign,
    (0x00, 0x24): _change,
    (0x80, 0x32): _change,
    (0x00, 0xCA): _get_data,
    (0x00, 0x84): _challenge,
    (0x00, 0x88): _authenticate_card,
    (0x80, 0xAE): _set_session_key,
}
_ISSUER: Final[dict[str, Callable[[Command], Typed]]] = {
    "authenticate": _authenticate,
    "generate_key": _make_key,
    "set_pin": _set_pin,
    "put_data": _put_data,
    "unblock": _unblock,
    "finish": _finish,
    "erase": _erase,
}


@functools.cache
def _table() -> dict[tuple[int, int], Callable[[Command], Typed]]:
    """Return every command by CLA and INS; those of the issuer stand where the assumptions put them."""
    return _STANDARD | {card_map.issuer_command(name): read for name, read in _ISSUER.items()}
