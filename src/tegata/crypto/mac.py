# SPDX-License-Identifier: Apache-2.0
"""Message authentication and block encryption for cards: AES-CMAC (NIST SP 800-38B, RFC 4493) and AES-CBC without
padding.
"""

import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC


def aes_cmac(key: bytes, data: bytes) -> bytes:
    """Return the 16-byte AES-CMAC of `data`."""
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def equal(one: bytes, other: bytes) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(one, other)


def aes_cbc_encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC over whole blocks; `ValueError` when `data` is not a multiple of 16 bytes."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def aes_cbc_decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Inverse of `aes_cbc_encrypt`."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()
