# SPDX-License-Identifier: Apache-2.0
"""npm's `openid-client`, a certified relying party, signs in at the sign-in service: discovery, code with PKCE,
`private_key_jwt`, ID token, userinfo, refresh, and the refusal of a replayed code.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from interop.openid_country import OpenIdCountry, running
from tegata.crypto.keys import SoftwareKey

pytestmark = pytest.mark.interop
JS = Path(__file__).resolve().parents[1] / "js"
CALLBACK = "https://rp.example/callback"


@pytest.fixture
def node(require_tool: Callable[[str], str]) -> str:
    """Return Node.js, with openid-client installed beside the script."""
    if not (JS / "node_modules" / "openid-client").is_dir():
        pytest.fail("openid-client is missing: run make js", pytrace=False)
    return require_tool("node")


class Script:
    """`login.mjs` at work."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def send(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a line and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()
        line = await asyncio.wait_for(self._process.stdout.readline(), 60)
        if not line:
            _, errors = await self._process.communicate()
            pytest.fail(errors.decode("utf-8", "replace"), pytrace=False)
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def started(
    node: str, country: OpenIdCountry, key: ECKey | RSAKey, alg: str
) -> AsyncIterator[tuple[Script, str]]:
    """Start the script for a new client; yields it with the address that its user's phone reads."""
    client_id, kid = f"RP{alg}", key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "alg": alg}
    country.register(client_id, CALLBACK, public)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(node, "login.mjs", cwd=JS, stdin=pipe, stdout=pipe, stderr=pipe)
    private = {**key.as_dict(private=True), "kid": kid, "alg": alg}
    told = {
        "issuer": country.signin.config.issuer,
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "jwk": private,
        "alg": alg,
    }
    script = Script(process)
    try:
        page = await script.send(told)
        assert page["status"] == 200
        yield script, page["request_url"]
    finally:
        if process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            await asyncio.wait_for(process.communicate(), 60)


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_openid_client_signs_in(node: str, tmp_path: Path, rsa_keys: Sequence[SoftwareKey], alg: str) -> None:
    """The certified client finds nothing wrong with our answers, and everything wrong with a replay."""
    key = ECKey.generate_key("P-256") if alg == "ES256" else RSAKey.import_key(rsa_keys[5].to_pkcs8())

    async def story() -> dict[str, Any]:
        async with running(tmp_path) as country:
            card = country.card((rsa_keys[3], rsa_keys[4]), "10000000001")
            async with started(node, country, key, alg) as (script, request_url):
                assert (await card.approve(country.http, request_url)).json() == {"state": "approved"}
                return await script.send({})

    seen = asyncio.run(story())
    claims = seen["claims"]
    assert claims["aud"] == claims["azp"] == f"RP{alg}"
    assert claims["acr"] == "aal3"
    assert seen["userinfo"] == {"sub": claims["sub"]}
    assert seen["scope"] == "openid"
    assert seen["expires_in"] == 300
    assert seen["refreshed"] == claims["sub"]
    assert seen["replay"] == "invalid_grant: Code not valid"
    assert seen["revoked"].startswith("OAUTH_WWW_AUTHENTICATE_CHALLENGE") or "invalid_token" in seen["revoked"]


def test_openid_client_hears_that_a_lost_card_was_refused(
    node: str, tmp_path: Path, rsa_keys: Sequence[SoftwareKey]
) -> None:
    """The phone is told why; the person gives up; the client gets `access_denied` and says so."""

    async def story() -> tuple[dict[str, Any], dict[str, Any]]:
        async with running(tmp_path) as country:
            card = country.card((rsa_keys[3], rsa_keys[4]), "10000000001")
            country.lose(card)
            async with started(node, country, ECKey.generate_key("P-256"), "ES256") as (script, request_url):
                refused = await card.approve(country.http, request_url)
                assert refused.status_code == 422
                return refused.json(), await script.send({"cancel": True})

    problem, seen = asyncio.run(story())
    assert problem["reason"] == "verify.held"
    assert [check["outcome"] for check in problem["checks"]][-2:] == ["failed", "not_reached"]
    assert seen == {"refused": "access_denied: Certificate on hold"}
