# SPDX-License-Identifier: Apache-2.0
"""A whole sign-in: browser, phone, code, tokens, userinfo."""

import asyncio
import hashlib
from collections.abc import Sequence

from joserfc import jwt
from joserfc.jwk import KeySet

from tegata.crypto.keys import SoftwareKey
from tegata.signin.keys import base64url
from unit.signin.kit import CERTS, ISSUER, NOW, USERINFO, World, answer


def test_a_person_signs_in(world: World, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Code, tokens and userinfo name the same person, to this client only, and every claim is as the profile says."""

    async def story() -> None:
        phone = world.phone(rsa_keys[0])
        url = await world.begin()
        asked = (await world.http.get(url)).json()
        assert asked["service"] == "試験サービス"
        assert asked["scopes"] == ["openid"]
        assert (await world.http.get(f"{url}/state")).json() == {"state": "waiting"}
        assert (await phone.approve(world.http, url)).json() == {"state": "approved"}
        assert (await world.http.get(f"{url}/state")).json() == {"state": "approved"}
        back = answer(await world.http.get(f"{url}/continue"))
        assert set(back) == {"code", "state", "session_state"}
        assert back["state"] == "s-1"
        response = await world.token(world.party.form(back["code"]))
        assert response.status_code == 200, response.text
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["pragma"] == "no-cache"
        tokens = response.json()
        assert list(tokens) == [
            "access_token",
            "expires_in",
            "refresh_expires_in",
            "refresh_token",
            "token_type",
            "id_token",
            "not-before-policy",
            "session_state",
            "scope",
        ]
        assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (300, 1800)
        keys = KeySet.import_key_set((await world.http.get(CERTS)).json())
        id_token = jwt.decode(tokens["id_token"], keys, algorithms=["ES256"])
        now = int(NOW.timestamp())
        claims = id_token.claims
        jti, sub = claims.pop("jti"), claims.pop("sub")
        assert len(jti) >= 16
        assert claims == {
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "iss": ISSUER,
            "aud": "RP00000001",
            "azp": "RP00000001",
            "sid": back["session_state"],
            "typ": "ID",
            "nonce": "n-1",
            "at_hash": base64url(hashlib.sha256(tokens["access_token"].encode()).digest()[:16]),
            "acr": "aal3",
        }
        access = jwt.decode(tokens["access_token"], keys, algorithms=["RS256"])
        assert (access.header["typ"], access.claims["typ"], access.claims["sub"]) == ("JWT", "Bearer", sub)
        told = await world.http.get(USERINFO, headers={"Authorization": f"Bearer {tokens['access_token']}"})
        assert told.json() == {"sub": sub}
        assert "hanako" not in sub
        assert "1001" not in sub

    asyncio.run(story())
