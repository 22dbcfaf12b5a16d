# SPDX-License-Identifier: Apache-2.0
"""What the tax office is told when it starts."""

from dataclasses import dataclass
from datetime import timedelta

_PROTOCOL = "protocol/openid-connect"


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the tax office.

    `public_url` is where browsers reach it, `issuer` the sign-in service's issuer identifier, without a trailing slash;
    `client_id` is what that service calls the tax office.  `home` is the page to which a browser returns.
    """

    public_url: str
    issuer: str
    client_id: str
    home: str = "/tax"
    session_lifetime: timedelta = timedelta(minutes=30)
    login_lifetime: timedelta = timedelta(minutes=15)

    @property
    def redirect_uri(self) -> str:
        """Where the sign-in service sends the browser back to; registered there, byte for byte."""
        return f"{self.public_url.rstrip('/')}/tax/callback"

    @property
    def secure(self) -> bool:
        """Whether browsers come by TLS, so that cookies can say `Secure`."""
        return self.public_url.startswith("https:")

    def endpoint(self, name: str) -> str:
        """Return the sign-in service's `auth`, `token` or `certs`; relying parties of it use no discovery."""
        return f"{self.issuer}/{_PROTOCOL}/{name}"
