# SPDX-License-Identifier: Apache-2.0
"""Registration of clients: what a relying party must bring, checked once.

The real service takes it from a form at application time; here the operator posts it.  Only
public keys are accepted, and only addresses to which a code may safely travel.
"""

import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from tegata.signin.assertion import fits
from tegata.signin.config import Config
from tegata.signin.errors import Refused
from tegata.signin.model import Client
from tegata.signin.parameters import CLIENT_ID

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_KEPT: Final = ("kid", "kty", "alg", "use", "crv", "x", "y", "n", "e")
_MOST: Final = 20


def checked(entry: Mapping[str, Any], client_id: str, config: Config, now: datetime) -> Client:
    """Return the client that `entry` (`name`, `redirect_uris`, `jwks`) describes.

    Raises `Refused` (`signin.bad_client`) naming the member, or `signin.private_key`.
    """
    if not CLIENT_ID.fullmatch(client_id):
        raise Refused("signin.bad_client", field="client_id")
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > 100 or not name.isprintable():
        raise Refused("signin.bad_client", field="name")
    uris = _list(entry.get("redirect_uris"), "redirect_uris")
    for uri in uris:
        _check_uri(uri, config)
    jwks = entry.get("jwks")
    keys = [_jwk(key, config) for key in _list(jwks.get("keys") if isinstance(jwks, dict) else None, "jwks")]
    if len({key["kid"] for key in keys}) != len(keys):
        raise Refused("signin.bad_client", field="jwks")
    return Client(client_id, name, tuple(uris), tuple(keys), now)


def _list(value: object, field: str) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST:
        raise Refused("signin.bad_client", field=field)
    return value


def _check_uri(uri: object, config: Config) -> None:
    """Accept an absolute address without fragment; plain http only on this machine or the country's own host."""
    if not isinstance(uri, str) or not 1 <= len(uri) <= 255 or not uri.isascii() or not uri.isprintable() or " " in uri:
        raise Refused("signin.bad_client", field="redirect_uris")
    try:
        parts = urlsplit(uri)
        host, allowed = parts.hostname, parts.scheme in config.profile.redirect_schemes
    except ValueError as error:
        raise Refused("signin.bad_client", field="redirect_uris") from error
    here = (*_LOOPBACK, urlsplit(config.public_url).hostname)
    if not allowed or not host or "#" in uri or parts.username is not None:
        raise Refused("signin.bad_client", field="redirect_uris")
    if parts.scheme == "http" and host not in here:
        raise Refused("signin.bad_client", field="redirect_uris")


def _jwk(jwk: object, config: Config) -> dict[str, Any]:
    """Return the public members of a key that can authenticate a client; its thumbprint is its name if it has none."""
    if not isinstance(jwk, dict):
        raise Refused("signin.bad_client", field="jwks")
    if any(name in jwk for name in _PRIVATE):
        raise Refused("signin.private_key")
    kept = {name: jwk[name] for name in _KEPT if name in jwk}
    algorithms = [kept["alg"]] if "alg" in kept else config.profile.assertion_algorithms
    usable = any(alg in config.profile.assertion_algorithms and fits(kept, alg) for alg in algorithms)
    if not usable or kept.get("use", "sig") != "sig" or not all(isinstance(value, str) for value in kept.values()):
        raise Refused("signin.bad_client", field="jwks")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)  # RSA under 2048 bits
            key = JWKRegistry.import_key(dict(kept))
            assert isinstance(key, ECKey | RSAKey)  # noqa: S101 -- `fits` has looked at kty
            _ = key.public_key
    except (JoseError, SecurityWarning, ValueError, TypeError) as error:
        raise Refused("signin.bad_client", field="jwks") from error
    return {"kid": key.thumbprint(), **kept}
