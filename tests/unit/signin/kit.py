# SPDX-License-Identifier: Apache-2.0
"""A sign-in service to play with: a set clock, a relying party with its key, phones, a browser.

The judge here is a fake: it checks the signature against a bare public key and believes the test about the rest.  The
real one, with certificates and OCSP, is exercised in `tests/interop`.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tegata.clock import SetClock
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.signin.assertion import TYPE
from tegata.signin.authority import Authority
from tegata.signin.config import Config
from tegata.signin.http import create_app
from tegata.signin.keys import base64url
from tegata.signin.profile import Profile
from tegata.signin.proof import Proof, signed_bytes
from tegata.signin.service import SignIn
from tegata.signin.store import Store
from tegata.verify import Rejected
from tegata.wire import b64, unb64

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
BASE = "http://country.test"
ISSUER = f"{BASE}/api/realms/main"
AUTH = "/api/realms/main/protocol/openid-connect/auth"
TOKEN = "/api/realms/main/protocol/openid-connect/token"
USERINFO = "/api/realms/main/protocol/openid-connect/userinfo"
CERTS = "/api/realms/main/protocol/openid-connect/certs"
OPERATOR = {"Authorization": "Bearer operator-token"}
CALLBACK = "https://rp.example/callback"
VERIFIER = "v" * 43
CHALLENGE = base64url(hashlib.sha256(VERIFIER.encode()).digest())


class FakeJudge:
    """INSECURE, for tests: takes a SubjectPublicKeyInfo for a certificate, and checks nothing but the signature."""

    def __init__(self) -> None:
        self.serials: dict[bytes, int] = {}
        self.refusals: dict[bytes, Exception] = {}
        self.seen: list[Proof] = []

    async def serial(self, proof: Proof, now: datetime) -> int:
        """Return the serial number that the test gave to the key."""
        self.seen.append(proof)
        await asyncio.sleep(0)
        if proof.certificate in self.refusals:
            raise self.refusals[proof.certificate]
        try:
            signatures.verify(proof.certificate, Scheme.RSA_PKCS1_SHA256, proof.data, proof.signature)
        except signatures.CryptoError as error:
            raise Rejected("verify.bad_signature") from error
        return self.serials[proof.certificate]


@dataclass
class Phone:
    """A key that signs in, and the person whom the authority knows it by."""

    key: SoftwareKey
    serial: int
    person: str

    async def approve(self, http: httpx.AsyncClient, url: str, *, origin: str = BASE) -> httpx.Response:
        """Read the request at `url` and approve it as the sign-in protocol says."""
        asked = (await http.get(url)).json()
        data = signed_bytes(origin, asked["request_id"], unb64(asked["challenge"]))
        signature = self.key.sign(Scheme.RSA_PKCS1_SHA256, data)
        return await http.post(url, json={"certificate": b64(self.key.spki), "signature": b64(signature)})


@dataclass
class Party:
    """A relying party."""

    client_id: str = "RP00000001"
    redirect_uri: str = CALLBACK
    key: ECKey | RSAKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    alg: str = "ES256"
    now: Callable[[], datetime] = lambda: NOW
    count: int = 0

    def registration(self) -> dict[str, Any]:
        """Return what the operator posts."""
        public = dict(self.key.as_dict(private=False))
        jwk = {**public, "kid": self.key.thumbprint(), "alg": self.alg, "use": "sig"}
        return {
            "client_id": self.client_id,
            "name": "試験サービス",
            "redirect_uris": [self.redirect_uri],
            "jwks": {"keys": [jwk]},
        }

    def wish(self, **changes: str | None) -> str:
        """Return a path with a valid authorization request, changed as told (`None` leaves a parameter out)."""
        query: dict[str, str | None] = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": "s-1",
            "nonce": "n-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "acr_values": "aal3 crl",
        }
        query |= changes
        return f"{AUTH}?{urlencode({name: value for name, value in query.items() if value is not None})}"

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a fresh assertion, changed as told (`None` leaves one out)."""
        self.count += 1
        issued = int(self.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": f"{BASE}{TOKEN}",
            "jti": f"jti-{self.count}",
            "iat": issued,
            "exp": issued + 60,
        }
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def assertion(self, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """Return a signed assertion."""
        head = {"alg": self.alg, "kid": self.key.thumbprint(), **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, self.claims(**changes), self.key, algorithms=[str(head["alg"])])

    def form(self, code: str, /, **changes: str | None) -> dict[str, str]:
        """Return a token request for a code, changed as told."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "code_verifier": VERIFIER,
            "client_assertion_type": TYPE,
            "client_assertion": changes["client_assertion"] if "client_assertion" in changes else self.assertion(),
        }
        return {name: value for name, value in (form | changes).items() if value is not None}

    def refresh(self, token: str, /, **changes: str | None) -> dict[str, str]:
        """Return a refresh request, changed as told."""
        left_out: dict[str, str | None] = {"code": None, "redirect_uri": None, "code_verifier": None}
        form: dict[str, str | None] = {"grant_type": "refresh_token", "refresh_token": token}
        return self.form("", **(left_out | form | changes))


class World:
    """One sign-in service, what it needs, and a browser (`http`, with its cookies)."""

    def __init__(self, folder: Path, keys: Mapping[Algorithm, SoftwareKey], **switches: Any) -> None:
        self.folder = folder
        self.keys = keys
        self.switches = switches
        self.clock = SetClock(NOW)
        self.judge = FakeJudge()
        self.persons: dict[str, str] = {}
        self.authority_answers = True
        self.party = Party(now=self.clock.now)
        self.commits = 0
        self.start()
        self.service.register(self.party.registration(), self.party.client_id)

    def start(self) -> None:
        """Open the service on its file, as at the start of a process."""
        vault = Vault.load_or_create(self.folder / "vault.key")
        profile = Profile.assumed(**self.switches)
        config = Config(BASE, BASE, "signin-token", {}, {"operator": "operator-token"}, profile)
        inner = httpx.AsyncClient(transport=httpx.MockTransport(self._authority))
        authority = Authority(inner, BASE, "signin-token")
        store = Store.open(self.folder / "signin.db", vault, self._committed)
        self.service = SignIn(config, store, self.clock, self.judge, authority, keys=self.keys.__getitem__)
        self.http = self.browser()

    def restart(self) -> None:
        """Kill the process without a goodbye and start it again; browsers keep their cookies."""
        cookies = self.http.cookies
        self.start()
        self.http.cookies = cookies

    def _committed(self, name: str) -> None:
        self.commits += 1

    def _authority(self, request: httpx.Request) -> httpx.Response:
        if not self.authority_answers:
            raise httpx.ConnectError("nobody there")
        assert request.headers["authorization"] == "Bearer signin-token"
        body = json.loads(request.content)
        assert body["kind"] == "authentication"
        person = self.persons.get(body["serial"])
        return httpx.Response(404, json={}) if person is None else httpx.Response(200, json={"person": person})

    def browser(self) -> httpx.AsyncClient:
        """Return a browser without cookies; it does not follow redirects."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(self.service)), base_url=BASE)

    def phone(self, key: SoftwareKey, serial: int = 1001, person: str = "person-hanako") -> Phone:
        """Return a phone whose key and holder the country knows."""
        self.judge.serials[key.spki] = serial
        self.persons[str(serial)] = person
        return Phone(key, serial, person)

    # -- steps of a sign-in ---------------------------------------------------------------------------------------

    async def begin(self, **changes: str | None) -> str:
        """Open the sign-in page and return the address that the phone reads from it."""
        return request_url((await self.http.get(self.party.wish(**changes))).text)

    async def code(self, phone: Phone, **changes: str | None) -> str:
        """Sign in with `phone` as far as the code."""
        url = await self.begin(**changes)
        assert (await phone.approve(self.http, url)).json() == {"state": "approved"}
        back = await self.http.get(f"{url}/continue")
        return answer(back)["code"]

    async def token(self, form: Mapping[str, str] | bytes) -> httpx.Response:
        """Post a token request."""
        content = form if isinstance(form, bytes) else urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.http.post(TOKEN, content=content, headers=headers)

    async def tokens(self, phone: Phone) -> dict[str, Any]:
        """Sign in with `phone` as far as the tokens."""
        response = await self.token(self.party.form(await self.code(phone)))
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens


def request_url(page: str) -> str:
    """Return the address in the link that phones use."""
    found = re.search(r'<a id="request-url" href="([^"]+)"', page)
    assert found, page
    return found[1]


def answer(response: httpx.Response) -> dict[str, str]:
    """Return the parameters of a redirect to the relying party, each of which came once."""
    assert response.status_code == 303, response.text
    parts = urlsplit(response.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == CALLBACK
    assert all(len(values) == 1 for values in parse_qs(parts.query).values())
    return dict(parse_qsl(parts.query, keep_blank_values=True))
