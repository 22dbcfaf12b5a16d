# SPDX-License-Identifier: Apache-2.0
"""DER writers against known bytes, and a reader that takes nothing else."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tegata.codecs import der


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "020100"),
        (127, "02017F"),
        (128, "02020080"),
        (256, "02020100"),
        (-1, "0201FF"),
        (-128, "020180"),
        (-129, "0202FF7F"),
    ],
)
def test_integer_takes_the_fewest_bytes(value: int, encoded: str) -> None:
    """The examples of X.690 §8.3, negative ones too."""
    assert der.integer(value).hex().upper() == encoded
    assert der.read(bytes.fromhex(encoded)).integer() == value


@pytest.mark.parametrize(
    ("dotted", "encoded"),
    [
        ("2.999.3", "0603883703"),  # X.690 §8.19.5
        ("1.2.840.113549.1.1.11", "06092A864886F70D01010B"),
        ("1.2.392.200149.8.5.5.1", "060A2A83088C9B5508050501"),
        ("0.0", "060100"),
        ("2.39", "060177"),
    ],
)
def test_object_identifiers(dotted: str, encoded: str) -> None:
    """Dotted decimal and bytes tell the same."""
    assert der.oid(dotted).hex().upper() == encoded
    assert der.read(bytes.fromhex(encoded)).oid() == dotted


def test_values_of_the_other_types() -> None:
    """Each writer, against bytes written by hand."""
    assert der.boolean(True) == b"\x01\x01\xff"
    assert der.boolean(False) == b"\x01\x01\x00"
    assert der.null() == b"\x05\x00"
    assert der.enumerated(3) == b"\x0a\x01\x03"
    assert der.octet_string(b"ab") == b"\x04\x02ab"
    assert der.bit_string(b"\x80", 7) == b"\x03\x02\x07\x80"
    assert der.utf8("花") == b"\x0c\x03\xe8\x8a\xb1"
    assert der.printable("JP") == b"\x13\x02JP"
    assert der.ia5("a@b") == b"\x16\x03a@b"
    assert der.context(2, b"x", constructed=False) == b"\x82\x01x"
    assert der.explicit(0, der.null()) == b"\xa0\x02\x05\x00"
    assert der.set_of(b"\x02\x01\x02", b"\x02\x01\x01") == b"\x31\x06\x02\x01\x01\x02\x01\x02"


@pytest.mark.parametrize(
    ("bits", "encoded"),
    [((), "030100"), ((0,), "03020780"), ((0, 1), "030206C0"), ((5, 6), "03020106"), ((8,), "0303070080")],
)
def test_named_bits_drop_trailing_zeros(bits: tuple[int, ...], encoded: str) -> None:
    """KeyUsage and its like (X.690 §11.2.2)."""
    assert der.named_bits(*bits).hex().upper() == encoded
    assert der.named_bits(*bits, *bits) == der.named_bits(*bits)


def test_long_lengths() -> None:
    """127 takes one byte, 128 two, 256 three."""
    assert der.octet_string(bytes(127))[:2] == b"\x04\x7f"
    assert der.octet_string(bytes(128))[:3] == b"\x04\x81\x80"
    assert der.octet_string(bytes(256))[:4] == b"\x04\x82\x01\x00"


def test_times_are_in_z_and_change_form_in_2050() -> None:
    """RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime after."""
    tokyo = timezone(timedelta(hours=9))
    assert der.x509_time(datetime(2050, 1, 1, 8, 59, 59, tzinfo=tokyo)) == b"\x17\x0d491231235959Z"
    assert der.x509_time(datetime(2050, 1, 1, 9, 0, 0, tzinfo=tokyo)) == b"\x18\x0f20500101000000Z"
    assert der.generalized_time(datetime(2026, 11, 24, tzinfo=UTC)) == b"\x18\x0f20261124000000Z"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "30",
        "3002",  # shorter than it says
        "300000",  # longer than it says
        "3080" + "0000",  # indefinite length (X.690 §10.1 forbids)
        "04817F" + "00" * 127,  # long form where the short one fits
        "0482" + "0080" + "00" * 128,  # leading zero
        "0485" + "0100000000",  # five length bytes
        "0484FFFFFFFF",  # four gigabytes
        "1F8101" + "00",  # a tag of several bytes
    ],
)
def test_what_is_not_der_is_refused(raw: str) -> None:
    """One encoding for each value, and no other."""
    with pytest.raises(der.DerError):
        der.read(bytes.fromhex(raw))


@pytest.mark.parametrize("raw", ["0200", "02020001", "0202FFFF", "02020000"])
def test_padded_integers_are_refused(raw: str) -> None:
    """X.690 §8.3.2: fewest bytes, and at least one."""
    with pytest.raises(der.DerError):
        der.read(bytes.fromhex(raw)).integer()


@pytest.mark.parametrize("raw", ["0600", "060180", "06028001", "0602" + "2A81", "0628" + "2A" + "FF" * 38 + "7F"])
def test_bad_object_identifiers_are_refused(raw: str) -> None:
    """Empty, padded, cut short, or an arc of 270 bits."""
    with pytest.raises(der.DerError):
        der.read(bytes.fromhex(raw)).oid()


def test_descending_where_there_is_nothing_inside_is_refused() -> None:
    """Only constructed elements have children."""
    with pytest.raises(der.DerError):
        der.read(der.octet_string(der.null())).children()
    with pytest.raises(der.DerError):
        der.read(der.null()).expect(der.SEQUENCE)


def test_nesting_without_end_costs_nothing() -> None:
    """The reader goes one level at a time, so ten thousand levels are ten thousand calls, not a recursion."""
    deep = b""
    for _ in range(5000):
        deep = der.sequence(deep)
    element = der.read(deep)
    levels = 1
    while element.value:
        (element,) = element.children()
        levels += 1
    assert levels == 5000


def test_raw_bytes_are_kept() -> None:
    """Signatures cover bytes, so each element keeps its own."""
    whole = der.sequence(der.integer(1), der.utf8("花子"))
    first, second = der.read(whole).children()
    assert first.raw + second.raw == der.read(whole).value
    assert "花子" not in repr(second)


@pytest.mark.parametrize(("name", "size"), [("sha1", 20), ("sha256", 32), ("sha384", 48), ("sha512", 64)])
def test_digest_info_is_exact(name: str, size: int) -> None:
    """RFC 8017 §9.2 note 1: with NULL parameters, and in no other form."""
    info = der.digest_info(name, bytes(size))
    assert der.parse_digest_info(info) == (name, bytes(size))
    named = der.read(info).children()[0].children()[0].raw
    without_null = der.sequence(der.sequence(named), der.octet_string(bytes(size)))
    for wrong in (info[:-1], info + b"\x00", without_null, b""):
        with pytest.raises(der.DerError):
            der.parse_digest_info(wrong)


def test_digest_info_of_sha256_is_the_prefix_that_clients_send() -> None:
    """The nineteen bytes that every client of the card carries as a constant."""
    assert der.digest_info("sha256", b"")[2:-2].hex() == "300d06096086480165030402010500"
    assert der.digest_info("sha256", bytes(32))[:19].hex() == "3031300d060960864801650304020105000420"
