# SPDX-License-Identifier: Apache-2.0
"""Public-key operations: check a signature, encrypt to a key, and name schemes as AlgorithmIdentifiers.

A signature that does not verify raises `BadSignature`; nothing here returns a boolean.  AlgorithmIdentifiers are
accepted only in the exact bytes of the standards (RFC 4055, RFC 5754, RFC 5758), so that a parameter cannot be
smuggled in.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tegata.codecs import der
from tegata.crypto.keys import Algorithm, CryptoError, Scheme, hash_of, oaep, pss


class BadSignature(CryptoError):
    """The signature was not made by this key over this data (`crypto.bad_signature`)."""

    def __init__(self) -> None:
        super().__init__("crypto.bad_signature")


PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def load_spki(spki: bytes) -> PublicKey:
    """Load a DER SubjectPublicKeyInfo; raises `CryptoError` when Tegata has no profile for its kind and size.

    A stranger chooses the key, so one so large that checking a signature takes minutes, or so small that anybody can
    sign, is refused here and nowhere used.
    """
    return load_key(spki)[0]


def load_key(spki: bytes) -> tuple[PublicKey, Algorithm]:
    """As `load_spki`, with the kind and size."""
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CryptoError("crypto.bad_public_key") from error
    if _is_rsa(type(key)):
        found = _SIZES.get(cast(rsa.RSAPublicKey, key).key_size)
    else:
        found = _CURVES.get(key.curve.name) if isinstance(key, ec.EllipticCurvePublicKey) else None
    if found is None:
        raise CryptoError("crypto.bad_public_key")
    return cast(PublicKey, key), found


def algorithm_of(spki: bytes) -> Algorithm:
    """Return kind and size of a public key; raises `CryptoError` when Tegata has no profile for it."""
    return load_key(spki)[1]


@lru_cache(16)
def _is_rsa(kind: type) -> bool:
    """Whether keys of this class are RSA keys: `isinstance` with an abstract class takes long, and classes are few."""
    return issubclass(kind, rsa.RSAPublicKey)


_SIZES: Final = {2048: Algorithm.RSA_2048, 3072: Algorithm.RSA_3072, 4096: Algorithm.RSA_4096}
_CURVES: Final = {"secp256r1": Algorithm.EC_P256, "secp384r1": Algorithm.EC_P384}


def verify(spki: bytes, scheme: Scheme, data: bytes, signature: bytes) -> None:
    """Check a signature over `data`; raises `BadSignature`, or `CryptoError` when key and scheme do not fit."""
    if scheme is Scheme.RSA_PKCS1_BARE:
        _verify_bare(_rsa(spki), data, signature)
        return
    verify_digest(spki, scheme, hashlib.new(scheme.hash_name, data).digest(), signature)


def verify_digest(spki: bytes, scheme: Scheme, digest: bytes, signature: bytes) -> None:
    """Check a signature whose message is known by its digest only; raises as `verify`."""
    if scheme is Scheme.RSA_PKCS1_BARE:
        _verify_bare(_rsa(spki), digest, signature)
        return
    hashed = Prehashed(hash_of(scheme))
    if len(digest) != hashed.digest_size:
        raise BadSignature
    how: _How = ec.ECDSA(hashed) if scheme in _ECDSA else (_padding(scheme), hashed)
    _check(load_spki(spki), scheme, digest, signature, how)


def check(key: PublicKey, scheme: Scheme, data: bytes, signature: bytes) -> None:
    """As `verify`, with a key already loaded."""
    if scheme is Scheme.RSA_PKCS1_BARE:
        if not isinstance(key, rsa.RSAPublicKey):
            raise CryptoError("crypto.scheme_does_not_fit", scheme=scheme.value)
        _verify_bare(key, data, signature)
        return
    _check(key, scheme, data, signature, _HOW[scheme])


_How = ec.ECDSA | tuple[padding.AsymmetricPadding, hashes.HashAlgorithm | Prehashed]


def _check(key: PublicKey, scheme: Scheme, message: bytes, signature: bytes, how: _How) -> None:
    if _is_rsa(type(key)) is (scheme in _ECDSA):
        raise CryptoError("crypto.scheme_does_not_fit", scheme=scheme.value)
    try:
        if isinstance(how, tuple):
            key.verify(signature, message, *how)  # type: ignore[call-arg, arg-type]  # an RSA key, as was just seen
        else:
            key.verify(signature, message, how)  # type: ignore[call-arg, arg-type]
    except InvalidSignature as error:
        raise BadSignature from error


def _padding(scheme: Scheme) -> padding.AsymmetricPadding:
    return pss() if scheme is Scheme.RSA_PSS_SHA256 else padding.PKCS1v15()


_ECDSA: Final = frozenset({Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384})
_HOW: Final[dict[Scheme, _How]] = {
    scheme: ec.ECDSA(hash_of(scheme)) if scheme in _ECDSA else (_padding(scheme), hash_of(scheme))
    for scheme in set(Scheme) - {Scheme.RSA_PKCS1_BARE}
}
"""What the library is to be told for each scheme, made once."""


def prepared(spki: bytes, scheme: Scheme, data: bytes, signature: bytes) -> Callable[[], None]:
    """Return a check of this signature with the key already loaded: the library's own speed, for measuring."""
    key = load_spki(spki)
    if isinstance(key, rsa.RSAPublicKey):
        return partial(key.verify, signature, data, _padding(scheme), hash_of(scheme))
    return partial(key.verify, signature, data, ec.ECDSA(hash_of(scheme)))


def _verify_bare(key: rsa.RSAPublicKey, payload: bytes, signature: bytes) -> None:
    try:
        recovered = key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
    except (InvalidSignature, ValueError) as error:
        raise BadSignature from error
    if recovered != payload:
        raise BadSignature


def _rsa(spki: bytes) -> rsa.RSAPublicKey:
    key = load_spki(spki)
    if not isinstance(key, rsa.RSAPublicKey):
        raise CryptoError("crypto.scheme_does_not_fit", scheme=Scheme.RSA_PKCS1_BARE.value)
    return key


def encrypt_oaep_sha256(spki: bytes, plaintext: bytes) -> bytes:
    """RSAES-OAEP with SHA-256 throughout (RFC 8017 §7.1.1); raises `CryptoError`."""
    try:
        return _rsa(spki).encrypt(plaintext, oaep())
    except ValueError as error:
        raise CryptoError("crypto.payload_length") from error


def rsa_spki(modulus: int, exponent: int) -> bytes:
    """Return the SubjectPublicKeyInfo of an RSA key given by its numbers; raises `CryptoError` as `load_spki`."""
    try:
        key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise CryptoError("crypto.bad_public_key") from error
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    _ = load_key(spki)
    return spki


def rsa_numbers(spki: bytes) -> tuple[int, int]:
    """Return modulus and public exponent of an RSA key; raises `CryptoError`."""
    numbers = _rsa(spki).public_numbers()
    return numbers.n, numbers.e


def ec_spki(point: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of an uncompressed point on P-256 or P-384; raises `CryptoError`."""
    curve = {65: ec.SECP256R1(), 97: ec.SECP384R1()}.get(len(point))
    if curve is None:
        raise CryptoError("crypto.bad_public_key")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError as error:
        raise CryptoError("crypto.bad_public_key") from error
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def ec_point(spki: bytes) -> bytes:
    """Return the uncompressed point of an elliptic-curve key; raises `CryptoError`."""
    key = load_spki(spki)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise CryptoError("crypto.bad_public_key")
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


_PSS_PARAMETERS: Final = der.sequence(
    der.explicit(0, der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), der.null())),
    der.explicit(
        1,
        der.sequence(der.oid("1.2.840.113549.1.1.8"), der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), der.null())),
    ),
    der.explicit(2, der.integer(32)),
)
_IDENTIFIERS: Final = {
    Scheme.RSA_PKCS1_SHA256: der.sequence(der.oid("1.2.840.113549.1.1.11"), der.null()),
    Scheme.RSA_PKCS1_SHA384: der.sequence(der.oid("1.2.840.113549.1.1.12"), der.null()),
    Scheme.RSA_PKCS1_SHA512: der.sequence(der.oid("1.2.840.113549.1.1.13"), der.null()),
    Scheme.RSA_PSS_SHA256: der.sequence(der.oid("1.2.840.113549.1.1.10"), _PSS_PARAMETERS),
    Scheme.ECDSA_SHA256: der.sequence(der.oid("1.2.840.10045.4.3.2")),
    Scheme.ECDSA_SHA384: der.sequence(der.oid("1.2.840.10045.4.3.3")),
}
_SCHEMES: Final = {identifier: scheme for scheme, identifier in _IDENTIFIERS.items()}


def algorithm_identifier(scheme: Scheme) -> bytes:
    """Return the DER AlgorithmIdentifier of a scheme; raises `CryptoError` for the bare scheme, which has none."""
    if scheme not in _IDENTIFIERS:
        raise CryptoError("crypto.scheme_without_hash")
    return _IDENTIFIERS[scheme]


def scheme_from_algorithm_identifier(identifier: bytes) -> Scheme:
    """Return the scheme that a DER AlgorithmIdentifier names; raises `CryptoError` (`crypto.unknown_scheme`)."""
    try:
        return _SCHEMES[identifier]
    except KeyError:
        raise CryptoError("crypto.unknown_scheme") from None
