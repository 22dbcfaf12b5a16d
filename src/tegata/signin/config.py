# SPDX-License-Identifier: Apache-2.0
"""What the sign-in service is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from tegata.jpki import Kind
from tegata.signin.profile import Profile

REALM = "/api/realms/main"
PROTOCOL = f"{REALM}/protocol/openid-connect"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the provider.

    `public_url` is where browsers, phones and clients reach it.  `authority_url` is the base of the authority's
    routes, `authority_token` opens its role `signin`.  `anchors` are the CA certificates (DER) that authentication
    certificates must lead to.  `tokens` are the bearer tokens of those who may call by role: `operator` registers
    clients.  Anyone else is a browser, a phone with the address of a request, or a client with its key.
    `app_url` is a page on which a simulated phone opens a link (`?url=`), where there is one.
    """

    public_url: str
    authority_url: str
    authority_token: str = field(repr=False)
    anchors: Mapping[Kind, tuple[bytes, ...]] = field(repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    profile: Profile = field(default_factory=Profile.assumed)
    app_url: str | None = None

    @property
    def issuer(self) -> str:
        """The issuer identifier, without a trailing slash, as the real one."""
        return self.public_url.rstrip("/") + REALM

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public address as a phone takes them from it (RFC 6454 §6.2): it signs them."""
        parts = urlsplit(self.public_url)
        host = parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
        return f"{parts.scheme}://{shown}{port}"

    @property
    def secure(self) -> bool:
        """Whether browsers reach the service by TLS, so that cookies can say `Secure`."""
        return self.public_url.startswith("https:")

    def endpoint(self, name: str) -> str:
        """Return the address of `auth`, `token`, `userinfo` or `certs`."""
        return f"{self.public_url.rstrip('/')}{PROTOCOL}/{name}"

    def request_url(self, request_id: str) -> str:
        """Return the address that a phone reads from the page."""
        return f"{self.public_url.rstrip('/')}/signin/v1/requests/{request_id}"

    def app_link(self, request_id: str) -> str | None:
        """Return the address at which a simulated phone opens that of `request_url`."""
        return self.app_url and f"{self.app_url}?url={quote(self.request_url(request_id), safe='')}"
