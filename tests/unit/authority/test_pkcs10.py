# SPDX-License-Identifier: Apache-2.0
"""Only a proper request, signed with the very key it asks for, gets a key certified."""

from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tegata.authority.errors import Refused
from tegata.authority.pkcs10 import certified_key
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.jpki import Kind
from unit.authority.kit import csr, new_key

RSA = Algorithm.RSA_2048


def test_the_key_of_a_good_request_is_taken(rsa_keys: Sequence[SoftwareKey]) -> None:
    """The request proves possession."""
    assert certified_key(Kind.SIGNING, csr(rsa_keys[0]), RSA) == rsa_keys[0].spki


def test_a_request_of_another_library_is_read() -> None:
    """With a subject and attributes, which do not matter here."""
    private = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateSigningRequestBuilder(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "anybody")])
    ).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    request = builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    assert certified_key(Kind.SIGNING, request, RSA) == SoftwareKey(private).spki


def test_a_request_signed_with_another_key_is_refused(rsa_keys: Sequence[SoftwareKey]) -> None:
    """Nobody gets a certificate for somebody else's key."""
    with pytest.raises(Refused, match=r"authority\.no_possession"):
        certified_key(Kind.SIGNING, csr(rsa_keys[0], signer=rsa_keys[1]), RSA)


def test_a_changed_request_is_refused(rsa_keys: Sequence[SoftwareKey]) -> None:
    """The signature covers everything that is read."""
    request = bytearray(csr(rsa_keys[0]))
    request[-1] ^= 1
    with pytest.raises(Refused, match=r"authority\.no_possession"):
        certified_key(Kind.SIGNING, bytes(request), RSA)


@pytest.mark.parametrize("algorithm", [Algorithm.EC_P256, Algorithm.EC_P384])
def test_a_key_of_another_kind_is_refused(algorithm: Algorithm) -> None:
    """The profile names one algorithm."""
    with pytest.raises(Refused, match=r"authority\.bad_key"):
        certified_key(Kind.SIGNING, csr(new_key(algorithm)), RSA)


@pytest.mark.parametrize(("exponent", "bits"), [(65537, 1024), (65537, 2056), (3, 2048)])
def test_a_key_of_another_size_or_exponent_is_refused(exponent: int, bits: int) -> None:
    """2048 bits and 65537, nothing else."""
    key = SoftwareKey(rsa.generate_private_key(exponent, bits))
    info = der.sequence(der.integer(0), der.sequence(), key.spki, der.context(0, b""))
    identifier = signatures.algorithm_identifier(Scheme.RSA_PKCS1_SHA256)
    request = der.sequence(info, identifier, der.bit_string(key.sign(Scheme.RSA_PKCS1_SHA256, info)))
    with pytest.raises(Refused, match=r"authority\.bad_key"):
        certified_key(Kind.SIGNING, request, RSA)


def test_one_key_has_one_form() -> None:
    """The same numbers without the NULL parameters would pass for another key, and be certified twice."""
    key = SoftwareKey.generate(RSA)
    bits = der.read(key.spki).children()[1].raw
    other_form = der.sequence(der.sequence(der.oid("1.2.840.113549.1.1.1")), bits)
    info = der.sequence(der.integer(0), der.sequence(), other_form, der.context(0, b""))
    identifier = signatures.algorithm_identifier(Scheme.RSA_PKCS1_SHA256)
    request = der.sequence(info, identifier, der.bit_string(key.sign(Scheme.RSA_PKCS1_SHA256, info)))
    with pytest.raises(Refused, match=r"authority\.bad_key"):
        certified_key(Kind.SIGNING, request, RSA)


def test_a_weaker_hash_is_refused(rsa_keys: Sequence[SoftwareKey]) -> None:
    """The request is signed as the profile says."""
    key = rsa_keys[0]
    info = der.sequence(der.integer(0), der.sequence(), key.spki, der.context(0, b""))
    identifier = signatures.algorithm_identifier(Scheme.RSA_PKCS1_SHA512)
    request = der.sequence(info, identifier, der.bit_string(key.sign(Scheme.RSA_PKCS1_SHA512, info)))
    with pytest.raises(Refused, match=r"authority\.bad_request"):
        certified_key(Kind.SIGNING, request, RSA)


@pytest.mark.parametrize(
    "junk", [b"", b"\x30\x00", b"\x30\x80\x00\x00", bytes(64), b"-----BEGIN", bytes.fromhex("3003020100")]
)
def test_junk_is_refused(junk: bytes) -> None:
    """What is not a request is a bad request, never a crash."""
    with pytest.raises(Refused, match=r"authority\.bad_request"):
        certified_key(Kind.SIGNING, junk, RSA)


def test_a_request_of_another_version_is_refused(rsa_keys: Sequence[SoftwareKey]) -> None:
    """Version 0 is the only one there is."""
    key = rsa_keys[0]
    info = der.sequence(der.integer(1), der.sequence(), key.spki, der.context(0, b""))
    identifier = signatures.algorithm_identifier(Scheme.RSA_PKCS1_SHA256)
    request = der.sequence(info, identifier, der.bit_string(key.sign(Scheme.RSA_PKCS1_SHA256, info)))
    with pytest.raises(Refused, match=r"authority\.bad_request"):
        certified_key(Kind.SIGNING, request, RSA)
