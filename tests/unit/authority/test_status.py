# SPDX-License-Identifier: Apache-2.0
"""Lists and OCSP answers: the right bytes, fresh, from the committed state, and no answer to what is not a question."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp as other_ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from tegata.authority import ocsp, status
from tegata.authority.errors import Broken, NotFound
from tegata.authority.model import Cause, Certificate, Issued
from tegata.authority.ocsp import Malformed
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, Scheme
from tegata.jpki import Carrier, Kind, assumptions, municipalities, names
from unit.authority.kit import NOW, SHIBUYA, TARO, World, reopened

SHA1, SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1"
NONCE = "1.3.6.1.5.5.7.48.1.2"


def cert_id(world: World, serial: int, kind: Kind = Kind.SIGNING, hash_oid: str = SHA1) -> bytes:
    """Return the CertID of a certificate."""
    name = "sha1" if hash_oid == SHA1 else "sha256"
    bits = world.authority.status._signers.ca(kind).key_bits
    return der.sequence(
        der.sequence(der.oid(hash_oid), der.null()),
        der.octet_string(ocsp.digest(name, names.ca_dn(kind))),
        der.octet_string(ocsp.digest(name, bits)),
        der.integer(serial),
    )


def request(*cert_ids: bytes, nonce: bytes | None = None, extensions: bytes | None = None) -> bytes:
    """Return an OCSPRequest."""
    if nonce is not None:
        extensions = der.sequence(der.sequence(der.oid(NONCE), der.octet_string(der.octet_string(nonce))))
    tail = b"" if extensions is None else der.explicit(2, extensions)
    return der.sequence(der.sequence(der.sequence(*(der.sequence(one) for one in cert_ids)), tail))


def ask(world: World, certificate: Certificate | None, nonce: bytes | None = None) -> other_ocsp.OCSPResponse:
    """Ask for a certificate's status, and read the answer with another library."""
    assert certificate is not None
    kind = certificate.kind
    answer = world.authority.status.answer(kind, request(cert_id(world, certificate.serial, kind), nonce=nonce))
    return checked(world, kind, answer.der)


def checked(world: World, kind: Kind, answer: bytes) -> other_ocsp.OCSPResponse:
    """Read an answer and check its responder and signature."""
    response = other_ocsp.load_der_ocsp_response(answer)
    (responder,) = response.certificates
    ca = x509.load_der_x509_certificate(world.authority.ca_certificate(kind))
    responder.verify_directly_issued_by(ca)
    assert list(responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.OCSP_SIGNING
    ]
    assert responder.extensions.get_extension_for_class(x509.OCSPNoCheck).critical is False
    assert responder.not_valid_before_utc <= world.clock.now() <= responder.not_valid_after_utc
    key = responder.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))
    return response


GOOD, REVOKED, UNKNOWN = (
    other_ocsp.OCSPCertStatus.GOOD,
    other_ocsp.OCSPCertStatus.REVOKED,
    other_ocsp.OCSPCertStatus.UNKNOWN,
)

# -- OCSP answers ------------------------------------------------------------------------------------------------------


def test_a_good_certificate_is_good(world: World) -> None:
    """For fifteen minutes from now."""
    response = ask(world, world.card().signing)
    assert response.certificate_status is GOOD
    assert response.this_update_utc == response.produced_at_utc == NOW
    assert response.next_update_utc == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (Cause.MOVED, x509.ReasonFlags.affiliation_changed),
        (Cause.DIED, x509.ReasonFlags.cessation_of_operation),
        (Cause.CARD_LOST, x509.ReasonFlags.certificate_hold),
    ],
)
def test_the_very_next_answer_knows(world: World, cause: Cause, reason: x509.ReasonFlags) -> None:
    """Nothing that was kept outlives a change."""
    card = world.card()
    assert ask(world, card.signing).certificate_status is GOOD
    world.clock.advance(minutes=1)
    world.authority.happen(world.event(cause))
    response = ask(world, card.signing)
    assert response.certificate_status is REVOKED
    assert response.revocation_reason is reason
    assert response.revocation_time_utc == NOW + timedelta(minutes=1)


def test_a_certificate_discarded_before_delivery_is_revoked_without_a_reason(world: World) -> None:
    """`unspecified` is said by saying nothing (RFC 5280 §5.3.1)."""
    card = world.card(deliver=False)
    world.authority.discarded(Carrier.CARD, card.request.request_id)
    response = ask(world, card.signing)
    assert response.certificate_status is REVOKED
    assert response.revocation_reason is None


@pytest.mark.parametrize("hash_oid", [SHA1, SHA256])
def test_both_hashes_name_a_certificate(world: World, hash_oid: str) -> None:
    """SHA-1 is what clients send; SHA-256 what they should."""
    card = world.card()
    question = request(cert_id(world, card.authentication.serial, Kind.AUTHENTICATION, hash_oid))
    answer = world.authority.status.answer(Kind.AUTHENTICATION, question)
    response = checked(world, Kind.AUTHENTICATION, answer.der)
    assert response.certificate_status is GOOD
    assert response.hash_algorithm.name == ("sha1" if hash_oid == SHA1 else "sha256")


@pytest.mark.parametrize("serial", [0, -1, 3, 1 << 63, 1 << 160])
def test_a_number_that_nobody_has_is_unknown(world: World, serial: int) -> None:
    """However large; it is never good."""
    world.card()
    answer = world.authority.status.answer(Kind.SIGNING, request(cert_id(world, serial)))
    assert checked(world, Kind.SIGNING, answer.der).certificate_status is UNKNOWN


def test_the_authoritys_own_numbers_are_good(world: World) -> None:
    """Its own certificate, and its responder's."""
    for serial in (1, 2):
        answer = world.authority.status.answer(Kind.SIGNING, request(cert_id(world, serial)))
        expected = GOOD if serial == 1 else None
        response = checked(world, Kind.SIGNING, answer.der)
        assert expected in (None, response.certificate_status)
    again = world.authority.status.answer(Kind.SIGNING, request(cert_id(world, 2)))
    assert checked(world, Kind.SIGNING, again.der).certificate_status is GOOD


def test_one_authority_does_not_answer_for_the_other(world: World) -> None:
    """The same number at the other address is another certificate, or none."""
    card = world.card()
    question = request(cert_id(world, card.authentication.serial, Kind.AUTHENTICATION))
    answer = world.authority.status.answer(Kind.SIGNING, question)
    assert checked(world, Kind.SIGNING, answer.der).certificate_status is UNKNOWN


def test_an_unknown_hash_names_nothing(world: World) -> None:
    """SHA-512 is not offered; the answer is `unknown`, not an error."""
    card = world.card()
    question = der.sequence(
        der.sequence(der.oid("2.16.840.1.101.3.4.2.3"), der.null()),
        der.octet_string(bytes(64)),
        der.octet_string(bytes(64)),
        der.integer(card.authentication.serial),
    )
    answer = world.authority.status.answer(Kind.AUTHENTICATION, request(question))
    assert b"\x82\x00" in answer.der


def test_several_questions_get_several_answers(world: World) -> None:
    """In their order."""
    card, other = world.card(), world.card(TARO)
    assert card.signing is not None
    assert other.signing is not None
    world.authority.happen(world.event(Cause.MOVED))
    ids = [cert_id(world, card.signing.serial), cert_id(world, 99), cert_id(world, other.signing.serial)]
    answer = world.authority.status.answer(Kind.SIGNING, request(*ids))
    response = other_ocsp.load_der_ocsp_response(answer.der)
    assert [one.certificate_status for one in response.responses] == [REVOKED, UNKNOWN, GOOD]


# -- nonces ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 16, 32, 128])
def test_a_nonce_comes_back(world: World, size: int) -> None:
    """One to 128 bytes (RFC 9654), and such an answer is kept by nobody."""
    nonce = bytes(range(size))
    card = world.card()
    response = ask(world, card.signing, nonce)
    assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    assert card.signing is not None
    question = request(cert_id(world, card.signing.serial), nonce=nonce)
    assert not world.authority.status.answer(Kind.SIGNING, question).may_be_kept


@pytest.mark.parametrize("size", [0, 129, 1000])
def test_a_nonce_out_of_bounds_is_malformed(world: World, size: int) -> None:
    """Never shortened, never ignored."""
    card = world.card()
    with pytest.raises(Malformed):
        ask(world, card.signing, bytes(size))


def test_a_nonce_that_is_no_octet_string_is_malformed(world: World) -> None:
    """RFC 8954 and 9654 say what it is."""
    bare = der.sequence(der.sequence(der.oid(NONCE), der.octet_string(b"bare bytes")))
    with pytest.raises(Malformed):
        world.authority.status.answer(Kind.SIGNING, request(cert_id(world, 1), extensions=bare))


# -- what is not a question --------------------------------------------------------------------------------------------


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    """Return one extension of a request."""
    return der.sequence(der.oid(oid), der.boolean(True) if critical else b"", der.octet_string(value))


def test_unknown_extensions_are_passed_over_unless_critical(world: World) -> None:
    """RFC 6960 §4.4."""
    harmless = der.sequence(extension("1.2.3.4", b"x"))
    critical = der.sequence(extension("1.2.3.4", b"x", critical=True))
    assert world.authority.status.answer(Kind.SIGNING, request(cert_id(world, 1), extensions=harmless)).may_be_kept
    with pytest.raises(Malformed):
        world.authority.status.answer(Kind.SIGNING, request(cert_id(world, 1), extensions=critical))


def test_a_critical_extension_of_a_single_question_is_refused(world: World) -> None:
    """For instance a service locator that we could not follow."""
    one = der.sequence(cert_id(world, 1), der.explicit(0, der.sequence(extension("1.2.3.4", b"x", critical=True))))
    with pytest.raises(Malformed):
        world.authority.status.answer(Kind.SIGNING, der.sequence(der.sequence(der.sequence(one))))


@pytest.mark.parametrize("count", [0, ocsp.MOST_QUESTIONS + 1])
def test_the_number_of_questions_is_bounded(world: World, count: int) -> None:
    """None is not a question, thousands are an attack."""
    with pytest.raises(Malformed):
        world.authority.status.answer(Kind.SIGNING, request(*[cert_id(world, 1)] * count))


def test_the_most_questions_fit(world: World) -> None:
    """With the longest hash and the longest numbers."""
    ids = [cert_id(world, (1 << 159) - 1, hash_oid=SHA256)] * ocsp.MOST_QUESTIONS
    answer = world.authority.status.answer(Kind.SIGNING, request(*ids, nonce=bytes(128)))
    assert len(list(other_ocsp.load_der_ocsp_response(answer.der).responses)) == ocsp.MOST_QUESTIONS


def test_other_forms_of_a_request(world: World) -> None:
    """An explicit version 1, a requestor's name and a signature are allowed; anything else is not."""
    listed = der.sequence(der.sequence(cert_id(world, 1)))
    version = der.explicit(0, der.integer(0))
    requestor = der.explicit(1, names.directory_name(names.ca_dn(Kind.SIGNING)))
    signature = der.explicit(0, der.sequence(der.null()))
    for good in (
        der.sequence(der.sequence(version, listed)),
        der.sequence(der.sequence(version, requestor, listed)),
        der.sequence(der.sequence(requestor, listed), signature),
    ):
        checked(world, Kind.SIGNING, world.authority.status.answer(Kind.SIGNING, good).der)
    for bad in (
        der.sequence(der.sequence(der.explicit(0, der.integer(1)), listed)),
        der.sequence(der.sequence(listed), der.null()),
        der.sequence(der.sequence(listed), signature, signature),
        der.sequence(der.sequence(listed, der.explicit(2, der.sequence()), der.null())),
        der.sequence(der.sequence(listed, listed)),
        der.sequence(der.sequence()),
        der.sequence(),
        b"",
        request(cert_id(world, 1)) + b"\x00",
        request(cert_id(world, 1))[:-1],
        bytes(ocsp.LONGEST_REQUEST + 1),
    ):
        with pytest.raises(Malformed):
            world.authority.status.answer(Kind.SIGNING, bad)


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_a_signature_is_kept_while_it_is_fresh(world: World) -> None:
    """Half its life; then it is made anew."""
    card = world.card()
    assert card.signing is not None
    question = request(cert_id(world, card.signing.serial))
    first = world.authority.status.answer(Kind.SIGNING, question)
    world.clock.advance(minutes=7)
    assert world.authority.status.answer(Kind.SIGNING, question) is first
    world.clock.advance(minutes=1)
    assert world.authority.status.answer(Kind.SIGNING, question).this_update == NOW + timedelta(minutes=8)


def test_a_clock_that_was_set_back_gets_a_fresh_answer(world: World) -> None:
    """An answer from the future would be refused."""
    card = world.card()
    ask(world, card.signing)
    world.clock.set(NOW - timedelta(days=3))
    assert ask(world, card.signing).this_update_utc == NOW - timedelta(days=3)


def test_memory_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for everything fills no more than so many places."""
    monkeypatch.setattr(status, "KEPT_ANSWERS", 3)
    for serial in range(10):
        world.authority.status.answer(Kind.SIGNING, request(cert_id(world, 1000 + serial)))
    assert len(world.authority.status._kept) == 3


def test_a_responder_is_renewed_before_its_end(world: World) -> None:
    """With a new key and the next serial number; and found again after a restart."""
    card = world.card()

    def responder() -> x509.Certificate:
        return ask(world, card.signing).certificates[0]

    first = responder()
    assert first.not_valid_after_utc - NOW < timedelta(days=31)
    reopened(world)
    assert responder() == first
    world.clock.advance(days=19)
    assert responder() == first
    world.clock.advance(days=3)
    second = responder()
    assert second.public_key() != first.public_key()
    assert second.serial_number > first.serial_number


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ec-p384"])
def test_a_responder_may_have_another_kind_of_key(
    world: World, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    """The genuine one is not known; whoever needs RSA sets it."""
    known = assumptions.value
    monkeypatch.setattr(
        assumptions, "value", lambda name: algorithm if name == "authority.ocsp_responder_key" else known(name)
    )
    answer = world.authority.status.answer(Kind.SIGNING, request(cert_id(world, 1)))
    response = other_ocsp.load_der_ocsp_response(answer.der)
    spki = (
        response.certificates[0]
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert signatures.algorithm_of(spki) == algorithm
    scheme = Scheme.default(Algorithm(algorithm))
    signatures.verify(spki, scheme, response.tbs_response_bytes, response.signature)


def test_an_authority_that_has_ended_answers_nothing(world: World) -> None:
    """Better no answer than one that nobody can verify."""
    card = world.card()
    world.clock.set(datetime(2040, 1, 1, tzinfo=UTC))
    with pytest.raises(Broken, match=r"authority\.ca_expired"):
        ask(world, card.signing)


# -- lists -------------------------------------------------------------------------------------------------------------


def read(world: World, kind: Kind = Kind.SIGNING, code: str = SHIBUYA) -> x509.CertificateRevocationList:
    """Read a list with another library, and check its signature."""
    signed = world.authority.status.revocation_list(kind, code)
    listed = x509.load_der_x509_crl(signed.der)
    ca = x509.load_der_x509_certificate(world.authority.ca_certificate(kind))
    assert listed.is_signature_valid(ca.public_key())  # type: ignore[arg-type]
    assert listed.issuer == ca.subject
    return listed


def number(listed: x509.CertificateRevocationList) -> int:
    """Return a list's CRLNumber."""
    return listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


@pytest.mark.parametrize("kind", list(Kind))
def test_a_list_is_for_the_certificates_that_name_it(world: World, kind: Kind) -> None:
    """Its scope is the distribution point of one municipality, user certificates only."""
    listed = read(world, kind)
    assert [(one.oid.dotted_string, one.critical) for one in listed.extensions] == [
        ("2.5.29.35", False),
        ("2.5.29.20", False),
        ("2.5.29.28", True),
    ]
    scope = listed.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    assert scope.full_name is not None
    point = scope.full_name[0]
    assert isinstance(point, x509.DirectoryName)
    assert point.value.public_bytes() == names.crldp_dn(kind, municipalities.by_code(SHIBUYA))
    assert (scope.only_contains_user_certs, scope.only_contains_ca_certs) == (True, False)
    assert len(listed) == 0
    assert b"revoked" not in listed.public_bytes(serialization.Encoding.DER)
    assert listed.next_update_utc == NOW + timedelta(days=1)


def test_the_authoritys_own_list(world: World) -> None:
    """Where its own certificate points; for authorities only."""
    listed = read(world, code="ca")
    scope = listed.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    assert scope.full_name is not None
    point = scope.full_name[0]
    assert isinstance(point, x509.DirectoryName)
    assert point.value.public_bytes() == names.ca_dn(Kind.SIGNING)
    assert (scope.only_contains_user_certs, scope.only_contains_ca_certs) == (False, True)


def test_a_revoked_certificate_is_on_its_own_list_only(world: World) -> None:
    """With reason and date; in its municipality and of its kind."""
    card = world.card()
    world.card(TARO, municipality="29201")
    world.authority.happen(world.event(Cause.MOVED))
    world.authority.happen(world.event(Cause.CARD_LOST, TARO))
    assert card.signing is not None
    (entry,) = read(world)
    assert entry.serial_number == card.signing.serial
    assert entry.revocation_date_utc == NOW
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.affiliation_changed
    assert len(read(world, Kind.AUTHENTICATION)) == 0
    (held,) = read(world, Kind.AUTHENTICATION, "29201")
    assert held.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.certificate_hold


def test_a_list_shows_no_reason_for_unspecified(world: World) -> None:
    """RFC 5280 §5.3.1."""
    card = world.card(deliver=False)
    world.authority.discarded(Carrier.CARD, card.request.request_id)
    (entry,) = read(world)
    assert len(entry.extensions) == 0


def test_a_list_is_signed_anew_only_when_it_must(world: World) -> None:
    """On a change at once, else once a half day; numbers only rise, also over a restart."""
    world.card()
    first = world.authority.status.revocation_list(Kind.SIGNING, SHIBUYA)
    world.clock.advance(hours=11)
    assert world.authority.status.revocation_list(Kind.SIGNING, SHIBUYA) == first
    world.authority.happen(world.event(Cause.MOVED))
    assert (number(read(world)), len(read(world))) == (2, 1)
    assert number(read(reopened(world))) == 2
    world.clock.advance(hours=12)
    assert number(read(world)) == 3
    world.clock.set(NOW - timedelta(days=1))
    assert number(read(world)) == 4


def test_a_change_elsewhere_leaves_a_list_alone(world: World) -> None:
    """Each municipality's list has its own revision."""
    world.card(TARO, municipality="29201")
    first = world.authority.status.revocation_list(Kind.SIGNING, SHIBUYA)
    world.authority.happen(world.event(Cause.MOVED, TARO))
    assert world.authority.status.revocation_list(Kind.SIGNING, SHIBUYA) == first


def test_an_expired_certificate_leaves_the_list_after_one_more(world: World) -> None:
    """It appears on one list beyond its end (RFC 5280 §3.3), then no more."""
    card = world.card()
    world.authority.happen(world.event(Cause.MOVED))
    world.clock.set(card.authentication.not_after + timedelta(hours=1))
    assert len(read(world)) == 1
    world.clock.advance(hours=24)
    assert len(read(world)) == 0


@pytest.mark.parametrize("code", ["99999", "", "CA", "13113.crl"])
def test_a_list_of_nowhere_is_not_found(world: World, code: str) -> None:
    """Only municipalities of this country, and `ca`."""
    with pytest.raises(NotFound, match=r"authority\.unknown_list"):
        world.authority.status.revocation_list(Kind.SIGNING, code)


def test_what_can_be_asked_for_is_listed(world: World) -> None:
    """Two for every municipality, and two of the authorities."""
    read(world)
    found = list(world.authority.status.lists())
    assert len(found) == 2 * (len(municipalities.table()) + 1)
    assert [(kind, code) for kind, code, _, signed in found if signed] == [(Kind.SIGNING, SHIBUYA)]


def test_a_pair_is_good_on_every_path(world: World) -> None:
    """Card and phone, both kinds."""

    def everything(issued: Issued) -> list[Certificate | None]:
        return [issued.signing, issued.authentication]

    card = world.card()
    for one in everything(card) + everything(world.phone(card)):
        assert ask(world, one).certificate_status is GOOD
