# SPDX-License-Identifier: Apache-2.0
"""The provider's signing keys, and the signing and reading of its own tokens.

ID tokens are ES256, access tokens RS256, as reported of the real service.  A ring holds one current key per
algorithm and the retired ones whose tokens may still be alive; the key is found by `kid`, the algorithm is ours and
never the token's.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from tegata.codecs import der
from tegata.crypto.keys import Algorithm, PrivateKey, Scheme

ID_ALG: Final = "ES256"
ACCESS_ALG: Final = "RS256"
ALGORITHMS: Final = {ID_ALG: Algorithm.EC_P256, ACCESS_ALG: Algorithm.RSA_2048}
_SCHEMES: Final = {ID_ALG: Scheme.ECDSA_SHA256, ACCESS_ALG: Scheme.RSA_PKCS1_SHA256}
_COORDINATE: Final = 32
"""Size of each half of an ES256 signature (RFC 7518 §3.4)."""


class BadToken(Exception):
    """The token is not one of ours, or not intact."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One signing key under its `kid`, the thumbprint of RFC 7638; `seen` is its public half as verifiers have it."""

    kid: str
    alg: str
    key: PrivateKey = field(repr=False)
    seen: ECKey | RSAKey = field(repr=False)

    @classmethod
    def of(cls, alg: str, key: PrivateKey) -> "TokenKey":
        """Take a key for signing tokens with `alg`; it may live elsewhere, as only `sign` is asked of it."""
        seen = (RSAKey if key.algorithm.is_rsa else ECKey).import_key(key.spki)
        return cls(seen.thumbprint(), alg, key, seen)

    def public(self) -> dict[str, Any]:
        """Return the public JWK (RFC 7517 §4)."""
        shown = self.seen.as_dict(private=False)
        return {"kid": self.kid, "kty": shown["kty"], "alg": self.alg, "use": "sig", **_numbers(shown)}

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a JWS in compact form (RFC 7515 §7.1)."""
        header = {"alg": self.alg, "typ": "JWT", "kid": self.kid}
        parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
        signed = ".".join(base64url(part) for part in parts)
        signature = self.key.sign(_SCHEMES[self.alg], signed.encode("ascii"))
        return f"{signed}.{base64url(_fixed(signature) if self.alg == ID_ALG else signature)}"


def _fixed(signature: bytes) -> bytes:
    """Return an ECDSA signature as its two numbers at full length (RFC 7518 §3.4)."""
    numbers = der.read(signature).expect(der.SEQUENCE).children()
    return b"".join(number.integer().to_bytes(_COORDINATE, "big") for number in numbers)


def _numbers(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: jwk[name] for name in ("crv", "x", "y", "n", "e") if name in jwk}


class KeyRing:
    """All keys, newest first per algorithm."""

    def __init__(self, keys: Sequence[TokenKey]) -> None:
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return f"KeyRing({[key.kid for key in self._keys]})"

    def __bool__(self) -> bool:
        return bool(self._keys)

    def jwks(self) -> dict[str, Any]:
        """Return the JWK Set that clients read."""
        return {"keys": [key.public() for key in self._keys]}

    def sign(self, alg: str, claims: dict[str, Any]) -> str:
        """Sign claims with the current key of `alg`."""
        return next(key for key in self._keys if key.alg == alg).sign(claims)

    def read(self, alg: str, token: str) -> dict[str, Any]:
        """Return the claims of a token that this ring signed with `alg`; raises `BadToken`."""
        keys = {key.kid: key.seen for key in self._keys if key.alg == alg}
        try:
            return jwt.decode(token, lambda guest: keys[str(guest.headers().get("kid"))], algorithms=[alg]).claims
        except (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadToken from error


def half_hash(token: str) -> str:
    """Return `at_hash`: the left half of the SHA-256, base64url (OpenID Connect Core §3.1.3.6)."""
    return base64url(hashlib.sha256(token.encode("ascii")).digest()[:16])


def base64url(data: bytes) -> str:
    """Encode without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
