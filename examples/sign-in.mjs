// SPDX-License-Identifier: Apache-2.0
// A service whose users sign in with a card or phone: openid-client against a pocket country.
//
//   npm install openid-client
//   node sign-in.mjs http://127.0.0.1:8440 9000
//
// It makes a key, registers itself, prints an address to open in the browser, and says who came back.
import { webcrypto } from "node:crypto";
import { createServer } from "node:http";
import * as client from "openid-client";

// Node.js 18, as Debian 12 has it, keeps these to itself.
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;

const [country, port] = process.argv.slice(2);
const algorithm = { name: "ECDSA", namedCurve: "P-256" };
const { privateKey: key, publicKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
const jwk = { ...(await crypto.subtle.exportKey("jwk", publicKey)), kid: "example-1", alg: "ES256", use: "sig" };
createServer(handle).listen(Number(port), "127.0.0.1", begin);
const redirect_uri = `http://127.0.0.1:${port}/callback`;
let config, login;
process.on("SIGINT", () => process.exit(0));

async function begin() {
  const registration = await fetch(`${country}/control/v1/clients`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name: "Example service", redirect_uris: [redirect_uri], jwks: { keys: [{ ...jwk, key_ops: undefined, ext: undefined }] } }),
  });
  const { client_id } = await registration.json();
  const issuer = new URL(`${country}/api/realms/main`);
  const metadata = { id_token_signed_response_alg: "ES256" };
  const proof = client.PrivateKeyJwt({ key, kid: jwk.kid });
  // The country speaks plain http, on this machine only.
  config = await client.discovery(issuer, client_id, metadata, proof, { execute: [client.allowInsecureRequests] });
  console.log(`open http://127.0.0.1:${port}/`);
}

async function handle(request, response) {
  try {
    if (request.url.startsWith("/callback")) await come_back(request, response);
    else await send_away(response);
  } catch (error) {
    response.writeHead(400).end(`${error.error ?? error.code}: ${error.error_description ?? error.message}\n`);
  }
}

async function send_away(response) {
  // One login at a time; a real service ties these three to the browser with a cookie.
  login = { pkceCodeVerifier: client.randomPKCECodeVerifier(), expectedState: client.randomState(), expectedNonce: client.randomNonce() };
  const location = client.buildAuthorizationUrl(config, {
    redirect_uri,
    scope: "openid",
    state: login.expectedState,
    nonce: login.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(login.pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  response.writeHead(303, { Location: location.href }).end();
}

async function come_back(request, response) {
  const tokens = await client.authorizationCodeGrant(config, new URL(request.url, redirect_uri), { ...login, idTokenExpected: true });
  const { sub } = tokens.claims();
  console.log(`signed in: ${sub}`);
  response.end(`Hello, ${sub}\n`);
}
