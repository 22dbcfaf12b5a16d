# SPDX-License-Identifier: Apache-2.0
"""AES-CMAC and AES-CBC against the numbers printed in the standards.

| vectors                     | from                                         |
|-----------------------------|----------------------------------------------|
| AES-CMAC, 128-bit key       | RFC 4493 §4                                  |
| AES-CMAC, 192 and 256 bits  | NIST SP 800-38B, examples D.2 and D.3        |
| AES-CBC                     | NIST SP 800-38A, F.2.1 to F.2.6              |
"""

import pytest

from tegata.crypto.mac import aes_cbc_decrypt, aes_cbc_encrypt, aes_cmac

MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
KEYS = {
    128: bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"),
    192: bytes.fromhex("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"),
    256: bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"),
}
CMAC = [
    ("RFC 4493 §4 example 1", 128, 0, "bb1d6929e95937287fa37d129b756746"),
    ("RFC 4493 §4 example 2", 128, 16, "070a16b46b4d4144f79bdd9dd04a287c"),
    ("RFC 4493 §4 example 3", 128, 40, "dfa66747de9ae63030ca32611497c827"),
    ("RFC 4493 §4 example 4", 128, 64, "51f0bebf7e3b9d92fc49741779363cfe"),
    ("SP 800-38B D.2 example 5", 192, 0, "d17ddf46adaacde531cac483de7a9367"),
    ("SP 800-38B D.2 example 6", 192, 16, "9e99a7bf31e710900662f65e617c5184"),
    ("SP 800-38B D.2 example 7", 192, 40, "8a1de5be2eb31aad089a82e6ee908b0e"),
    ("SP 800-38B D.2 example 8", 192, 64, "a1d5df0eed790f794d77589659f39a11"),
    ("SP 800-38B D.3 example 9", 256, 0, "028962f61b7bf89efc6b551f4667d983"),
    ("SP 800-38B D.3 example 10", 256, 16, "28a7023f452e8f82bd4bf28d8c37c35c"),
    ("SP 800-38B D.3 example 11", 256, 40, "aaf3d8f1de5640c232f5b169b9c911e6"),
    ("SP 800-38B D.3 example 12", 256, 64, "e1992190549f6ed5696a2c056c315410"),
]
IV = bytes(range(16))
CBC = {
    128: "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
    "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
    192: "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
    "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
    256: "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
    "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
}


@pytest.mark.parametrize(("example", "bits", "size", "mac"), CMAC, ids=[row[0] for row in CMAC])
def test_cmac(example: str, bits: int, size: int, mac: str) -> None:
    """The printed authentication codes come out."""
    assert aes_cmac(KEYS[bits], MESSAGE[:size]).hex() == mac


@pytest.mark.parametrize("bits", CBC)
def test_cbc(bits: int) -> None:
    """The printed ciphertexts come out, and the message again."""
    assert aes_cbc_encrypt(KEYS[bits], IV, MESSAGE).hex() == CBC[bits]
    assert aes_cbc_decrypt(KEYS[bits], IV, bytes.fromhex(CBC[bits])) == MESSAGE
