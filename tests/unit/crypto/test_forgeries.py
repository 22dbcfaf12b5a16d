# SPDX-License-Identifier: Apache-2.0
"""RSA signatures that a careless verifier takes: the padding almost right (RFC 8017 §8.2.2, §9.2; CVE-2006-4339).

The tests own the private key, so they can put any block under the exponent.  A verifier that parses what it finds,
instead of comparing with what must be there, accepts some of these.
"""

import hashlib
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tegata.codecs import der
from tegata.crypto.keys import Scheme, SoftwareKey
from tegata.crypto.signatures import BadSignature, rsa_numbers, verify

MESSAGE = b"message"
DIGEST = hashlib.sha256(MESSAGE).digest()
SHA256 = der.oid("2.16.840.1.101.3.4.2.1")
RIGHT = der.digest_info("sha256", DIGEST)


def block(info: bytes, *, filler: int | None = None, tail: bytes = b"", kind: bytes = b"\x00\x01") -> bytes:
    """Return the 256 bytes under the exponent: type, filler of `FF`, zero, DigestInfo, and what does not belong."""
    size = 253 - len(info) - len(tail) if filler is None else filler
    return (kind + b"\xff" * size + b"\x00" + info + tail).ljust(256, b"\x00")


def with_identifier(identifier: bytes) -> bytes:
    """Return a DigestInfo with another AlgorithmIdentifier."""
    return der.sequence(identifier, der.octet_string(DIGEST))


ALMOST = {
    "no NULL": block(with_identifier(der.sequence(SHA256))),
    "parameters": block(with_identifier(der.sequence(SHA256, der.octet_string(b"junk")))),
    "NULL that is not empty": block(with_identifier(der.sequence(SHA256, b"\x05\x01\x00"))),
    "two NULLs": block(with_identifier(der.sequence(SHA256, der.null(), der.null()))),
    "long length": block(b"\x30\x81" + RIGHT[1:]),
    "longer length": block(b"\x30\x82\x00" + RIGHT[1:]),
    "indefinite length": block(b"\x30\x80" + RIGHT[2:] + b"\x00\x00"),
    "set instead of sequence": block(b"\x31" + RIGHT[1:]),
    "digest in a bit string": block(der.sequence(der.sequence(SHA256, der.null()), der.bit_string(DIGEST))),
    "digest cut": block(der.sequence(der.sequence(SHA256, der.null()), der.octet_string(DIGEST[:-1]))),
    "digest alone": block(DIGEST),
    "digest twice": block(der.sequence(der.sequence(SHA256, der.null()), der.octet_string(DIGEST) * 2)),
    "other hash's name": block(with_identifier(der.sequence(der.oid("2.16.840.1.101.3.4.2.3"), der.null()))),
    "sha1 of the message": block(der.digest_info("sha1", hashlib.sha1(MESSAGE, usedforsecurity=False).digest())),
    "sha512 of the message": block(der.digest_info("sha512", hashlib.sha512(MESSAGE).digest())),
    "nothing": block(b""),
    "short filler, junk behind": block(RIGHT, filler=8, tail=b"\xaa" * 194),
    "no filler, junk behind": block(RIGHT, filler=0, tail=b"\xaa" * 202),
    "one byte behind": block(RIGHT, tail=b"\x00"),
    "encryption padding": block(RIGHT, kind=b"\x00\x02"),
    "type zero": block(RIGHT, kind=b"\x00\x00"),
    "first byte not zero": block(RIGHT, kind=b"\x01\x01"),
    "filler of zeros": b"\x00\x01" + bytes(254 - len(RIGHT)) + RIGHT,
    "one filler byte wrong": b"\x00\x01\xff\xfe" + b"\xff" * (251 - len(RIGHT)) + b"\x00" + RIGHT,
    "no zero before": b"\x00\x01" + b"\xff" * (254 - len(RIGHT)) + RIGHT,
}


def signed(key: SoftwareKey, content: bytes) -> int:
    """Return the number whose power is `content`."""
    private = serialization.load_der_private_key(key.to_pkcs8(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(private, rsa.RSAPrivateKey)
    numbers = private.private_numbers()
    return pow(int.from_bytes(content, "big"), numbers.d, numbers.public_numbers.n)


@pytest.mark.parametrize("content", ALMOST.values(), ids=ALMOST)
@pytest.mark.parametrize("scheme", [Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PSS_SHA256])
def test_almost_right_is_wrong(content: bytes, scheme: Scheme, rsa_keys: Sequence[SoftwareKey]) -> None:
    """None of them is a signature, under either padding."""
    assert len(content) == 256
    with pytest.raises(BadSignature):
        verify(rsa_keys[0].spki, scheme, MESSAGE, signed(rsa_keys[0], content).to_bytes(256, "big"))


def test_the_right_block_is_right(rsa_keys: Sequence[SoftwareKey]) -> None:
    """So the tests above refuse for the reason they name; and there is only one way to write the number."""
    modulus, _ = rsa_numbers(rsa_keys[0].spki)
    number = signed(rsa_keys[0], block(RIGHT))
    verify(rsa_keys[0].spki, Scheme.RSA_PKCS1_SHA256, MESSAGE, number.to_bytes(256, "big"))
    assert rsa_keys[0].sign(Scheme.RSA_PKCS1_SHA256, MESSAGE) == number.to_bytes(256, "big")
    others = [
        number.to_bytes(257, "big"),
        (number + modulus).to_bytes(257, "big"),
        (modulus - number).to_bytes(256, "big"),
    ]
    others += [edge.to_bytes(256, "big") for edge in (0, 1, modulus - 1, modulus, modulus + 1)]
    for other in others:
        with pytest.raises(BadSignature):
            verify(rsa_keys[0].spki, Scheme.RSA_PKCS1_SHA256, MESSAGE, other)
