# SPDX-License-Identifier: Apache-2.0
"""How each refusal looks on the wire: HTTP status, `error`, `error_description`.

The texts and their order are those measured on Keycloak 26.7.1 (assumption `signin.error_texts`); the wire stays as
terse as that.  Our reason identifiers say more than the wire does, for whoever operates the service.
"""

from dataclasses import dataclass
from typing import Final

_NO_CLIENT: Final = "Invalid client or Invalid client credentials"
_ASSERTION: Final = "Client authentication with signed JWT failed: "


@dataclass(frozen=True, slots=True)
class Fault:
    """One row: what the other side sees."""

    status: int
    error: str
    description: str


def _assertion(text: str) -> Fault:
    return Fault(400, "invalid_client", _ASSERTION + text)


def _grant(text: str) -> Fault:
    return Fault(400, "invalid_grant", text)


def _request(text: str) -> Fault:
    return Fault(400, "invalid_request", text)


ASSERTION_FAILED: Final = "signin.client."
"""Prefix of the reasons for which a client is not authenticated."""

TABLE: Final[dict[str, Fault]] = {
    # Token endpoint, in the order of the checks (Keycloak 26).
    "signin.token.malformed": _request("Malformed form body"),
    "signin.token.grant_type_missing": _request("Missing form parameter: grant_type"),
    "signin.token.grant_type_unknown": Fault(400, "unsupported_grant_type", "Unsupported grant_type"),
    "signin.client.unknown": Fault(401, "invalid_client", _NO_CLIENT),
    "signin.client.issuer_not_subject": Fault(401, "invalid_client", _NO_CLIENT),
    "signin.client.type_missing": Fault(400, "invalid_client", "Parameter client_assertion_type is missing"),
    "signin.client.type_wrong": Fault(400, "invalid_client", "Parameter client_assertion_type has unexpected value"),
    "signin.client.assertion_missing": Fault(400, "invalid_client", "client_assertion parameter missing"),
    "signin.client.malformed": _assertion("Invalid token"),
    "signin.client.subject_missing": _assertion("Can't identify client. Subject missing on JWT token"),
    "signin.client.id_mismatch": _assertion("client_id parameter does not match sub claim"),
    "signin.client.algorithm": _assertion("Invalid signature algorithm"),
    "signin.client.key": Fault(400, "invalid_client", "Unable to load public key"),
    "signin.client.signature": _assertion("Signature on JWT token failed validation"),
    "signin.client.audience": _assertion("Invalid token audience"),
    "signin.client.audiences": _assertion("Multiple audiences not allowed"),
    "signin.client.expiry_missing": _assertion("Token exp claim is required"),
    "signin.client.expired": _assertion("Token is not active"),
    "signin.client.not_yet": _assertion("Token is not active"),
    "signin.client.too_long": _assertion("Token expiration is too far in the future"),
    "signin.client.too_old": _assertion("Token was issued too long ago"),
    "signin.client.id_missing": _assertion("Missing ID on the token"),
    "signin.client.reused": _assertion("Token reuse detected"),
    "signin.token.duplicated": _request("duplicated parameter"),
    "signin.token.code_missing": _request("Missing parameter: code"),
    "signin.token.code": _grant("Code not valid"),
    "signin.token.redirect_uri": _grant("Incorrect redirect_uri"),
    "signin.token.other_client": _grant("Auth error: Found different client_id in clientSession"),
    "signin.token.verifier_missing": _grant("PKCE code verifier not specified"),
    "signin.token.verifier_malformed": _grant("PKCE verification failed: Invalid code verifier"),
    "signin.token.verifier_mismatch": _grant("PKCE verification failed: Code mismatch"),
    "signin.token.refresh_missing": _request("No refresh token"),
    "signin.token.refresh": _grant("Invalid refresh token"),
    "signin.token.refresh_scope": Fault(400, "invalid_scope", "Invalid scopes"),
    # Userinfo (§5.2): status and words go into the WWW-Authenticate header, the body stays empty.
    "signin.userinfo.no_token": Fault(401, "", ""),
    "signin.userinfo.two_tokens": _request("Token given in more than one way"),
    "signin.userinfo.token": Fault(401, "invalid_token", "Token verification failed"),
    "signin.userinfo.scope": Fault(403, "insufficient_scope", "Missing openid scope"),
    # Authorization endpoint: sent to the redirect URI (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
    "signin.authorize.duplicated": _request("duplicated parameter"),
    "signin.authorize.missing": _request("Missing parameter: {parameter}"),
    "signin.authorize.invalid": _request("Invalid parameter: {parameter}"),
    "signin.authorize.response_type": Fault(400, "unsupported_response_type", "Unsupported response_type"),
    "signin.authorize.scope": Fault(400, "invalid_scope", "Invalid scopes: {scope}"),
    "signin.authorize.request_object": Fault(400, "request_not_supported", "Request objects are not supported"),
    "signin.authorize.request_uri": Fault(400, "request_uri_not_supported", "request_uri is not supported"),
    "signin.authorize.registration": Fault(400, "registration_not_supported", "registration is not supported"),
    "signin.authorize.login_required": Fault(400, "login_required", "User authentication is required"),
}
"""Reason -> what is seen on the wire."""

DESCRIPTIONS: Final = {
    "cancelled": "User cancelled authentication",
    "timed_out": "Authentication request expired",
    "expired": "Certificate expired",
    "held": "Certificate on hold",
    "revoked": "Certificate revoked",
    "refused": "Certificate refused",
}
"""How a sign-in without success ended, and what its client is told: distinct for what it may act on."""

_VERDICTS: Final = {"verify.expired": "expired", "verify.held": "held", "verify.revoked": "revoked"}


def ending(reason: str) -> str:
    """Return how a verdict's reason ends a sign-in: `verify.revoked.superseded` is one of `verify.revoked`."""
    return _VERDICTS.get(reason) or _VERDICTS.get(reason.rpartition(".")[0], "refused")


def refusal(reason: str) -> str:
    """Return the identifier of what a person reads in the browser: no dates, as others may look at that screen too."""
    return f"signin.certificate_{ending(reason)}"
