# SPDX-License-Identifier: Apache-2.0
"""Keys, signatures, message authentication and sealing: the only door to hazardous primitives.

Nothing outside this package imports `cryptography.hazmat`; `make check` holds that.
"""


def openssl() -> str:
    """Return the version of OpenSSL that does the arithmetic, as it names itself."""
    from cryptography.hazmat.backends.openssl import backend  # takes a tenth of the time that importing all of us takes

    return str(backend.openssl_version_text())
