# SPDX-License-Identifier: Apache-2.0
"""Message authentication and block encryption as cards use them; the standards' own numbers are in `tests/vectors`."""

import pytest

from tegata.crypto import mac


def test_secrets_are_compared_whole() -> None:
    """Equal means all bytes and the same length."""
    assert mac.equal(b"1234", b"1234")
    assert not mac.equal(b"1234", b"1235")
    assert not mac.equal(b"1234", b"12345")
    assert not mac.equal(b"", b"1")


@pytest.mark.parametrize("size", [16, 24, 32])
def test_blocks_decrypt_to_what_they_were(size: int) -> None:
    """AES-CBC there and back, for each key size."""
    key, iv, data = bytes(size), bytes(range(16)), bytes(48)
    assert mac.aes_cbc_decrypt(key, iv, mac.aes_cbc_encrypt(key, iv, data)) == data


def test_part_of_a_block_is_refused() -> None:
    """There is no padding here; who needs it brings it."""
    with pytest.raises(ValueError, match="block"):
        mac.aes_cbc_encrypt(bytes(16), bytes(16), bytes(15))
