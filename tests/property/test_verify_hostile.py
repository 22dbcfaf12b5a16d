# SPDX-License-Identifier: Apache-2.0
"""Hostile bytes: whatever is handed to the verifier, the answer is a verdict or a `VerifyError`, and soon.

Two kinds of damage are tried: bytes changed after signing, which no signature survives, and content rewritten and
signed again by the genuine authority, which reaches every reader behind the signature.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegata.codecs import der
from tegata.codecs.der import Cursor, DerError, Element
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.crypto.signatures import algorithm_identifier
from tegata.jpki import Kind
from tegata.verify import Certificate, Status, StatusUnavailable, VerifyError, prepare_status
from tegata.verify.reading import any_moment
from unit.verify.kit import NOW, Scene, scene

NONCE = b"n" * 32


@pytest.fixture(scope="module")
def stage(rsa_keys: Sequence[SoftwareKey]) -> Scene:
    """Return an authority and a certificate of the usual kind."""
    return scene(Kind.SIGNING, rsa_keys[0], rsa_keys[1])


@pytest.fixture(scope="module")
def quick() -> Scene:
    """Return the same on a curve that signs fast, for what is signed again and again."""
    return scene(Kind.SIGNING, SoftwareKey.generate(Algorithm.EC_P256), SoftwareKey.generate(Algorithm.EC_P256))


def verdict(attempt: Callable[[], object]) -> VerifyError | None:
    """Return the refusal, or None for a verdict; anything else is a bug and passes through."""
    try:
        attempt()
    except VerifyError as error:
        return error
    return None


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Return a way to damage bytes: flip, cut, insert, repeat or remove somewhere."""
    where, size = draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(1, 8))
    way, new = (
        draw(st.sampled_from(["flip", "cut", "insert", "remove", "set"])),
        draw(st.binary(min_size=1, max_size=8)),
    )

    def apply(data: bytes) -> bytes:
        at = int(where * len(data))
        if way == "flip":
            return data[:at] + bytes([data[at] ^ 1 << size - 1]) + data[at + 1 :]
        if way == "cut":
            return data[:at]
        if way == "insert":
            return data[:at] + new + data[at:]
        if way == "remove":
            return data[:at] + data[at + size :]
        return data[:at] + new + data[at + len(new) :]

    return apply


def nodes(element: Element) -> list[Element]:
    """Return an element and everything below it that reads as DER, octet and bit strings included."""
    found = [element]
    content = element.value[1:] if element.tag == der.BIT_STRING else element.value
    if element.tag & 0x20 or element.tag in (der.OCTET_STRING, der.BIT_STRING):
        try:
            children = der.read_all(content)
        except DerError:
            return found
        for child in children:
            found.extend(nodes(child))
    return found


@st.composite
def rewriting(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Return a way to exchange one element anywhere inside, all lengths above it mended."""
    position = draw(st.floats(0, 1, exclude_max=True))
    replacement = draw(
        st.one_of(
            st.just(b""),
            st.just(der.null()),
            st.just(der.sequence()),
            st.binary(max_size=12),
            st.builds(der.tlv, st.integers(0, 255), st.binary(max_size=12)),
            st.builds(der.integer, st.integers(-(1 << 200), 1 << 200)),
        )
    )

    def apply(data: bytes) -> bytes:
        inside = nodes(der.read(data))
        return _replace(der.read(data), inside[1 + int(position * (len(inside) - 1))], replacement)

    return apply


def _replace(element: Element, target: Element, replacement: bytes) -> bytes:
    if element == target:
        return replacement
    content, prefix = (element.value[1:], element.value[:1]) if element.tag == der.BIT_STRING else (element.value, b"")
    if not (element.tag & 0x20 or element.tag in (der.OCTET_STRING, der.BIT_STRING)) or target.raw not in content:
        return element.raw
    try:
        children = der.read_all(content)
    except DerError:
        return element.raw
    return der.tlv(element.tag, prefix + b"".join(_replace(child, target, replacement) for child in children))


def signed(tbs: bytes, key: SoftwareKey, after: bytes = b"") -> bytes:
    """Put a signature under `tbs`."""
    scheme = Scheme.default(key.algorithm)
    return der.sequence(tbs, algorithm_identifier(scheme), der.bit_string(key.sign(scheme, tbs)), after)


def rewritten(data: bytes, key: SoftwareKey, change: Callable[[bytes], bytes]) -> bytes:
    """Change the signed part of a certificate, a list or a basic response, and sign it again."""
    return signed(change(der.read(data).children()[0].raw), key)


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_everywhere(stage: Scene, data: bytes) -> None:
    """As certificate, as response, as list, as signature."""
    assert verdict(lambda: Certificate.parse(data)) is not None
    assert verdict(lambda: stage.judge(data, Status())) is not None
    assert verdict(lambda: prepare_status(data, Kind.SIGNING, stage.trust)) is not None
    for status in (Status(ocsp=data), Status(crl=data), Status(ocsp=data, crl=data, nonce=NONCE)):
        assert isinstance(verdict(lambda status=status: stage.judge(status=status)), StatusUnavailable)  # type: ignore[misc]
    assert verdict(lambda: stage.judge_data(b"data", data)) is not None


@given(damage())
def test_a_damaged_certificate_is_never_accepted(stage: Scene, change: Callable[[bytes], bytes]) -> None:
    """One bit is enough, wherever it is."""
    damaged = change(stage.certificate)
    status = Status(ocsp=stage.authority.respond(stage.certificate))
    refusal = verdict(lambda: stage.judge(damaged, status))
    assert (refusal is None) == (damaged == stage.certificate)
    if refusal is not None:
        assert [check.outcome for check in refusal.checks].count("failed") == 1


@given(damage())
def test_a_damaged_response_is_never_accepted(stage: Scene, change: Callable[[bytes], bytes]) -> None:
    """It may become unusable, but it never says more than it said."""
    response = stage.authority.respond(stage.certificate, nonce=NONCE)
    damaged = change(response)
    refusal = verdict(lambda: stage.judge(status=Status(ocsp=damaged, nonce=NONCE)))
    assert (refusal is None) == (damaged == response)
    assert refusal is None or isinstance(refusal, StatusUnavailable)


@given(damage())
def test_a_damaged_list_is_never_accepted(stage: Scene, change: Callable[[bytes], bytes]) -> None:
    """Neither to hide an entry nor to invent one."""
    data = stage.authority.revocation_list({1: None, 4712: None})
    damaged = change(data)
    refusal = verdict(lambda: stage.judge(status=Status(crl=damaged)))
    assert (refusal is None) == (damaged == data)
    assert refusal is None or isinstance(refusal, StatusUnavailable)


@given(rewriting())
def test_a_certificate_rewritten_and_signed_again_is_judged(quick: Scene, change: Callable[[bytes], bytes]) -> None:
    """Whatever the authority signs, the verifier answers; and what it accepts still is of the kind it says."""
    data = rewritten(quick.certificate, quick.authority.key, change)
    try:
        certificate = Certificate.parse(data)
    except VerifyError:
        return
    assert certificate.der == data
    verdict(lambda: quick.judge(data, Status(crl=quick.authority.revocation_list())))


@given(rewriting())
def test_a_list_rewritten_and_signed_again_is_judged(quick: Scene, change: Callable[[bytes], bytes]) -> None:
    """Every reader behind the signature refuses what it does not know."""
    data = quick.authority.revocation_list({1: None, 4711: None, 4712: None})
    verdict(lambda: quick.judge(status=Status(crl=rewritten(data, quick.authority.key, change))))


@given(rewriting())
def test_a_response_rewritten_and_signed_again_is_judged(quick: Scene, change: Callable[[bytes], bytes]) -> None:
    """The same for what a responder signs."""
    response = quick.authority.respond(quick.certificate, nonce=NONCE)
    oid, content = der.read(der.read(response).children()[1].value).children()
    basic = rewritten(content.value, quick.authority.key, change)
    data = der.sequence(der.enumerated(0), der.explicit(0, der.sequence(oid.raw, der.octet_string(basic))))
    verdict(lambda: quick.judge(status=Status(ocsp=data, nonce=NONCE)))


@given(rewriting())
def test_the_envelope_of_a_response_is_judged(quick: Scene, change: Callable[[bytes], bytes]) -> None:
    """What lies outside the signature is read with the same care, the responder's certificate included."""
    key = SoftwareKey.generate(Algorithm.EC_P256)
    certificate = quick.authority.responder(key)
    response = quick.authority.respond(quick.certificate, by=(certificate, key))
    verdict(lambda: quick.judge(status=Status(ocsp=change(response))))


@pytest.mark.parametrize(
    "bomb", [b"\x30\x80" * 8000, b"\xa0\x82\xff\xff" * 4000, b"\x30\x84\xff\xff\xff\xff" + b"0" * 100]
)
def test_nesting_and_lengths_do_not_explode(stage: Scene, bomb: bytes) -> None:
    """No depth and no claimed length costs more than the bytes themselves."""
    deep = b""
    for _ in range(2000):
        deep = der.sequence(deep)
    for data in (bomb, deep[: 16 << 10], deep):
        assert verdict(lambda data=data: Certificate.parse(data)) is not None  # type: ignore[misc]
        refusal = verdict(lambda data=data: stage.judge(status=Status(ocsp=data, crl=data)))  # type: ignore[misc]
        assert isinstance(refusal, StatusUnavailable)


@given(st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 -- made aware below
def test_times_survive_the_round_trip(when: datetime) -> None:
    """What `codecs.der` writes, the reader reads, to the second."""
    wanted = when.replace(microsecond=0, tzinfo=NOW.tzinfo)
    for written in (der.generalized_time(wanted), der.x509_time(wanted)):
        assert any_moment(Cursor(written, 0, len(written))) == wanted
