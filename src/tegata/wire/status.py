# SPDX-License-Identifier: Apache-2.0
"""Fetches certificate status over HTTP: OCSP by POST (RFC 6960 appendix A.1) and revocation lists by GET.

What comes back is not judged here; that is `tegata.verify`'s work.  Anything but a complete answer is
`wire.status_unavailable`, which the calling party turns into its own "try again".
"""

import httpx

from tegata.wire import WireError

OCSP_LIMIT = 64 << 10
CRL_LIMIT = 16 << 20


class StatusClient:
    """Client of the authority's public status service; `base_url` is the root below which `ocsp/` and `crl/` lie."""

    def __init__(self, http: httpx.AsyncClient, base_url: str) -> None:
        self._http = http
        self._base = base_url.rstrip("/")

    def __repr__(self) -> str:
        return f"StatusClient({self._base!r})"

    async def ocsp(self, kind: str, request: bytes) -> bytes:
        """Send a DER OCSP request; returns the DER response.  Raises `WireError` (`wire.status_unavailable`)."""
        headers = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
        return await self._fetch("POST", f"{self._base}/ocsp/{kind}", OCSP_LIMIT, headers, request)

    async def crl(self, kind: str, municipality_code: str) -> bytes:
        """Return a municipality's revocation list, DER; raises `WireError` (`wire.status_unavailable`)."""
        headers = {"Accept": "application/pkix-crl"}
        return await self._fetch("GET", f"{self._base}/crl/{kind}/{municipality_code}.crl", CRL_LIMIT, headers)

    async def _fetch(
        self, method: str, url: str, limit: int, headers: dict[str, str], content: bytes | None = None
    ) -> bytes:
        received = bytearray()
        try:
            async with self._http.stream(method, url, headers=headers, content=content) as response:
                if response.status_code != httpx.codes.OK:
                    raise WireError("wire.status_unavailable", status=response.status_code)
                async for chunk in response.aiter_bytes():
                    received += chunk
                    if len(received) > limit:
                        raise WireError("wire.status_unavailable", status=response.status_code)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WireError("wire.status_unavailable") from error
        return bytes(received)
