# SPDX-License-Identifier: Apache-2.0
"""Secure messaging of the text application: confidentiality, and nothing else.

1. After the four digits (照合番号 does not do), SET SESSION KEY hands over 32 bytes, encrypted to the key of file 0006;
   the first 16 are an AES-128 key.
2. Commands in class 08 carry exactly one object: `86 L 01 ciphertext`, or for READ BINARY `96 03 00 hh ll`, the length
   wanted.  Command number N, from 1, is encrypted with AES-CBC; its IV is N as 16 bytes, encrypted with the same key.
3. An answer with data is `86 L 01 ciphertext` under the same IV.
4. Any error of the messaging itself (6882, 6987, 6988, 69FC) ends the session; a command that the application refuses
   counts and does not.

Source: soltia48/myna-card (src/sm.rs).
"""

from typing import Final

from tegata.card.rules import Refusal
from tegata.card.state import DONE, Channel, Outcome, State, Tools
from tegata.card.typed import Secured, SetSessionKey
from tegata.codecs.apdu import SW, Command, Response
from tegata.crypto import signatures
from tegata.crypto.keys import CryptoError
from tegata.jpki import assumptions, secure_messaging
from tegata.jpki.secure_messaging import SecureError

NO_CHANNEL: Final = 0x69FC
"""The card's own word for secure messaging where there is no session."""

_SELECT, _READ = 0xA4, 0xB0
_CIPHERTEXT_SIZE: Final = 256


def set_session_key(state: State, command: SetSessionKey, tools: Tools) -> Outcome:
    """Open a session, in place of one that is open.  6F00 for a number beyond the modulus, 6A80 for a wrong content."""
    application = state.application
    if application.session_key is None:
        raise Refusal(int(assumptions.value("card.no_session_key"), 16))
    if application.session_pin not in state.session.verified:
        raise Refusal(SW.SECURITY_STATUS)
    key = state.image.keys.get((state.session.application, application.session_key))
    if key is None:
        raise Refusal(SW.CONDITIONS)
    if len(command.ciphertext) != _CIPHERTEXT_SIZE:
        raise Refusal(SW.WRONG_LENGTH)
    loaded = tools.load_key(key.pkcs8)
    if int.from_bytes(command.ciphertext, "big") >= signatures.rsa_numbers(loaded.spki)[0]:
        raise Refusal(SW.UNKNOWN)
    try:
        secret = secure_messaging.read_session_secret(loaded.decrypt_oaep_sha256(command.ciphertext))
    except (CryptoError, SecureError) as error:
        raise Refusal(SW.WRONG_DATA) from error
    return state.now(channel=Channel(secret[: secure_messaging.KEY_SIZE])), DONE


def opened(channel: Channel | None, command: Secured) -> bytes:
    """Return the command inside a secured one, as plain bytes.  Raises `Refusal`, after which the session is over."""
    if command.ins == _SELECT and (channel is None or command.p1 == 0x04):
        raise Refusal(SW.SECURE_MESSAGING)
    if channel is None:
        raise Refusal(NO_CHANNEL)
    try:
        return _plain(channel, command).to_bytes()
    except SecureError as error:
        raise Refusal(SW.SM_MISSING if error.missing else SW.SM_INCORRECT) from error


def _plain(channel: Channel, command: Secured) -> Command:
    header = (0x00, command.ins, command.p1, command.p2)
    if command.ins == _READ:
        size = secure_messaging.read_wanted(command.objects)
        return Command(*header, le=size or 65536, extended=True)
    return Command(*header, secure_messaging.decrypt(channel.key, channel.counter, command.objects))


def demand_reach(command: Secured) -> None:
    """Raise `Refusal` 6D00 for a command that secure messaging does not reach."""
    if f"00{command.ins:02X}" not in assumptions.value("card.secure_messaging_reach"):
        raise Refusal(SW.INS_NOT_SUPPORTED)


def closed(channel: Channel, response: Response) -> Response:
    """Return the answer as it leaves: data encrypted, the status word in the clear."""
    if not response.data:
        return response
    return Response(secure_messaging.encrypt(channel.key, channel.counter, response.data), response.sw)
