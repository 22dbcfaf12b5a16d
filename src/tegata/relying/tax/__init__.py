# SPDX-License-Identifier: Apache-2.0
"""The tax office: people sign in to it through the sign-in service, and it learns nothing of them but a pairwise `sub`.

A relying party as a careful integrator would write one: OpenID Connect code flow with PKCE and `private_key_jwt`, every
claim of the ID token checked.  `service.TaxOffice.open` makes it, `http.create_app` puts it on the wire; the page /tax
itself is somebody else's.
"""
