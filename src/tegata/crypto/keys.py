# SPDX-License-Identifier: Apache-2.0
"""Private keys and the signature schemes they offer.

`PrivateKey` is what callers hold; `SoftwareKey` is the one in memory.  Algorithms and schemes are enumerations so
that profiles can name them as data: RSA-2048 with SHA-256 is today's card, P-384 with SHA-384 the next.
"""

from enum import StrEnum
from typing import Protocol, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed

from tegata.messages import TegataError


class CryptoError(TegataError):
    """A key or a scheme cannot do what was asked."""


class Algorithm(StrEnum):
    """Kind and size of a key pair."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"

    @property
    def is_rsa(self) -> bool:
        """Whether this is an RSA key."""
        return self.value.startswith("rsa")


class Scheme(StrEnum):
    """How a message becomes a signature."""

    RSA_PKCS1_SHA256 = "rsa-pkcs1-sha256"
    RSA_PKCS1_SHA384 = "rsa-pkcs1-sha384"
    RSA_PKCS1_SHA512 = "rsa-pkcs1-sha512"
    RSA_PKCS1_BARE = "rsa-pkcs1-bare"
    """PKCS#1 v1.5 padding around the data verbatim: no hash, no DigestInfo (a card's `80 2A` with P1=00)."""
    RSA_PSS_SHA256 = "rsa-pss-sha256"
    ECDSA_SHA256 = "ecdsa-sha256"
    ECDSA_SHA384 = "ecdsa-sha384"

    @classmethod
    def default(cls, algorithm: Algorithm) -> "Scheme":
        """Return the scheme with which a key of `algorithm` signs certificates and documents."""
        return _DEFAULT[algorithm]

    @property
    def hash_name(self) -> str:
        """Return `sha256`, `sha384` or `sha512`; raises `CryptoError` for the bare scheme, which has none."""
        if self is Scheme.RSA_PKCS1_BARE:
            raise CryptoError("crypto.scheme_without_hash")
        return self.value.rsplit("-", 1)[1]


_DEFAULT = {
    Algorithm.RSA_2048: Scheme.RSA_PKCS1_SHA256,
    Algorithm.RSA_3072: Scheme.RSA_PKCS1_SHA256,
    Algorithm.RSA_4096: Scheme.RSA_PKCS1_SHA256,
    Algorithm.EC_P256: Scheme.ECDSA_SHA256,
    Algorithm.EC_P384: Scheme.ECDSA_SHA384,
}
_CURVES: dict[Algorithm, type[ec.EllipticCurve]] = {Algorithm.EC_P256: ec.SECP256R1, Algorithm.EC_P384: ec.SECP384R1}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


def hash_of(scheme: Scheme) -> hashes.HashAlgorithm:
    """Return the scheme's hash as the library's object; raises `CryptoError` for the bare scheme."""
    return _HASHES[scheme.hash_name]()


class PrivateKey(Protocol):
    """A key that signs.  `spki` is the DER SubjectPublicKeyInfo."""

    @property
    def algorithm(self) -> Algorithm:
        """Kind and size."""
        ...

    @property
    def spki(self) -> bytes:
        """Public half, DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)."""
        ...

    def sign(self, scheme: Scheme, data: bytes) -> bytes:
        """Sign `data`; raises `CryptoError` when key and scheme do not fit.  ECDSA answers in DER (RFC 3279 §2.2.3)."""
        ...


class SoftwareKey:
    """A private key in this process's memory.  Its repr shows the algorithm only."""

    def __init__(self, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def __repr__(self) -> str:
        return f"SoftwareKey({self.algorithm})"

    @classmethod
    def generate(cls, algorithm: Algorithm) -> "SoftwareKey":
        """Make a new key from the system's random source; RSA takes tens of milliseconds, public exponent 65537."""
        if algorithm.is_rsa:
            return cls(rsa.generate_private_key(65537, int(algorithm.value.removeprefix("rsa-"))))
        return cls(ec.generate_private_key(_CURVES[algorithm]()))

    @classmethod
    def from_pkcs8(cls, der: bytes, *, own: bool = False) -> "SoftwareKey":
        """Load an unencrypted PKCS#8 key (RFC 5958); raises `CryptoError` for anything else.

        `own` is for keys that this program made and kept sealed: it leaves out the arithmetic check of RSA numbers,
        which takes fifty times as long as a signature.
        """
        try:
            key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=own)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise CryptoError("crypto.bad_private_key") from error
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise CryptoError("crypto.bad_private_key")
        loaded = cls(key)
        _ = loaded.algorithm
        return loaded

    def to_pkcs8(self) -> bytes:
        """Return the key as unencrypted PKCS#8 DER; callers seal it before it touches a disk."""
        return self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def algorithm(self) -> Algorithm:
        """Kind and size; raises `CryptoError` for one that Tegata has no profile for."""
        try:
            if isinstance(self._key, rsa.RSAPrivateKey):
                return Algorithm(f"rsa-{self._key.key_size}")
            return next(a for a, curve in _CURVES.items() if isinstance(cast(object, self._key.curve), curve))
        except (ValueError, StopIteration) as error:
            raise CryptoError("crypto.bad_private_key") from error

    @property
    def spki(self) -> bytes:
        """Public half, DER SubjectPublicKeyInfo."""
        return self._spki

    def sign(self, scheme: Scheme, data: bytes) -> bytes:
        """Sign `data` (the message; the payload itself for the bare scheme).  Raises `CryptoError`."""
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._sign_rsa(self._key, scheme, data)
        if scheme not in (Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384):
            raise CryptoError("crypto.scheme_does_not_fit", scheme=scheme.value)
        return self._key.sign(data, ec.ECDSA(hash_of(scheme)))

    def _sign_rsa(self, key: rsa.RSAPrivateKey, scheme: Scheme, data: bytes) -> bytes:
        if scheme is Scheme.RSA_PKCS1_BARE:
            return self.sign_padded(data)
        if scheme is Scheme.RSA_PSS_SHA256:
            return key.sign(data, pss(), hashes.SHA256())
        if scheme in (Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384):
            raise CryptoError("crypto.scheme_does_not_fit", scheme=scheme.value)
        return key.sign(data, padding.PKCS1v15(), hash_of(scheme))

    def sign_padded(self, payload: bytes) -> bytes:
        """RSA PKCS#1 v1.5 type 1 padding around `payload` verbatim (RFC 8017 §9.2 steps 3 to 5).

        `CryptoError` if too long.
        """
        if not isinstance(self._key, rsa.RSAPrivateKey):
            raise CryptoError("crypto.scheme_does_not_fit", scheme=Scheme.RSA_PKCS1_BARE.value)
        if not 1 <= len(payload) <= self._key.key_size // 8 - 11:
            raise CryptoError("crypto.payload_length")
        return self._key.sign(payload, padding.PKCS1v15(), NoDigestInfo())

    def sign_pss_digest(self, digest: bytes) -> bytes:
        """RSASSA-PSS over a SHA-256 digest that was made elsewhere (RFC 8017 §8.1); raises `CryptoError`."""
        if not isinstance(self._key, rsa.RSAPrivateKey) or len(digest) != hashes.SHA256.digest_size:
            raise CryptoError("crypto.scheme_does_not_fit", scheme=Scheme.RSA_PSS_SHA256.value)
        return self._key.sign(digest, pss(), Prehashed(hashes.SHA256()))

    def sign_digest(self, scheme: Scheme, digest: bytes) -> bytes:
        """ECDSA over a digest that was made elsewhere, in DER; raises `CryptoError`."""
        if isinstance(self._key, rsa.RSAPrivateKey) or scheme not in (Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384):
            raise CryptoError("crypto.scheme_does_not_fit", scheme=scheme.value)
        prehashed = Prehashed(hash_of(scheme))
        if len(digest) != prehashed.digest_size:
            raise CryptoError("crypto.payload_length")
        return self._key.sign(digest, ec.ECDSA(prehashed))

    def decrypt_oaep_sha256(self, ciphertext: bytes) -> bytes:
        """RSAES-OAEP with SHA-256 for hash and mask (RFC 8017 §7.1.2); raises `CryptoError`."""
        if not isinstance(self._key, rsa.RSAPrivateKey):
            raise CryptoError("crypto.scheme_does_not_fit", scheme="rsa-oaep-sha256")
        try:
            return self._key.decrypt(ciphertext, oaep())
        except ValueError as error:
            raise CryptoError("crypto.bad_ciphertext") from error


def pss() -> padding.PSS:
    """Return PSS with MGF1-SHA-256 and a salt as long as the hash."""
    return padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


def oaep() -> padding.OAEP:
    """Return OAEP with SHA-256 throughout and no label."""
    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
