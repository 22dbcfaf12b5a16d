# SPDX-License-Identifier: Apache-2.0
"""The sign-in service (デジタル認証サービス): an OpenID provider whose users prove themselves with a certificate.

A relying party sends its user's browser to the authorization endpoint; the page shows a two-dimensional code; the
phone reads it, signs a challenge with the authentication key, and the browser goes back with a code.  On the wire the
service is shaped like Keycloak, as its real counterpart seems to be; what is not known of that one is the table
`signin` of `jpki/assumptions.toml`, read in one place, `profile.Profile`.  `service.SignIn.open` makes it,
`http.create_app` puts it on the wire.
"""
