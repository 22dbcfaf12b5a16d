# SPDX-License-Identifier: Apache-2.0
"""The provider's signing keys, and the signing and reading of its own tokens.

ID tokens are ES256, access tokens RS256 (reference §5.1, §4.4).  A ring holds one current key per algorithm and the
retired ones whose tokens may still be alive; the key is found by `kid`, the algorithm is ours and never the token's.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from tegata.crypto.keys import Algorithm, SoftwareKey

ID_ALG: Final = "ES256"
ACCESS_ALG: Final = "RS256"
ALGORITHMS: Final = {ID_ALG: Algorithm.EC_P256, ACCESS_ALG: Algorithm.RSA_2048}


class BadToken(Exception):
    """The token is not one of ours, or not intact."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One signing key under its `kid`, the thumbprint of RFC 7638."""

    kid: str
    alg: str
    key: ECKey | RSAKey = field(repr=False)

    @classmethod
    def of(cls, alg: str, key: SoftwareKey) -> "TokenKey":
        """Wrap a key for signing tokens with `alg`."""
        wrapped = (RSAKey if key.algorithm.is_rsa else ECKey).import_key(key.to_pkcs8())
        return cls(wrapped.thumbprint(), alg, wrapped)

    def public(self) -> dict[str, Any]:
        """Return the public JWK (RFC 7517 §4)."""
        shown = self.key.as_dict(private=False)
        return {"kid": self.kid, "kty": shown["kty"], "alg": self.alg, "use": "sig", **_numbers(shown)}


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
        key = next(key for key in self._keys if key.alg == alg)
        return jwt.encode({"alg": alg, "typ": "JWT", "kid": key.kid}, claims, key.key, algorithms=[alg])

    def read(self, alg: str, token: str) -> dict[str, Any]:
        """Return the claims of a token that this ring signed with `alg`; raises `BadToken`."""
        keys = {key.kid: key.key for key in self._keys if key.alg == alg}
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
