# SPDX-License-Identifier: Apache-2.0
"""Card-verifiable certificates, key identifiers and RSA key values, as they stand in the files of a card.

    7F21 82 0233 { 5F4E 82 0129 <issuer's key id 16, subject's key id 16, key value 265>, 5F37 82 0100 <signature> }

The signature is RSA PKCS#1 v1.5 with SHA-256 over the 297 bytes of 5F4E.  A key value is `90 03 010001`, `91 82 0100`
and the modulus.  A key identifier is seven digits, 08 05, three digits and four bytes; ours begin with a digit that
neither production nor test cards use (assumption `card.key_id_series`).  Source: soltia48/myna-card.
"""

from dataclasses import dataclass, field
from typing import Final

from tegata.codecs import tlv
from tegata.crypto import signatures
from tegata.crypto.keys import CryptoError, Scheme
from tegata.jpki import assumptions
from tegata.messages import TegataError

KEY_ID_SIZE: Final = 16
_VALUE_SIZE: Final = 265
_BODY_SIZE: Final = 2 * KEY_ID_SIZE + _VALUE_SIZE
_CERTIFICATE, _BODY, _SIGNATURE = 0x7F21, 0x5F4E, 0x5F37
_EXPONENT, _MODULUS = 0x90, 0x91

ISD: Final = "20"
SURFACE: Final = "23"
TEXT: Final = "33"
"""Last digits of the authorities' key identifiers in circulation: of the chain behind GET DATA, of surface and text."""

SURFACE_INFO: Final = "24"
TEXT_INFO: Final = "34"
"""What the basic info files name, which is not the key in file 0004."""

TEXT_CONTENT: Final = "133"
SURFACE_CONTENT: Final = "123"
INTERMEDIATE: Final = "120"
CARD_ISSUER: Final = "220"
"""Numbers of our own for the certified keys; those of real ones are not collected here."""


class BadCertificate(TegataError):
    """The bytes are no card-verifiable certificate or key value of RSA-2048 (`jpki.bad_card_certificate`)."""

    def __init__(self) -> None:
        super().__init__("jpki.bad_card_certificate", clause="ISO/IEC 7816-8 §A.2")


def key_id(number: str, version: int = 1) -> bytes:
    """Return the identifier of a key; `number` is its last digits, at most six."""
    digits = f"{assumptions.value('card.key_id_series')}{number:0>6}"
    tail = bytes.fromhex(assumptions.value("card.key_id_tail"))
    return digits.encode("ascii") + b"\x08\x05" + f"{version:03}".encode("ascii") + tail


def key_value(spki: bytes) -> bytes:
    """Return the 265 bytes of an RSA-2048 key; raises `BadCertificate` for another."""
    try:
        modulus, exponent = signatures.rsa_numbers(spki)
        value = tlv.encode(_EXPONENT, exponent.to_bytes(3, "big"))
        value += tlv.encode(_MODULUS, modulus.to_bytes(256, "big"), "long82")
    except (CryptoError, OverflowError) as error:
        raise BadCertificate from error
    return value


def read_key_value(value: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a key value; raises `BadCertificate`."""
    try:
        found = {one.tag: one.value for one in tlv.parse(value)}
        modulus, exponent = (int.from_bytes(found[tag], "big") for tag in (_MODULUS, _EXPONENT))
        return signatures.rsa_spki(modulus, exponent)
    except (tlv.TlvError, KeyError, CryptoError) as error:
        raise BadCertificate from error


@dataclass(frozen=True, slots=True)
class CardCertificate:
    """One certificate: whose key (`subject`, `spki`) by whose word (`issuer`); `body` is what was signed."""

    issuer: bytes
    subject: bytes
    spki: bytes = field(repr=False)
    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @classmethod
    def parse(cls, raw: bytes) -> "CardCertificate":
        """Read a certificate, with its header 7F21 or (as GET DATA returns it) without; raises `BadCertificate`."""
        try:
            outer = tlv.parse_one(raw)
            found = {one.tag: one.value for one in tlv.parse(outer.value if outer.tag == _CERTIFICATE else raw)}
            body, signature = found[_BODY], found[_SIGNATURE]
        except (tlv.TlvError, KeyError) as error:
            raise BadCertificate from error
        if len(body) != _BODY_SIZE:
            raise BadCertificate
        spki = read_key_value(body[2 * KEY_ID_SIZE :])
        return cls(body[:KEY_ID_SIZE], body[KEY_ID_SIZE : 2 * KEY_ID_SIZE], spki, body, signature)

    def check(self, issuer_spki: bytes) -> None:
        """Check the signature with the issuer's key; raises `BadSignature`, `CryptoError` for a key that is no RSA."""
        signatures.verify(issuer_spki, Scheme.RSA_PKCS1_SHA256, self.body, self.signature)

    def inner(self) -> bytes:
        """Return the contents without the header 7F21, which is how GET DATA answers."""
        return tlv.encode(_BODY, self.body, "long82") + tlv.encode(_SIGNATURE, self.signature, "long82")

    def to_bytes(self) -> bytes:
        """Return the whole certificate, 568 bytes."""
        return tlv.encode(_CERTIFICATE, self.inner(), "long82")


def body(issuer: bytes, subject: bytes, spki: bytes) -> bytes:
    """Return the 297 bytes that an issuer signs to certify a key."""
    return issuer + subject + key_value(spki)
