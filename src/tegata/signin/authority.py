# SPDX-License-Identifier: Apache-2.0
"""The provider's side of its talk with the authority: whose certificate is this?

The answer is an opaque identifier that stays the same over renewal and for card and phone, and that no other kind of
service is given; names and serial numbers do not come along.
"""

import httpx

from tegata.jpki import Kind
from tegata.signin.errors import Refused, Unavailable


class Authority:
    """Client of `/authority/v1/` for the role `signin`."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, token: str) -> None:
        self._http = http
        self._base = f"{base_url.rstrip('/')}/authority/v1"
        self._headers = {"Authorization": f"Bearer {token}"}

    def __repr__(self) -> str:
        return f"Authority({self._base!r})"

    async def person(self, serial: int) -> str:
        """Return the opaque identifier of an authentication certificate's holder; raises `Unavailable` or `Refused`."""
        body = {"kind": Kind.AUTHENTICATION.value, "serial": str(serial)}
        try:
            response = await self._http.post(f"{self._base}/holders", json=body, headers=self._headers)
        except httpx.HTTPError as error:
            raise Unavailable("signin.authority_unavailable") from error
        if response.status_code == 404:
            raise Refused("signin.unknown_certificate")
        try:
            person = response.json()["person"] if response.is_success else None
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("signin.authority_unavailable") from error
        if not isinstance(person, str) or not person:
            raise Unavailable("signin.authority_unavailable")
        return person
