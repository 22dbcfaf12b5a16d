# SPDX-License-Identifier: Apache-2.0
"""Authlib, a second relying party in another language, signs in; and what several sign-ins say together."""

import asyncio
import re
import secrets
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import authlib.deprecate
import httpx
import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from interop.openid_country import Carried, OpenIdCountry, running
from tegata.crypto.keys import SoftwareKey

with warnings.catch_warnings():  # Authlib announces that it will follow httpx to its successor
    warnings.simplefilter("ignore", authlib.deprecate.AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client

pytestmark = pytest.mark.interop
CALLBACK = "https://rp.example/callback"


class AuthlibParty:
    """A relying party built on Authlib alone: OAuth client, client assertion, proof key, ID token claims."""

    def __init__(self, country: OpenIdCountry, metadata: dict[str, Any], client_id: str) -> None:
        key = ECKey.generate_key("P-256", auto_kid=True)
        country.register(client_id, CALLBACK, {**key.as_dict(private=False), "alg": "ES256"})
        self.client_id = client_id
        self.metadata = metadata
        self.verifier, self.nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        self.oauth = AsyncOAuth2Client(
            client_id=client_id,
            client_secret=key,
            token_endpoint_auth_method="private_key_jwt",
            redirect_uri=CALLBACK,
            scope="openid",
            code_challenge_method="S256",
        )
        token_endpoint = metadata["token_endpoint"]
        self.oauth.register_client_auth_method(PrivateKeyJWT(token_endpoint, alg="ES256", headers={"kid": key.kid}))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.oauth.aclose()

    async def sign_in(self, card: Carried) -> dict[str, Any]:
        """Sign the holder of `card` in; return the claims that Authlib accepted, with the tokens."""
        endpoint = self.metadata["authorization_endpoint"]
        url, state = self.oauth.create_authorization_url(endpoint, code_verifier=self.verifier, nonce=self.nonce)
        assert create_s256_code_challenge(self.verifier) in url
        async with httpx.AsyncClient() as browser:
            page = (await browser.get(url)).text
            found = re.search(r'id="request-url" href="([^"]+)"', page)
            assert found
            (await card.approve(browser, found[1])).raise_for_status()
            back = await browser.get(f"{found[1]}/continue")
        location = back.headers["location"]
        token = await self.oauth.fetch_token(
            self.metadata["token_endpoint"], authorization_response=location, state=state, code_verifier=self.verifier
        )
        return {"claims": await self._checked(token), "token": token, "location": location}

    async def _checked(self, token: dict[str, Any]) -> dict[str, Any]:
        keys = KeySet.import_key_set((await self.oauth.get(self.metadata["jwks_uri"])).json())
        decoded = jwt.decode(token["id_token"], keys, algorithms=self.metadata["id_token_signing_alg_values_supported"])
        options = {"iss": {"values": [self.metadata["issuer"]]}, "aud": {"values": [self.client_id]}}
        params = {"client_id": self.client_id, "nonce": self.nonce, "access_token": token["access_token"]}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate()
        return dict(claims)


Story = Callable[[OpenIdCountry, dict[str, Any]], Any]


def tell(folder: Path, story: Story) -> None:
    """Run a story in a country, with the provider's metadata as Authlib reads them."""

    async def run() -> None:
        async with running(folder) as country:
            url = f"{country.signin.config.issuer}/.well-known/openid-configuration"
            await story(country, (await country.http.get(url)).json())

    asyncio.run(run())


def test_authlib_signs_in(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> None:
    """ID token, userinfo and refresh satisfy Authlib; a replayed code does not satisfy us."""

    async def story(country: OpenIdCountry, metadata: dict[str, Any]) -> None:
        card = country.card((rsa_keys[3], rsa_keys[4]), "10000000001")
        async with AuthlibParty(country, metadata, "RPAUTHLIB") as party:
            seen = await party.sign_in(card)
            told = await party.oauth.get(metadata["userinfo_endpoint"])
            assert told.json() == {"sub": seen["claims"]["sub"]}
            again = await party.oauth.refresh_token(metadata["token_endpoint"])
            assert again["access_token"] != seen["token"]["access_token"]
            with pytest.raises(OAuthError, match="invalid_grant: Code not valid"):
                await party.oauth.fetch_token(
                    metadata["token_endpoint"], authorization_response=seen["location"], code_verifier=party.verifier
                )

    tell(tmp_path, story)


def test_a_person_is_the_same_to_one_service_and_another_to_the_next(
    tmp_path: Path, rsa_keys: Sequence[SoftwareKey]
) -> None:
    """`sub` stays over a new card, differs between services and people, and shows no resident code."""

    async def story(country: OpenIdCountry, metadata: dict[str, Any]) -> None:
        first = country.card((rsa_keys[3], rsa_keys[4]), "10000000001")
        async with (
            AuthlibParty(country, metadata, "RPSHOP") as shop,
            AuthlibParty(country, metadata, "RPBANK") as bank,
        ):
            at_shop = (await shop.sign_in(first))["claims"]["sub"]
            at_bank = (await bank.sign_in(first))["claims"]["sub"]
            second = country.card((rsa_keys[5], rsa_keys[6]), "10000000001")
            other = country.card((rsa_keys[1], rsa_keys[2]), "10000000002")
            assert (await shop.sign_in(second))["claims"]["sub"] == at_shop
            at_shop_too = (await shop.sign_in(other))["claims"]["sub"]
            assert len({at_shop, at_bank, at_shop_too}) == 3
            assert "1000000000" not in at_shop
            with pytest.raises(httpx.HTTPStatusError) as refused:
                await shop.sign_in(first)
        assert refused.value.response.json()["reason"] == "verify.revoked.superseded"

    tell(tmp_path, story)
