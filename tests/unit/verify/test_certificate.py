# SPDX-License-Identifier: Apache-2.0
"""Form of a certificate: what is read, and every way of not being exactly one certificate."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from tegata.codecs import der
from tegata.crypto.keys import Algorithm, Scheme
from tegata.crypto.signatures import algorithm_identifier
from tegata.jpki import Carrier, Kind, oids
from tegata.verify import Certificate, Rejected
from unit.verify.kit import DAY, NOW, Scene, point, private, resign

VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, KEY, EXTENSIONS = range(8)


def unreadable(data: bytes) -> str | None:
    """Return the clause for which `data` is refused."""
    with pytest.raises(Rejected) as caught:
        Certificate.parse(data)
    assert caught.value.reason == "verify.malformed"
    return caught.value.clause


def with_field(stage: Scene, index: int, value: bytes) -> bytes:
    """Return the scene's certificate with one field of its signed part replaced."""
    return resign(stage.certificate, stage.authority.key, lambda f: [*f[:index], value, *f[index + 1 :]])


def with_extension(stage: Scene, oid: str, value: bytes) -> bytes:
    """Return the scene's certificate with the value of one extension replaced."""
    extensions = der.read(der.read(stage.certificate).children()[0].children()[EXTENSIONS].value).children()
    parts = []
    for extension in extensions:
        name, *flag, old = extension.children()
        inner = der.octet_string(value) if name.oid() == oid else old.raw
        parts.append(der.sequence(name.raw, *(f.raw for f in flag), inner))
    return with_field(stage, EXTENSIONS, der.explicit(3, der.sequence(*parts)))


def test_every_field_is_read(signing: Scene) -> None:
    """The value agrees with what the other library reads, and keeps the bytes that were signed."""
    theirs = x509.load_der_x509_certificate(signing.certificate)
    ours = Certificate.parse(signing.certificate)
    assert ours.der == signing.certificate
    assert ours.tbs == theirs.tbs_certificate_bytes
    assert ours.signature == theirs.signature
    assert ours.serial == theirs.serial_number
    assert ours.issuer == theirs.issuer.public_bytes()
    assert ours.subject == theirs.subject.public_bytes()
    assert (ours.not_before, ours.not_after) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)
    assert ours.spki == signing.key.spki
    assert (ours.algorithm, ours.scheme) == (Algorithm.RSA_2048, Scheme.RSA_PKCS1_SHA256)
    assert ours.subject_key_id == x509.SubjectKeyIdentifier.from_public_key(private(signing.key).public_key()).digest
    assert ours.key_usage == frozenset({0, 1})
    assert ours.extended_key_usage is None
    assert not ours.is_ca
    assert ours.policies == (oids.policy(Kind.SIGNING, Carrier.CARD),)
    assert (ours.kind, ours.carrier) == (Kind.SIGNING, Carrier.CARD)
    assert ours.distribution_points == (der.explicit(4, point(Kind.SIGNING).value.public_bytes()),)
    assert ours.fingerprint == hashlib.sha256(signing.certificate).hexdigest()
    assert ours.basic_four is not None
    assert str(ours.basic_four.birth) == "419900401"
    assert Certificate.parse(bytes(bytearray(signing.certificate))) == ours


def test_a_certificate_of_neither_kind_is_read_too(signing: Scene) -> None:
    """Kind and carrier are claims; an authority's certificate makes none."""
    ours = Certificate.parse(signing.authority.der)
    assert (ours.kind, ours.carrier, ours.basic_four, ours.is_ca) == (None, None, None, True)
    assert ours.authority_key is None
    assert ours.distribution_points == ()


@pytest.mark.parametrize("data", [b"", b"0", b"\x30\x00", b"\x30\x80\x00\x00", b"\x05\x00", b"hello", b"\x30\x82"])
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    """From nothing at all to indefinite lengths."""
    unreadable(data)


def test_exactly_one_certificate_is_wanted(signing: Scene) -> None:
    """Nothing before, nothing after, nothing missing, and no more than a sane size."""
    unreadable(signing.certificate + b"\x00")
    unreadable(b"\x00" + signing.certificate)
    unreadable(signing.certificate[:-1])
    unreadable(signing.certificate * 2)
    assert unreadable(b"\x30" * (16 << 10) + b"\x30") == "RFC 5280 §4.1"


@pytest.mark.parametrize(
    "version", [der.explicit(0, der.integer(1)), der.explicit(0, der.integer(3)), der.explicit(0, der.boolean(True))]
)
def test_only_version_3_exists(version: bytes, signing: Scene) -> None:
    """Versions 1 and 2 have no extensions, 4 does not exist."""
    unreadable(with_field(signing, VERSION, version))


def test_a_version_left_out_means_1_and_is_refused(signing: Scene) -> None:
    """DEFAULT v1 (RFC 5280 §4.1)."""
    assert unreadable(resign(signing.certificate, signing.authority.key, lambda f: f[1:])) == "RFC 5280 §4.1.2.1"


@pytest.mark.parametrize("serial", [0, -1, -(1 << 64), 1 << 160])
def test_a_serial_number_is_positive_and_not_too_long(serial: int, signing: Scene) -> None:
    """Zero, negative and more than 20 octets are refused (RFC 5280 §4.1.2.2)."""
    assert unreadable(with_field(signing, SERIAL, der.integer(serial))) == "RFC 5280 §4.1.2.2"


def test_the_longest_serial_number_is_read(signing: Scene) -> None:
    """20 octets pass."""
    assert Certificate.parse(with_field(signing, SERIAL, der.integer((1 << 159) - 1))).serial == (1 << 159) - 1


def test_a_serial_number_padded_with_zeros_is_refused(signing: Scene) -> None:
    """Two encodings of one number would be two certificates to a list, and one to a person."""
    unreadable(with_field(signing, SERIAL, b"\x02\x03\x00\x12\x67"))


def test_the_algorithm_stands_inside_and_outside_alike(signing: Scene) -> None:
    """An attacker may not choose the outer one (RFC 5280 §4.1.1.2)."""
    other = with_field(signing, ALGORITHM, algorithm_identifier(Scheme.RSA_PKCS1_SHA512))
    assert unreadable(other) == "RFC 5280 §4.1.1.2"


def test_an_algorithm_that_nobody_should_use_is_refused(signing: Scene) -> None:
    """SHA-1 with RSA is no longer a signature."""
    sha1 = der.sequence(der.oid("1.2.840.113549.1.1.5"), der.null())
    tbs, _, signature = der.read(with_field(signing, ALGORITHM, sha1)).children()
    unreadable(der.sequence(tbs.raw, sha1, signature.raw))


def test_an_issuer_has_a_name(signing: Scene) -> None:
    """An empty issuer is refused (RFC 5280 §4.1.2.4)."""
    assert unreadable(with_field(signing, ISSUER, der.sequence())) == "RFC 5280 §4.1.2.4"


@pytest.mark.parametrize(
    "time",
    [
        b"\x17\x0b9912310000Z",
        b"\x17\x0d991231000000+",
        b"\x17\x0d99123100000Z0",
        b"\x17\x0d990231000000Z",
        b"\x17\x0d991231240000Z",
        b"\x17\x0d991231235960Z",
        b"\x17\x0d+91231000000Z",
        b"\x18\x0d991231000000Z",
        b"\x18\x1120991231000000.0Z"[:2] + b"20991231000000.0Z",
        b"\x18\x0f00001231000000Z",
        b"\x13\x0d991231000000Z",
        b"\x17\x00",
    ],
)
def test_a_time_is_written_in_one_way(time: bytes, signing: Scene) -> None:
    """To the second, in Z, and on a day that exists (RFC 5280 §4.1.2.5)."""
    unreadable(with_field(signing, VALIDITY, der.sequence(time, der.x509_time(NOW))))


@pytest.mark.parametrize(
    "moment", [datetime(1950, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), NOW + 40000 * DAY]
)
def test_both_forms_of_time_are_read(moment: datetime, signing: Scene) -> None:
    """UTCTime spans 1950 to 2049, GeneralizedTime the rest."""
    validity = der.sequence(der.x509_time(moment), der.generalized_time(moment))
    read = Certificate.parse(with_field(signing, VALIDITY, validity))
    assert (read.not_before, read.not_after) == (moment, moment)


def test_a_key_without_a_profile_is_refused(signing: Scene) -> None:
    """A key too small, of another curve, or nonsense."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    small = rsa.generate_private_key(65537, 1024)  # noqa: S505 -- too small on purpose
    for key in (small, ec.generate_private_key(ec.SECP521R1()), ed25519.Ed25519PrivateKey.generate()):
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        unreadable(with_field(signing, KEY, spki))
    unreadable(with_field(signing, KEY, der.sequence()))


def test_unique_identifiers_are_passed_over(signing: Scene) -> None:
    """They may stand there, and mean nothing (RFC 5280 §4.1.2.8)."""
    unique = [der.context(1, b"\x00\x01", constructed=False), der.context(2, b"\x00\x01", constructed=False)]
    data = resign(signing.certificate, signing.authority.key, lambda f: [*f[:EXTENSIONS], *unique, f[EXTENSIONS]])
    assert Certificate.parse(data).serial == 4711


def _twice(fields: list[bytes]) -> list[bytes]:
    extensions = der.read(der.read(fields[EXTENSIONS]).value).children()
    raw = [extension.raw for extension in extensions]
    return [*fields[:EXTENSIONS], der.explicit(3, der.sequence(*raw, raw[0]))]


def _said_not_critical(fields: list[bytes]) -> list[bytes]:
    extension = der.sequence(der.oid("1.2.3.4"), der.boolean(False), der.octet_string(b"\x05\x00"))
    return [*fields[:EXTENSIONS], der.explicit(3, der.sequence(extension))]


def _no_extension(fields: list[bytes]) -> list[bytes]:
    return [*fields[:EXTENSIONS], der.explicit(3, der.sequence())]


def _field_left_over(fields: list[bytes]) -> list[bytes]:
    return [*fields, der.null()]


def _more_in_an_extension(fields: list[bytes]) -> list[bytes]:
    extension = der.sequence(der.oid("1.2.3.4"), der.octet_string(b"\x05\x00"), der.null())
    return [*fields[:EXTENSIONS], der.explicit(3, der.sequence(extension))]


@pytest.mark.parametrize("change", [_twice, _said_not_critical, _no_extension, _field_left_over, _more_in_an_extension])
def test_extensions_are_a_list_without_repeats(change: Callable[[list[bytes]], list[bytes]], signing: Scene) -> None:
    """No extension twice, no default spelt out, no empty list, nothing left over."""
    unreadable(resign(signing.certificate, signing.authority.key, change))


def test_a_certificate_without_extensions_is_read(signing: Scene) -> None:
    """It has the form of a certificate, if nothing that JPKI asks for."""
    bare = Certificate.parse(resign(signing.certificate, signing.authority.key, lambda f: f[:EXTENSIONS]))
    assert (bare.extensions, bare.key_usage, bare.policies) == ({}, None, ())


POLICY = der.sequence(der.oid("1.2.3.4"))
POINT = der.explicit(0, der.context(0, der.context(2, b"a", constructed=False)))


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        (oids.KEY_USAGE, b""),
        (oids.KEY_USAGE, der.null()),
        (oids.KEY_USAGE, b"\x03\x00"),
        (oids.KEY_USAGE, b"\x03\x01\x01"),
        (oids.KEY_USAGE, b"\x03\x02\x08\x00"),
        (oids.KEY_USAGE, b"\x03\x02\x06\xe0"),
        (oids.KEY_USAGE, der.named_bits(0) + b"\x00"),
        (oids.CERTIFICATE_POLICIES, der.sequence()),
        (oids.CERTIFICATE_POLICIES, der.sequence(POLICY, POLICY)),
        (oids.CERTIFICATE_POLICIES, der.sequence(der.sequence(der.oid("1.2.3.4"), der.null()))),
        (oids.CERTIFICATE_POLICIES, POLICY),
        (oids.SUBJECT_ALT_NAME, der.sequence(der.context(0, b""))),
        (oids.SUBJECT_ALT_NAME, der.null()),
        (oids.SUBJECT_KEY_IDENTIFIER, der.null()),
        (oids.AUTHORITY_KEY_IDENTIFIER, der.sequence(der.context(2, b"\x01", constructed=False))),
        (oids.AUTHORITY_KEY_IDENTIFIER, der.sequence(der.context(1, b""), der.context(2, b"\x01", constructed=False))),
        (oids.AUTHORITY_KEY_IDENTIFIER, der.sequence(der.context(3, b"", constructed=False))),
        (oids.CRL_DISTRIBUTION_POINTS, der.sequence()),
        (oids.CRL_DISTRIBUTION_POINTS, der.sequence(der.sequence(der.explicit(0, der.context(0, b""))))),
        (oids.CRL_DISTRIBUTION_POINTS, der.sequence(der.sequence(der.explicit(0, der.context(1, b""))))),
        (oids.CRL_DISTRIBUTION_POINTS, der.sequence(der.sequence(POINT, der.null()))),
    ],
)
def test_a_known_extension_must_be_well_formed(oid: str, value: bytes, signing: Scene) -> None:
    """What the verifier relies on is read to the last bit; a half-right extension is no extension."""
    unreadable(with_extension(signing, oid, value))


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        (oids.EXTENDED_KEY_USAGE, der.sequence()),
        (oids.EXTENDED_KEY_USAGE, der.sequence(der.null())),
    ],
)
def test_an_extended_usage_must_be_well_formed(oid: str, value: bytes, authentication: Scene) -> None:
    """The same for the login certificate's usage."""
    unreadable(with_extension(authentication, oid, value))


@pytest.mark.parametrize(
    "value",
    [
        der.sequence(der.boolean(False)),
        der.sequence(der.integer(0)),
        der.sequence(der.boolean(True), der.integer(-1)),
        der.sequence(der.boolean(True), der.integer(0), der.null()),
        b"\x30\x03\x01\x01\x01",
    ],
)
def test_basic_constraints_must_be_well_formed(value: bytes, signing: Scene) -> None:
    """A default that is spelt out, a length without a CA, a "true" that is not FF."""
    stage = Scene(signing.authority, signing.authority.key, signing.authority.der, signing.trust)
    unreadable(with_extension(stage, oids.BASIC_CONSTRAINTS, value))


def test_a_path_length_is_read(signing: Scene) -> None:
    """JPKI's authorities give none, but one may stand there."""
    value = der.sequence(der.boolean(True), der.integer(0))
    stage = Scene(signing.authority, signing.authority.key, signing.authority.der, signing.trust)
    assert Certificate.parse(with_extension(stage, oids.BASIC_CONSTRAINTS, value)).is_ca


def test_partial_and_foreign_distribution_points_are_left_out(signing: Scene) -> None:
    """A point for some reasons only, without a name, or published by somebody else tells too little."""
    name = point(Kind.SIGNING)
    some = frozenset({x509.ReasonFlags.key_compromise})
    points = x509.CRLDistributionPoints(
        [
            x509.DistributionPoint([name], None, some, None),
            x509.DistributionPoint([name], None, None, [name]),
            x509.DistributionPoint(None, None, None, [name]),
        ]
    )
    certificate = signing.authority.issue(signing.key, extra=[(points, False)])
    assert Certificate.parse(certificate).distribution_points == ()


def test_a_signature_fills_whole_bytes(signing: Scene) -> None:
    """Unused bits in the signature are refused."""
    tbs, algorithm, signature = der.read(signing.certificate).children()
    for content in (b"", b"\x01" + signature.value[1:]):
        unreadable(der.sequence(tbs.raw, algorithm.raw, der.tlv(der.BIT_STRING, content)))
    unreadable(der.sequence(tbs.raw, algorithm.raw))


def test_its_repr_shows_nothing_of_the_person(signing: Scene) -> None:
    """A certificate may be logged by accident."""
    shown = repr(Certificate.parse(signing.certificate))
    assert "手形" not in shown
    assert "渋谷" not in shown
    assert ObjectIdentifier(oids.COMMON_NAME).dotted_string not in shown
