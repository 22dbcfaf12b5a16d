# SPDX-License-Identifier: Apache-2.0
"""The centre's side of its talks with the authority and the municipality, over HTTP.

A partner that does not answer is `Unavailable`, for the transaction goes on as long as its time has not run out; one
that says no is `Refused` with its own reason.
"""

from dataclasses import dataclass, field
from typing import Any

import httpx

from tegata.jpki import Kind
from tegata.kiosk.errors import KioskError, NotFound, OutOfStep, Refused, Unavailable, relayed


@dataclass(frozen=True, slots=True)
class Holder:
    """The person a certificate belongs to, as the register knows her."""

    resident_code: str = field(repr=False)
    municipality_code: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A PDF from the municipality and the three marks that came with it."""

    pdf: bytes = field(repr=False)
    transaction_id: str | None
    subject: str | None
    holder: str | None


class Authority:
    """Client of the authority for the role `delivery`: which person does a certificate belong to?"""

    def __init__(self, http: httpx.AsyncClient, base_url: str, token: str) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/authority/v1/holders"
        self._headers = {"Authorization": f"Bearer {token}"}

    def __repr__(self) -> str:
        return f"Authority({self._url!r})"

    async def holder(self, kind: Kind, serial: int) -> Holder:
        """Return the holder of a certificate; raises `Refused` for one that the authority does not know."""
        body = {"kind": kind.value, "serial": str(serial)}
        response = await _post(self._http, self._url, body, self._headers, "kiosk.authority_unavailable")
        try:
            answer = response.json()
            return Holder(str(answer["resident_code"]), str(answer["municipality_code"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("kiosk.authority_unavailable") from error


class Municipality:
    """Client of the municipality's document desk for the role `delivery`."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, token: str) -> None:
        self._http = http
        self._base = f"{base_url.rstrip('/')}/municipality/v1/documents"
        self._headers = {"Authorization": f"Bearer {token}"}

    def __repr__(self) -> str:
        return f"Municipality({self._base!r})"

    async def fetch(self, document: str, body: dict[str, Any]) -> Delivered:
        """Return one document; the same transaction always yields the same.  Raises `Refused` and `Unavailable`."""
        url = f"{self._base}/{document}"
        response = await _post(self._http, url, body, self._headers, "kiosk.municipality_unavailable")
        marks = response.headers
        return Delivered(
            response.content,
            marks.get("x-transaction-id"),
            marks.get("x-document-subject"),
            marks.get("x-document-holder"),
        )


async def _post(
    http: httpx.AsyncClient, url: str, body: dict[str, Any], headers: dict[str, str], silent: str
) -> httpx.Response:
    try:
        response = await http.post(url, json=body, headers=headers)
    except httpx.HTTPError as error:
        raise Unavailable(silent) from error
    if response.is_error:
        raise _refusal(relayed(response, silent))
    return response


def _refusal(error: KioskError) -> KioskError:
    """Return a partner's 404 or 409 as a refusal: to the terminal they would speak of its own transaction."""
    if isinstance(error, NotFound | OutOfStep):
        return Refused(error.reason, clause=error.clause, checks=(), **error.facts)
    return error
