# SPDX-License-Identifier: Apache-2.0
"""Public keys and the naming of schemes: only what has a profile, only in the standards' exact bytes."""

import hashlib
from collections.abc import Sequence

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, CryptoError, Scheme, SoftwareKey
from unit.refusal import refused

Keys = Sequence[SoftwareKey]
Public = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


def spki(key: Public) -> bytes:
    """Return a key of the library's as SubjectPublicKeyInfo."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def rsa_of(bits: int) -> bytes:
    """Return an RSA key of a size that nobody asked for; whether its modulus has factors does not matter."""
    return spki(rsa.RSAPublicNumbers(65537, (1 << bits - 1) + 1).public_key())


def test_keys_are_known_by_kind_and_size(rsa_keys: Keys) -> None:
    """The public half tells which profile the key has."""
    assert signatures.algorithm_of(rsa_keys[0].spki) is Algorithm.RSA_2048
    for algorithm in (Algorithm.EC_P256, Algorithm.EC_P384):
        assert signatures.algorithm_of(SoftwareKey.generate(algorithm).spki) is algorithm


@pytest.mark.parametrize("bits", [1024, 2047, 2056, 8192, 200_000])
def test_rsa_of_another_size_is_refused_before_it_is_used(bits: int) -> None:
    """A stranger's key of 200000 bits would keep a verifier busy for minutes."""
    stranger = rsa_of(bits)
    for act in (signatures.load_spki, signatures.algorithm_of, signatures.rsa_numbers):
        with refused("crypto.bad_public_key", CryptoError):
            act(stranger)
    with refused("crypto.bad_public_key", CryptoError):
        signatures.verify(stranger, Scheme.RSA_PKCS1_SHA256, b"", bytes(256))


def test_other_kinds_of_keys_are_refused() -> None:
    """Curves without a profile, Ed25519, an unknown curve, a point off the curve, and junk."""
    k1 = ec.generate_private_key(ec.SECP256K1()).public_key()
    unknown = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.3.132.0.99"))
    p256 = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
    strangers = [
        spki(k1),
        spki(ed25519.Ed25519PrivateKey.generate().public_key()),
        der.sequence(unknown, der.bit_string(b"\x04" + bytes(64))),
        der.sequence(p256, der.bit_string(b"\x04" + b"\x01" * 64)),
        der.sequence(p256, der.bit_string(b"\x00")),
        b"",
        b"junk",
    ]
    for stranger in strangers:
        with refused("crypto.bad_public_key", CryptoError):
            signatures.load_spki(stranger)


def test_numbers_and_key_are_the_same(rsa_keys: Keys) -> None:
    """A card tells its public key as two numbers."""
    assert signatures.rsa_spki(*signatures.rsa_numbers(rsa_keys[0].spki)) == rsa_keys[0].spki


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [(0, 65537), (15, 3), ((1 << 2047) + 1, 4), ((1 << 2047) + 1, 1), ((1 << 2047) + 1, 1 << 3000), (1 << 100_000, 3)],
    ids=["zero", "tiny", "even", "one", "large exponent", "large modulus"],
)
def test_numbers_that_are_no_key_are_refused(modulus: int, exponent: int) -> None:
    """Even exponents, an exponent of one, moduli of the wrong size."""
    with refused("crypto.bad_public_key", CryptoError):
        signatures.rsa_spki(modulus, exponent)


def test_numbers_of_a_curve_do_not_exist() -> None:
    """Only RSA keys have a modulus."""
    with refused("crypto.scheme_does_not_fit", CryptoError):
        signatures.rsa_numbers(SoftwareKey.generate(Algorithm.EC_P256).spki)


@pytest.mark.parametrize("scheme", [s for s in Scheme if s is not Scheme.RSA_PKCS1_BARE])
def test_a_digest_verifies_like_its_message(scheme: Scheme, rsa_keys: Keys) -> None:
    """Whoever has only the digest gets the same verdict."""
    key = SoftwareKey.generate(Algorithm.EC_P384) if scheme.value.startswith("ecdsa") else rsa_keys[0]
    signature = key.sign(scheme, b"message")
    digest = hashlib.new(scheme.hash_name, b"message").digest()
    signatures.verify_digest(key.spki, scheme, digest, signature)
    for wrong in (digest[:-1], digest + b"\x00", bytes(len(digest)), b""):
        with pytest.raises(signatures.BadSignature):
            signatures.verify_digest(key.spki, scheme, wrong, signature)


@pytest.mark.parametrize("scheme", [Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PSS_SHA256, Scheme.ECDSA_SHA384])
def test_a_prepared_check_checks(scheme: Scheme, rsa_keys: Keys) -> None:
    """What benchmarks measure is the library's real work: it fails on another message."""
    key = SoftwareKey.generate(Algorithm.EC_P384) if scheme is Scheme.ECDSA_SHA384 else rsa_keys[0]
    signature = key.sign(scheme, b"message")
    signatures.prepared(key.spki, scheme, b"message", signature)()
    with pytest.raises(InvalidSignature):
        signatures.prepared(key.spki, scheme, b"massage", signature)()


def test_a_bare_signature_gives_back_exactly_its_payload(rsa_keys: Keys) -> None:
    """What a card signed with P1=00, payload for payload."""
    signature = rsa_keys[0].sign_padded(b"anything")
    signatures.verify_digest(rsa_keys[0].spki, Scheme.RSA_PKCS1_BARE, b"anything", signature)
    for payload in (b"anythin", b"anything\x00", b""):
        with pytest.raises(signatures.BadSignature):
            signatures.verify(rsa_keys[0].spki, Scheme.RSA_PKCS1_BARE, payload, signature)


@pytest.mark.parametrize("signature", [b"", b"\x00" * 256, b"\xff" * 256, bytes(255), bytes(257), bytes(10_000)])
@pytest.mark.parametrize("scheme", [Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_BARE])
def test_junk_is_a_bad_signature(scheme: Scheme, signature: bytes, rsa_keys: Keys) -> None:
    """Whatever the bytes, the answer is that they are no signature."""
    with pytest.raises(signatures.BadSignature):
        signatures.verify(rsa_keys[0].spki, scheme, b"message", signature)


@pytest.mark.parametrize("signature", [b"", b"\x30\x00", b"\x30\x06\x02\x01\x00\x02\x01\x00", bytes(96), b"\xff" * 104])
def test_junk_is_a_bad_signature_on_a_curve(signature: bytes) -> None:
    """The same for (r, s)."""
    key = SoftwareKey.generate(Algorithm.EC_P384)
    with pytest.raises(signatures.BadSignature):
        signatures.verify(key.spki, Scheme.ECDSA_SHA384, b"message", signature)


@pytest.mark.parametrize("scheme", [s for s in Scheme if s is not Scheme.RSA_PKCS1_BARE])
def test_identifiers_name_schemes_in_exact_bytes(scheme: Scheme) -> None:
    """One byte more or less, and the name is unknown: no parameter can be smuggled in."""
    identifier = signatures.algorithm_identifier(scheme)
    assert signatures.scheme_from_algorithm_identifier(identifier) is scheme
    with_parameter = der.sequence(der.read(identifier).children()[0].raw, der.octet_string(b"x"))
    for wrong in (identifier + b"\x00", identifier[:-1], with_parameter, b""):
        with refused("crypto.unknown_scheme", CryptoError):
            signatures.scheme_from_algorithm_identifier(wrong)


def test_the_identifier_of_todays_certificates() -> None:
    """sha256WithRSAEncryption with NULL parameters (RFC 4055 §5), ecdsa-with-SHA384 without (RFC 5758 §3.2)."""
    assert signatures.algorithm_identifier(Scheme.RSA_PKCS1_SHA256).hex() == "300d06092a864886f70d01010b0500"
    assert signatures.algorithm_identifier(Scheme.ECDSA_SHA384).hex() == "300a06082a8648ce3d040303"
    with refused("crypto.scheme_without_hash", CryptoError):
        signatures.algorithm_identifier(Scheme.RSA_PKCS1_BARE)


def test_weak_hashes_have_no_name_here() -> None:
    """sha1WithRSAEncryption is not among the schemes."""
    with refused("crypto.unknown_scheme", CryptoError):
        signatures.scheme_from_algorithm_identifier(der.sequence(der.oid("1.2.840.113549.1.1.5"), der.null()))
