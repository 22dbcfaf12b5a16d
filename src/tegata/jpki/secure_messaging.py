# SPDX-License-Identifier: Apache-2.0
"""Secure messaging of the text application: the objects, the padding and the counter, for card and host alike.

Confidentiality only.  A session key is the first 16 of 32 random bytes that travel as `A0 22 80 20 <32>` under RSA-OAEP
(SHA-256).  Commands and answers number N are AES-128-CBC; the IV is N as 16 bytes, encrypted with the same key.  Data
travels as `86 L 01 ciphertext`, the length that READ BINARY wants as `96 03 00 hh ll`.  Padding is 80 and zeros, always
there.  Source: soltia48/myna-card (src/sm.rs).
"""

from typing import Final

from tegata.codecs import tlv
from tegata.crypto.mac import aes_cbc_decrypt, aes_cbc_encrypt
from tegata.messages import TegataError

SECRET_SIZE: Final = 32
KEY_SIZE: Final = 16
_BLOCK: Final = 16
_CIPHERTEXT, _LENGTH = 0x86, 0x96


class SecureError(TegataError):
    """The objects are not there or not right (`jpki.secure_messaging`); `missing` tells which."""

    def __init__(self, *, missing: bool) -> None:
        super().__init__("jpki.secure_messaging", clause="ISO/IEC 7816-4 §10")
        self.missing = missing


def session_secret(secret: bytes) -> bytes:
    """Return what is encrypted to the card's key to open a session."""
    return tlv.encode(0xA0, tlv.encode(0x80, secret))


def read_session_secret(plaintext: bytes) -> bytes:
    """Inverse of `session_secret`; raises `SecureError`."""
    head = session_secret(bytes(SECRET_SIZE))[:-SECRET_SIZE]
    if len(plaintext) != len(head) + SECRET_SIZE or not plaintext.startswith(head):
        raise SecureError(missing=False)
    return plaintext[len(head) :]


def encrypt(key: bytes, number: int, data: bytes) -> bytes:
    """Return the object `86 L 01 ciphertext` of command or answer `number`."""
    padded = data + b"\x80"
    padded += bytes(-len(padded) % _BLOCK)
    return tlv.encode(_CIPHERTEXT, b"\x01" + aes_cbc_encrypt(key, _iv(key, number), padded))


def decrypt(key: bytes, number: int, objects: bytes) -> bytes:
    """Inverse of `encrypt`; raises `SecureError`."""
    value = _only(objects, _CIPHERTEXT)
    if len(value) < 1 + _BLOCK or len(value) % _BLOCK != 1 or value[0] != 0x01:
        raise SecureError(missing=False)
    padded = aes_cbc_decrypt(key, _iv(key, number), value[1:]).rstrip(b"\0")
    if not padded.endswith(b"\x80"):
        raise SecureError(missing=False)
    return padded[:-1]


def wanted(size: int) -> bytes:
    """Return the object that says how many bytes READ BINARY is to return; 0 means as many as there are."""
    return tlv.encode(_LENGTH, b"\0" + size.to_bytes(2, "big"))


def read_wanted(objects: bytes) -> int:
    """Inverse of `wanted`; raises `SecureError`."""
    value = _only(objects, _LENGTH)
    if len(value) != 3 or value[0]:
        raise SecureError(missing=False)
    return int.from_bytes(value[1:], "big")


def _only(objects: bytes, tag: int) -> bytes:
    """Return the value of the one object there may be."""
    if not objects:
        raise SecureError(missing=True)
    try:
        one = tlv.parse_one(objects)
        whole = tlv.total_length(objects)
    except tlv.TlvError as error:
        raise SecureError(missing=False) from error
    if one.tag != tag:
        raise SecureError(missing=True)
    if whole != len(objects):
        raise SecureError(missing=False)
    return one.value


def _iv(key: bytes, number: int) -> bytes:
    return aes_cbc_encrypt(key, bytes(_BLOCK), number.to_bytes(_BLOCK, "big"))
