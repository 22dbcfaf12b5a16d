# SPDX-License-Identifier: Apache-2.0
"""The host's side of secure messaging with the text application (see `jpki.secure_messaging`).

    channel = run(open_channel(secret), transmit)          # after the four digits were verified in the clear
    run(secured(commands.read_file(0x0001), channel), transmit)

`secured` takes any script of SELECT (file), VERIFY, CHANGE and READ BINARY and sends its commands encrypted.
"""

from dataclasses import dataclass, field
from typing import Final, TypeVar

from tegata.codecs.apdu import SW, ApduError, Command, Response
from tegata.crypto import signatures
from tegata.jpki import card_map, secure_messaging
from tegata.jpki.secure_messaging import SecureError
from tegata.reader import commands, files
from tegata.reader.errors import BadContent, CardRefused
from tegata.reader.script import Script, send

T = TypeVar("T")
_SESSION_OVER: Final = (SW.SM_MISSING, SW.SM_INCORRECT, SW.SECURE_MESSAGING, 0x69FC)
_READ: Final = 0xB0


@dataclass(slots=True)
class HostChannel:
    """An open session: the key, and the number of the next command."""

    key: bytes = field(repr=False)
    number: int = 1


def open_channel(secret: bytes) -> Script[HostChannel]:
    """Hand over 32 fresh random bytes; the text application must be selected and its four-digit PIN verified.

    Raises `PinRequired`.
    """
    ef = card_map.application("text").by_role("key.session").id
    spki = files.read_session_key((yield from commands.read_file(ef)))
    ciphertext = signatures.encrypt_oaep_sha256(spki, secure_messaging.session_secret(secret))
    commands.expect("session key", (yield from send(Command(0x80, 0xAE, 0, 0, ciphertext, extended=True))))
    return HostChannel(secret[: secure_messaging.KEY_SIZE])


def secured(script: Script[T], channel: HostChannel) -> Script[T]:
    """Run a script with every command encrypted.  Raises `CardRefused` when the card ended the session."""
    try:
        plain = next(script)
        while True:
            plain = script.send((yield from _exchange(plain, channel)))
    except StopIteration as end:
        outcome: T = end.value
        return outcome


def _exchange(plain: bytes, channel: HostChannel) -> Script[bytes]:
    try:
        command = Command.parse(plain)
    except ApduError as error:
        raise BadContent("command") from error
    number, channel.number = channel.number, channel.number + 1
    response = yield from send(_wrapped(command, channel.key, number))
    if response.sw in _SESSION_OVER:
        raise CardRefused("secure messaging", response.sw)
    if not response.data:
        return response.to_bytes()
    try:
        data = secure_messaging.decrypt(channel.key, number, response.data)
    except SecureError as error:
        raise BadContent("secure messaging") from error
    return Response(data, response.sw).to_bytes()


def _wrapped(command: Command, key: bytes, number: int) -> Command:
    header = (0x08, command.ins, command.p1, command.p2)
    if command.ins == _READ:
        objects = secure_messaging.wanted((command.le or 0) & 0xFFFF)
        return Command(*header, objects, le=65536, extended=True)
    return Command(*header, secure_messaging.encrypt(key, number, command.data))
