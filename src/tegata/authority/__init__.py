# SPDX-License-Identifier: Apache-2.0
"""The authority, the J-LIS of this country: two certification authorities (署名用, 利用者証明用), the certificates that
they issue and revoke, revocation lists, OCSP, the links between certificates, and an audit log that closes.

`service.Authority.open` makes it, `http.create_app` puts it on the wire.  It meets municipalities, the enrolment
service and verifiers only there.
"""
