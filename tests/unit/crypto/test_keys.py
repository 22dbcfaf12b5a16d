# SPDX-License-Identifier: Apache-2.0
"""Private keys: what each scheme signs, and what a key refuses."""

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, CryptoError, Scheme, SoftwareKey
from unit.refusal import refused

Keys = Sequence[SoftwareKey]
RSA_SCHEMES = [scheme for scheme in Scheme if scheme.value.startswith("rsa")]
CURVES = [Algorithm.EC_P256, Algorithm.EC_P384]


@pytest.mark.parametrize("scheme", RSA_SCHEMES)
def test_rsa_signs_with_every_scheme_of_its_own(scheme: Scheme, rsa_keys: Keys) -> None:
    """What is signed verifies, and nothing else does."""
    signature = rsa_keys[0].sign(scheme, b"message")
    assert len(signature) == 256
    signatures.verify(rsa_keys[0].spki, scheme, b"message", signature)
    for spki, data in ((rsa_keys[0].spki, b"massage"), (rsa_keys[1].spki, b"message")):
        with pytest.raises(signatures.BadSignature):
            signatures.verify(spki, scheme, data, signature)


@pytest.mark.parametrize("algorithm", CURVES)
def test_curves_sign_with_their_schemes(algorithm: Algorithm) -> None:
    """The next card's key: ECDSA, in DER."""
    key = SoftwareKey.generate(algorithm)
    scheme = Scheme.default(algorithm)
    signature = key.sign(scheme, b"message")
    r, s = der.read(signature).expect(der.SEQUENCE).children()
    assert r.integer() > 0
    assert s.integer() > 0
    signatures.verify(key.spki, scheme, b"message", signature)
    with pytest.raises(signatures.BadSignature):
        signatures.verify(key.spki, scheme, b"massage", signature)


def test_defaults_are_todays_card_and_the_next() -> None:
    """RSA with SHA-256 today, P-384 with SHA-384 next."""
    assert Scheme.default(Algorithm.RSA_2048) is Scheme.RSA_PKCS1_SHA256
    assert Scheme.default(Algorithm.EC_P384) is Scheme.ECDSA_SHA384
    assert [algorithm.is_rsa for algorithm in Algorithm] == [True, True, True, False, False]


def test_key_and_scheme_must_fit(rsa_keys: Keys) -> None:
    """A curve does not pad, RSA does not answer in (r, s)."""
    curve = SoftwareKey.generate(Algorithm.EC_P256)
    for key, schemes in ((curve, RSA_SCHEMES), (rsa_keys[0], [Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384])):
        for scheme in schemes:
            with refused("crypto.scheme_does_not_fit", CryptoError):
                key.sign(scheme, bytes(32))
            with refused("crypto.scheme_does_not_fit", CryptoError):
                signatures.verify(key.spki, scheme, bytes(32), bytes(256))
    with refused("crypto.scheme_does_not_fit", CryptoError):
        curve.sign_padded(b"x")
    with refused("crypto.scheme_does_not_fit", CryptoError):
        curve.sign_pss_digest(bytes(32))
    with refused("crypto.scheme_does_not_fit", CryptoError):
        curve.decrypt_oaep_sha256(bytes(256))
    with refused("crypto.scheme_does_not_fit", CryptoError):
        rsa_keys[0].sign_pss_digest(bytes(31))


def test_the_bare_scheme_has_no_hash() -> None:
    """What a card pads is not named by any AlgorithmIdentifier."""
    with refused("crypto.scheme_without_hash", CryptoError):
        _ = Scheme.RSA_PKCS1_BARE.hash_name
    assert Scheme.RSA_PSS_SHA256.hash_name == "sha256"


@pytest.mark.parametrize("size", [1, 51, 245])
def test_padding_is_pkcs1_type_1_around_the_bytes(size: int, rsa_keys: Keys) -> None:
    """`00 01 FF… 00 payload` (RFC 8017 §9.2), found again with nothing but the public numbers."""
    payload = bytes(range(1, size + 1))
    modulus, exponent = signatures.rsa_numbers(rsa_keys[0].spki)
    signature = int.from_bytes(rsa_keys[0].sign_padded(payload), "big")
    block = pow(signature, exponent, modulus).to_bytes(256, "big")
    assert block == b"\x00\x01" + b"\xff" * (253 - size) + b"\x00" + payload


@pytest.mark.parametrize("size", [0, 246, 300])
def test_too_long_or_empty_payloads_are_refused(size: int, rsa_keys: Keys) -> None:
    """Eleven bytes belong to the padding."""
    with refused("crypto.payload_length", CryptoError):
        rsa_keys[0].sign_padded(bytes(size))


@pytest.mark.parametrize("algorithm", [Algorithm.RSA_2048, *CURVES])
def test_keys_survive_being_stored(algorithm: Algorithm, rsa_keys: Keys) -> None:
    """PKCS#8 out and in gives the same key."""
    key = rsa_keys[0] if algorithm.is_rsa else SoftwareKey.generate(algorithm)
    loaded = SoftwareKey.from_pkcs8(key.to_pkcs8())
    assert (loaded.spki, loaded.algorithm) == (key.spki, algorithm)


def test_a_key_of_our_own_is_loaded_without_doing_its_sums_again(rsa_keys: Keys) -> None:
    """A stranger's numbers are checked; ours, which were sealed, are only read."""
    kept = rsa_keys[0].to_pkcs8()
    loaded = SoftwareKey.from_pkcs8(kept, own=True)
    signatures.verify(rsa_keys[0].spki, Scheme.RSA_PKCS1_SHA256, b"x", loaded.sign(Scheme.RSA_PKCS1_SHA256, b"x"))
    middle = len(kept) // 2
    damaged = kept[:middle] + bytes((kept[middle] ^ 1,)) + kept[middle + 1 :]
    with refused("crypto.bad_private_key", CryptoError):
        SoftwareKey.from_pkcs8(damaged)


def pkcs8(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: bytes = b""
) -> bytes:
    """Return a key of the library's as PKCS#8, encrypted if there is a password."""
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, encryption)


def test_keys_without_a_profile_are_refused() -> None:
    """Other curves, other kinds, encrypted ones, unknown ones, and junk are all the same error."""
    unknown = der.sequence(der.integer(0), der.sequence(der.oid("1.2.3.4")), der.octet_string(b"x"))
    strangers = [
        pkcs8(ec.generate_private_key(ec.SECP256K1())),
        pkcs8(ec.generate_private_key(ec.SECP521R1())),
        pkcs8(rsa.generate_private_key(65537, 1024)),  # noqa: S505 -- that is the point
        pkcs8(ed25519.Ed25519PrivateKey.generate()),
        pkcs8(ec.generate_private_key(ec.SECP256R1()), b"password"),
        unknown,
        b"",
        b"junk",
    ]
    for stranger in strangers:
        with refused("crypto.bad_private_key", CryptoError):
            SoftwareKey.from_pkcs8(stranger)


def test_oaep_opens_what_was_encrypted_to_the_key(rsa_keys: Keys) -> None:
    """As a card takes a session key; anything else is refused."""
    sealed = signatures.encrypt_oaep_sha256(rsa_keys[0].spki, b"session key")
    assert rsa_keys[0].decrypt_oaep_sha256(sealed) == b"session key"
    with refused("crypto.bad_ciphertext", CryptoError):
        rsa_keys[1].decrypt_oaep_sha256(sealed)
    with refused("crypto.bad_ciphertext", CryptoError):
        rsa_keys[0].decrypt_oaep_sha256(b"\xff" * 256)
    with refused("crypto.payload_length", CryptoError):
        signatures.encrypt_oaep_sha256(rsa_keys[0].spki, bytes(191))


def test_keys_do_not_show_themselves(rsa_keys: Keys) -> None:
    """Neither number nor bytes of a key are in its repr."""
    assert len(repr(rsa_keys[0])) < 80
