# SPDX-License-Identifier: Apache-2.0
"""PEM (RFC 7468): what is written can be read, by others too; what is no such text is refused."""

import contextlib
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegata.codecs import pem
from tegata.codecs.pem import PemError
from unit.refusal import refused

DER = b"\x30\x03\x02\x01\x05"


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=3), st.text("\n\r\t #a", max_size=10))
def test_what_was_encoded_is_decoded(contents: list[bytes], between: str) -> None:
    """Any bytes come back, in order, with whatever text people leave between the blocks."""
    text = between.join(pem.encode(content) for content in contents)
    assert pem.decode((between + text).encode()) == contents


@given(st.binary(min_size=1, max_size=200))
def test_the_standard_library_agrees(content: bytes) -> None:
    """Python's own converter writes the same text and reads ours."""
    assert pem.encode(content) == ssl.DER_cert_to_PEM_cert(content)
    assert ssl.PEM_cert_to_DER_cert(pem.encode(content)) == content


def test_lines_are_64_characters_and_the_last_ends() -> None:
    """The form that RFC 7468 §2 asks of writers."""
    lines = pem.encode(bytes(100)).split("\n")
    assert [len(line) for line in lines[1:-2]] == [64, 64, 8]
    assert lines[-1] == ""


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_read(ending: str) -> None:
    """A file may come from anywhere."""
    assert pem.decode(pem.encode(DER).replace("\n", ending).encode()) == [DER]


def test_only_blocks_of_the_label_are_returned() -> None:
    """A key or a list beside a certificate is not taken for one."""
    text = pem.encode(b"key", "PRIVATE KEY") + pem.encode(DER) + pem.encode(b"list", "X509 CRL")
    assert pem.decode(text.encode()) == [DER]
    assert pem.decode(text.encode(), "X509 CRL") == [b"list"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no block",
        b"\xff\xfe",
        b"-----BEGIN CERTIFICATE-----\nMAMCAQU=\n",
        b"-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END X509 CRL-----\n",
        b"-----BEGIN CERTIFICATE-----\nMAMCAQ\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nM=MCAQU\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nMAMC*QU=\n-----END CERTIFICATE-----\n",
        pem.encode(DER, "X509 CRL").encode(),
    ],
)
def test_what_is_no_such_text_is_refused(text: bytes) -> None:
    """Cut off, mixed up, or no base64: the error names the label that was looked for."""
    with refused("codecs.pem_malformed", PemError) as caught:
        pem.decode(text)
    assert caught.value.facts == {"label": "CERTIFICATE"}


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(content: bytes) -> None:
    """Whatever is handed in, it is decoded or refused."""
    with contextlib.suppress(PemError):
        assert pem.decode(content)


def test_der_passes_and_pem_is_unpacked() -> None:
    """A file is recognised by its first byte; of several blocks the first is meant."""
    assert pem.der_or_pem(DER) == DER
    assert pem.der_or_pem((pem.encode(DER) + pem.encode(b"\x30\x00")).encode()) == DER
    with refused("codecs.pem_malformed", PemError):
        pem.der_or_pem(b"")


def test_an_endless_text_is_given_up_quickly() -> None:
    """Many beginnings without an end do not take quadratic time."""
    with refused("codecs.pem_malformed", PemError):
        pem.decode(b"-----BEGIN CERTIFICATE-----\n" * 20_000)
