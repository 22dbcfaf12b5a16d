# SPDX-License-Identifier: Apache-2.0
"""ECDSA against the signatures printed in RFC 6979 §A.2.5 (P-256) and §A.2.6 (P-384), message "sample"."""

import pytest

from tegata.codecs import der
from tegata.crypto.keys import Scheme
from tegata.crypto.signatures import BadSignature, verify

P256 = (
    "1.2.840.10045.3.1.7",
    "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
)
P384 = (
    "1.3.132.0.34",
    "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13",
    "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
)
VECTORS = [
    (
        P256,
        Scheme.ECDSA_SHA256,
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    ),
    (
        P384,
        Scheme.ECDSA_SHA384,
        "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
        "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
    ),
]


@pytest.mark.parametrize(("curve", "scheme", "r", "s"), VECTORS, ids=["RFC 6979 A.2.5", "RFC 6979 A.2.6"])
def test_printed_signatures_verify(curve: tuple[str, str, str], scheme: Scheme, r: str, s: str) -> None:
    """And not for another message, nor with r and s exchanged, nor with anything beside them."""
    oid, x, y = curve
    point = der.bit_string(b"\x04" + bytes.fromhex(x + y))
    spki = der.sequence(der.sequence(der.oid("1.2.840.10045.2.1"), der.oid(oid)), point)
    first, second = der.integer(int(r, 16)), der.integer(int(s, 16))
    verify(spki, scheme, b"sample", der.sequence(first, second))
    with pytest.raises(BadSignature):
        verify(spki, scheme, b"test", der.sequence(first, second))
    for wrong in (
        der.sequence(second, first),
        der.sequence(first, second, der.null()),
        der.sequence(first, second) + b"0",
    ):
        with pytest.raises(BadSignature):
            verify(spki, scheme, b"sample", wrong)
