// SPDX-License-Identifier: Apache-2.0
// A relying party built on openid-client signs somebody in, headless.  It speaks with its driver in lines of JSON:
//
//   driver: {"issuer", "client_id", "redirect_uri", "jwk", "alg"}     this: {"request_url"}     (approve it now)
//   driver: {} or {"cancel": true}                                                     this: {"claims", "userinfo", ...}
//
// Everything that openid-client checks (state, nonce, PKCE, signature, at_hash, issuer, audience) is checked by it.
import { webcrypto } from "node:crypto";
import * as readline from "node:readline";
import * as client from "openid-client";

// Node.js 18, as Debian 12 has it, keeps these to itself.
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const refusal = async (promise) => {
  try {
    await promise;
    return "not refused";
  } catch (error) {
    return `${error.error ?? error.code ?? error.name}: ${error.error_description ?? error.message}`;
  }
};

const told = await read();
const algorithm = told.alg === "ES256" ? { name: "ECDSA", namedCurve: "P-256" } : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const key = await crypto.subtle.importKey("jwk", told.jwk, algorithm, false, ["sign"]);
const config = await client.discovery(
  new URL(told.issuer),
  told.client_id,
  { id_token_signed_response_alg: "ES256" },
  client.PrivateKeyJwt({ key, kid: told.jwk.kid }),
  { execute: [client.allowInsecureRequests] },
);

const verifier = client.randomPKCECodeVerifier();
const [state, nonce] = [client.randomState(), client.randomNonce()];
const start = client.buildAuthorizationUrl(config, {
  redirect_uri: told.redirect_uri,
  scope: "openid",
  state,
  nonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  acr_values: "aal3 crl",
});

const page = await fetch(start, { redirect: "manual" });
const cookie = page.headers.get("set-cookie").split(";")[0];
const request_url = /id="request-url" href="([^"]+)"/.exec(await page.text())[1];
say({ status: page.status, request_url });
const [act, method] = (await read()).cancel ? ["cancel", "POST"] : ["continue", "GET"];

const back = await fetch(`${request_url}/${act}`, { method, redirect: "manual", headers: { cookie } });
const callback = new URL(back.headers.get("location"));
if (callback.searchParams.has("error")) {
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
  say({ refused: await refusal(client.authorizationCodeGrant(config, callback, checks)) });
  process.exit(0);
}
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
const tokens = await client.authorizationCodeGrant(config, callback, checks);
const claims = tokens.claims();
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
const replay = await refusal(client.authorizationCodeGrant(config, callback, checks));
const revoked = await refusal(client.fetchUserInfo(config, tokens.access_token, claims.sub));
say({
  claims,
  userinfo,
  scope: tokens.scope,
  expires_in: tokens.expires_in,
  refreshed: refreshed.claims().sub,
  replay,
  revoked,
});
process.exit(0);
