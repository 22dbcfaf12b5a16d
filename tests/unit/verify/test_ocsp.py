# SPDX-License-Identifier: Apache-2.0
"""OCSP: requests that others understand, and responses that are believed only when everything fits."""

from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ObjectIdentifier

from tegata.codecs import der
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.crypto.signatures import algorithm_identifier
from tegata.jpki import Kind, oids
from tegata.verify import Policy, Rejected, Status, StatusUnavailable, prepare_status
from unit.verify.kit import DAY, MINUTE, NOW, Authority, Scene, usage

NONCE = bytes(range(32))
BY_NAME = ocsp.OCSPResponderEncoding.NAME


@pytest.fixture(scope="module")
def responder_key() -> SoftwareKey:
    """Return the key of a delegated responder; elliptic, as responders are."""
    return SoftwareKey.generate(Algorithm.EC_P256)


def unusable(stage: Scene, response: bytes, nonce: bytes | None = None, policy: Policy | None = None) -> str:
    """Return the part for which a response is refused."""
    with pytest.raises(StatusUnavailable) as caught:
        stage.judge(status=Status(ocsp=response, nonce=nonce), policy=policy)
    assert caught.value.reason == "verify.status_invalid"
    assert caught.value.facts["source"] == "ocsp"
    assert caught.value.checks[4].outcome == "failed"
    return str(caught.value.facts["part"])


def test_a_request_names_issuer_and_serial(signing: Scene) -> None:
    """The other library reads what we ask, with and without a nonce."""
    request = prepare_status(signing.certificate, Kind.SIGNING, signing.trust, NONCE)
    read = ocsp.load_der_ocsp_request(request.ocsp_request_der)
    assert read.serial_number == 4711
    theirs = ocsp.OCSPRequestBuilder().add_certificate(
        x509.load_der_x509_certificate(signing.certificate),
        signing.authority.certificate,
        hashes.SHA1(),  # noqa: S303 -- names the issuer
    )
    assert request.ocsp_request_der == theirs.add_extension(x509.OCSPNonce(NONCE), False).build().public_bytes(
        Encoding.DER
    )
    assert read.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == NONCE
    plain = prepare_status(signing.certificate, Kind.SIGNING, signing.trust)
    assert len(ocsp.load_der_ocsp_request(plain.ocsp_request_der).extensions) == 0
    assert plain.nonce is None


@pytest.mark.parametrize("length", [0, 129])
def test_a_nonce_has_1_to_128_bytes(length: int, signing: Scene) -> None:
    """A nonce of another length is the caller's mistake (RFC 9654 §2.1)."""
    with pytest.raises(ValueError, match="nonce"):
        prepare_status(signing.certificate, Kind.SIGNING, signing.trust, bytes(length))


@pytest.mark.parametrize("length", [1, 32, 128])
def test_a_nonce_that_comes_back_is_accepted(length: int, signing: Scene) -> None:
    """Any allowed length."""
    nonce = bytes(range(length))
    response = signing.authority.respond(signing.certificate, nonce=nonce)
    assert signing.judge(status=Status(ocsp=response, nonce=nonce)).status_source == "ocsp"


def test_a_nonce_that_was_sent_must_come_back(signing: Scene) -> None:
    """A response without it, or with another one, may be an old one played again."""
    assert unusable(signing, signing.authority.respond(signing.certificate), NONCE) == "nonce"
    other = signing.authority.respond(signing.certificate, nonce=NONCE[::-1])
    assert unusable(signing, other, NONCE) == "nonce"


def test_a_nonce_that_was_not_sent_does_not_matter(signing: Scene) -> None:
    """Somebody else's question may be answered in advance."""
    response = signing.authority.respond(signing.certificate, nonce=NONCE)
    assert signing.judge(status=Status(ocsp=response)).status_source == "ocsp"


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384()])  # noqa: S303
@pytest.mark.parametrize("encoding", list(ocsp.OCSPResponderEncoding))
def test_the_issuer_may_answer_itself(
    algorithm: hashes.HashAlgorithm, encoding: ocsp.OCSPResponderEncoding, signing: Scene, next_card: Scene
) -> None:
    """Named by name or by key, with any hash in the CertID."""
    for stage in (signing, next_card):
        response = stage.authority.respond(stage.certificate, algorithm=algorithm, encoding=encoding)
        assert stage.judge(status=Status(ocsp=response)).status_source == "ocsp"


@pytest.mark.parametrize("encoding", list(ocsp.OCSPResponderEncoding))
def test_a_responder_certified_by_the_issuer_may_answer(
    encoding: ocsp.OCSPResponderEncoding, signing: Scene, responder_key: SoftwareKey
) -> None:
    """Its certificate travels with the response, among others that do not matter."""
    certificate = signing.authority.responder(responder_key)
    response = signing.authority.respond(
        signing.certificate,
        by=(certificate, responder_key),
        encoding=encoding,
        carry=[signing.authority.certificate, certificate],
    )
    assert signing.judge(status=Status(ocsp=response)).status_source == "ocsp"


SERVER = x509.ExtendedKeyUsage([ObjectIdentifier("1.3.6.1.5.5.7.3.1")])
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("responder extKeyUsage", {"without": [x509.ExtendedKeyUsage]}),
        ("responder extKeyUsage", {"extra": [(SERVER, False)]}),
        ("responder nocheck", {"without": [x509.OCSPNoCheck]}),
        ("responder keyUsage", {"extra": [(usage("key_encipherment"), True)]}),
        ("responder basicConstraints", {"extra": [(x509.BasicConstraints(True, None), True)]}),
        ("responder critical extension", {"extra": [(UNKNOWN, True)]}),
        ("responder validity", {"not_after": NOW - MINUTE}),
        (
            "responder authority key",
            {"extra": [(x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None), False)]},
        ),
    ],
)
def test_a_responder_must_be_authorised(
    part: str, changes: dict[str, object], signing: Scene, responder_key: SoftwareKey
) -> None:
    """Certified for OCSP, now, and by nobody's leave but the issuer's (RFC 6960 §4.2.2.2)."""
    certificate = signing.authority.responder(responder_key, **changes)  # type: ignore[arg-type]
    response = signing.authority.respond(signing.certificate, by=(certificate, responder_key))
    assert unusable(signing, response) == part


def test_a_responder_without_restrictions_on_its_key_may_answer(signing: Scene, responder_key: SoftwareKey) -> None:
    """keyUsage and authorityKeyIdentifier may be absent; the extended usage decides."""
    certificate = signing.authority.responder(responder_key, without=[x509.KeyUsage, x509.AuthorityKeyIdentifier])
    response = signing.authority.respond(signing.certificate, by=(certificate, responder_key))
    assert signing.judge(status=Status(ocsp=response)).status_source == "ocsp"


def test_a_verifier_may_do_without_nocheck(signing: Scene, responder_key: SoftwareKey) -> None:
    """A policy can trust a responder for the life of its certificate without being told to."""
    certificate = signing.authority.responder(responder_key, without=[x509.OCSPNoCheck])
    response = signing.authority.respond(signing.certificate, by=(certificate, responder_key))
    policy = Policy(responder_needs_no_check=False)
    assert signing.judge(status=Status(ocsp=response), policy=policy).status_source == "ocsp"


def test_a_responder_of_another_authority_may_not_answer(
    signing: Scene, authentication: Scene, responder_key: SoftwareKey
) -> None:
    """Not even one that the same operator runs, for the other kind of certificate."""
    certificate = authentication.authority.responder(responder_key)
    response = signing.authority.respond(signing.certificate, by=(certificate, responder_key))
    assert unusable(signing, response) == "responder issuer"


def test_a_forged_responder_may_not_answer(
    signing: Scene, rsa_keys: Sequence[SoftwareKey], responder_key: SoftwareKey
) -> None:
    """The issuer's name on the responder's certificate must be backed by the issuer's key."""
    impostor = Authority(Kind.SIGNING, rsa_keys[4])
    impostor.key_id = signing.authority.key_id
    forged = impostor.responder(responder_key)
    response = signing.authority.respond(signing.certificate, by=(forged, responder_key))
    assert unusable(signing, response) == "responder signature"


def test_the_holder_cannot_vouch_for_himself(signing: Scene) -> None:
    """A certificate of the same authority, but not for OCSP, signs no status."""
    own = x509.load_der_x509_certificate(signing.certificate)
    response = signing.authority.respond(signing.certificate, by=(own, signing.key))
    assert unusable(signing, response) == "responder extKeyUsage"


def test_an_authorised_responder_is_found_behind_others_of_its_name(signing: Scene, responder_key: SoftwareKey) -> None:
    """A responder may send its previous certificate along; one that is good suffices."""
    expired = signing.authority.responder(responder_key, not_after=NOW - MINUTE)
    good = signing.authority.responder(responder_key)
    response = signing.authority.respond(signing.certificate, by=(good, responder_key), carry=[expired, good])
    assert signing.judge(status=Status(ocsp=response)).status_source == "ocsp"


def test_a_response_signed_by_nobody_it_names_is_refused(
    signing: Scene, rsa_keys: Sequence[SoftwareKey], responder_key: SoftwareKey
) -> None:
    """No certificate carried, a wrong key, or a signature that was tampered with."""
    certificate = signing.authority.responder(responder_key)
    alone = signing.authority.respond(signing.certificate, by=(certificate, responder_key), carry=[])
    assert unusable(signing, alone) == "signature"
    namesake = Authority(Kind.SIGNING, rsa_keys[4])
    issuer = signing.authority.certificate
    wrong_key = namesake.respond(signing.certificate, issuer=issuer, encoding=BY_NAME)
    assert unusable(signing, wrong_key) == "signature"
    good = signing.authority.respond(signing.certificate)
    assert unusable(signing, good[:-1] + bytes([good[-1] ^ 1])) == "signature"


def test_a_certificate_carried_along_that_cannot_be_read_is_passed_over(signing: Scene) -> None:
    """Nobody's word rests on it."""
    response = rebuilt(signing, signing.authority.respond(signing.certificate), carried=[der.sequence()])
    assert signing.judge(status=Status(ocsp=response)).status_source == "ocsp"


def test_a_scheme_that_the_verifier_does_not_accept_is_refused(signing: Scene, responder_key: SoftwareKey) -> None:
    """The responder's signature and its certificate are both held to the policy."""
    certificate = signing.authority.responder(responder_key)
    response = signing.authority.respond(signing.certificate, by=(certificate, responder_key))
    rsa_only = Policy(schemes=frozenset({Scheme.RSA_PKCS1_SHA256}))
    assert unusable(signing, response, policy=rsa_only) == "signatureAlgorithm"


def test_a_response_about_another_certificate_is_refused(signing: Scene, authentication: Scene) -> None:
    """Serial, issuer's name and issuer's key must all be the certificate's."""
    other = signing.authority.issue(signing.key, serial=4712)
    assert unusable(signing, signing.authority.respond(other)) == "certID"
    issuer = authentication.authority.certificate
    assert unusable(signing, signing.authority.respond(signing.certificate, issuer=issuer)) == "certID"
    renewed = Authority(Kind.SIGNING, authentication.authority.key)  # same name, other key
    response = signing.authority.respond(signing.certificate, issuer=renewed.certificate)
    assert unusable(signing, response) == "certID"
    odd = signing.authority.respond(signing.certificate, algorithm=hashes.SHA512())
    assert unusable(signing, odd) == "certID"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (None, "verify.revoked.unspecified"),
        (x509.ReasonFlags.unspecified, "verify.revoked.unspecified"),
        (x509.ReasonFlags.key_compromise, "verify.revoked.key_compromise"),
        (x509.ReasonFlags.ca_compromise, "verify.revoked.ca_compromise"),
        (x509.ReasonFlags.affiliation_changed, "verify.revoked.affiliation_changed"),
        (x509.ReasonFlags.superseded, "verify.revoked.superseded"),
        (x509.ReasonFlags.cessation_of_operation, "verify.revoked.cessation_of_operation"),
        (x509.ReasonFlags.certificate_hold, "verify.held"),
        (x509.ReasonFlags.remove_from_crl, "verify.revoked.unspecified"),
        (x509.ReasonFlags.privilege_withdrawn, "verify.revoked.unspecified"),
        (x509.ReasonFlags.aa_compromise, "verify.revoked.unspecified"),
    ],
)
def test_every_reason_of_revocation_has_its_own_words(
    reason: x509.ReasonFlags | None, expected: str, signing: Scene
) -> None:
    """The refusal says why and since when, so that the holder knows what to do."""
    response = signing.authority.respond(signing.certificate, status=ocsp.OCSPCertStatus.REVOKED, reason=reason)
    with pytest.raises(Rejected) as caught:
        signing.judge(status=Status(ocsp=response))
    assert caught.value.reason == expected
    assert caught.value.facts == {"revoked_at": "2026-11-23T03:00:00Z"}
    assert "2026-11-23" in caught.value.text("ja").what


def test_unknown_is_not_good(signing: Scene) -> None:
    """A responder that does not know the certificate does not vouch for it."""
    response = signing.authority.respond(signing.certificate, status=ocsp.OCSPCertStatus.UNKNOWN)
    with pytest.raises(StatusUnavailable, match=r"verify\.status_unknown"):
        signing.judge(status=Status(ocsp=response))


@pytest.mark.parametrize("status", [s for s in ocsp.OCSPResponseStatus if s.value])
def test_a_responder_that_declines_is_quoted(status: ocsp.OCSPResponseStatus, signing: Scene) -> None:
    """tryLater, unauthorized and the rest are no status."""
    response = ocsp.OCSPResponseBuilder.build_unsuccessful(status)
    with pytest.raises(StatusUnavailable) as caught:
        signing.judge(status=Status(ocsp=response.public_bytes(Encoding.DER)))
    assert caught.value.reason == "verify.status_refused"
    assert caught.value.facts == {"response_status": status.value}


@pytest.mark.parametrize(
    ("this_update", "next_update"),
    [
        (NOW + 2 * MINUTE, NOW + 15 * MINUTE),
        (NOW - 61 * MINUTE, NOW + DAY),
        (NOW - 61 * MINUTE, None),
        (NOW - 20 * MINUTE, NOW - 5 * MINUTE),
    ],
    ids=["from the future", "too old", "too old, open-ended", "over"],
)
def test_a_status_speaks_of_now(this_update: object, next_update: object, signing: Scene) -> None:
    """Neither of tomorrow nor of this morning."""
    response = signing.authority.respond(
        signing.certificate,
        this_update=this_update,  # type: ignore[arg-type]
        next_update=next_update,  # type: ignore[arg-type]
    )
    with pytest.raises(StatusUnavailable) as caught:
        signing.judge(status=Status(ocsp=response))
    assert caught.value.reason == "verify.status_stale"
    assert caught.value.facts["source"] == "ocsp"


def test_clocks_may_differ_a_little(signing: Scene) -> None:
    """A responder may be some seconds ahead; the ends of the period belong to it."""
    for this_update, next_update in ((NOW + MINUTE, None), (NOW - 60 * MINUTE, NOW)):
        response = signing.authority.respond(signing.certificate, this_update=this_update, next_update=next_update)
        assert signing.judge(status=Status(ocsp=response)).this_update == this_update


def test_a_revocation_does_not_grow_old(signing: Scene) -> None:
    """Revoked and held are final in JPKI: an outdated answer that tells of it still does."""
    response = signing.authority.respond(
        signing.certificate,
        status=ocsp.OCSPCertStatus.REVOKED,
        reason=x509.ReasonFlags.certificate_hold,
        this_update=NOW - 3 * DAY,
        next_update=NOW - 2 * DAY,
        revoked_at=NOW - 4 * DAY,
    )
    with pytest.raises(Rejected, match=r"verify\.held"):
        signing.judge(status=Status(ocsp=response))


# What no library would write, put together by hand.

GOOD = der.context(0, b"", constructed=False)


def rebuilt(
    stage: Scene,
    response: bytes,
    *,
    single: bytes | None = None,
    times: int = 1,
    carried: Sequence[bytes] = (),
    extensions: bytes = b"",
    responder: bytes | None = None,
    produced: bytes | None = None,
) -> bytes:
    """Return a response signed by the authority with parts of its content exchanged."""
    _, wrapped = der.read(response).children()
    _, content = der.read(wrapped.value).children()
    name, produced_at, singles = der.read(content.value).children()[0].children()[:3]
    tbs = der.sequence(
        responder or name.raw,
        produced or produced_at.raw,
        der.sequence(*[single or singles.children()[0].raw] * times),
        extensions,
    )
    scheme = Scheme.default(stage.authority.key.algorithm)
    certificates = der.explicit(0, der.sequence(*carried)) if carried else b""
    basic = der.sequence(
        tbs, algorithm_identifier(scheme), der.bit_string(stage.authority.key.sign(scheme, tbs)), certificates
    )
    return envelope(basic)


def envelope(basic: bytes, oid: str = oids.OCSP_BASIC) -> bytes:
    """Wrap a BasicOCSPResponse."""
    return der.sequence(der.enumerated(0), der.explicit(0, der.sequence(der.oid(oid), der.octet_string(basic))))


def single(stage: Scene, *, status: bytes = GOOD, after: bytes = b"", cert_id: bytes | None = None) -> bytes:
    """Write one SingleResponse by hand."""
    request = der.read(stage.ask()).children()[0].children()[0].children()[0].children()[0]
    return der.sequence(cert_id or request.raw, status, der.generalized_time(NOW), after)


def test_handwritten_responses_are_as_good_as_others(signing: Scene) -> None:
    """The kit below writes what is accepted, so that what it gets wrong on purpose is what is refused."""
    response = rebuilt(signing, signing.authority.respond(signing.certificate), single=single(signing))
    assert signing.judge(status=Status(ocsp=response)).this_update == NOW


def test_two_statements_about_one_certificate_are_refused(signing: Scene) -> None:
    """Which of them would count?"""
    response = rebuilt(signing, signing.authority.respond(signing.certificate), times=2)
    assert unusable(signing, response) == "certID"
    none = rebuilt(signing, signing.authority.respond(signing.certificate), times=0)
    assert unusable(signing, none) == "certID"


def extension(oid: str, critical: bool, value: bytes = b"\x05\x00") -> bytes:
    """Write an Extensions with one member."""
    return der.sequence(der.sequence(der.oid(oid), der.boolean(True) if critical else b"", der.octet_string(value)))


def test_a_critical_extension_that_is_not_understood_is_refused(signing: Scene) -> None:
    """In the response and in the single statement; the same one not critical is passed over."""
    good = signing.authority.respond(signing.certificate)
    for critical in (True, False):
        whole = rebuilt(signing, good, extensions=der.explicit(1, extension("1.2.3.4", critical)))
        after = der.explicit(1, extension("1.2.3.4", critical))
        inner = rebuilt(signing, good, single=single(signing, after=after))
        for response in (whole, inner):
            if critical:
                assert unusable(signing, response) == "form"
            else:
                assert signing.judge(status=Status(ocsp=response)).status_source == "ocsp"


@pytest.mark.parametrize("length", [0, 129])
def test_a_nonce_of_a_forbidden_length_matches_nothing(length: int, signing: Scene) -> None:
    """Even a caller who expects one does not get it accepted as another."""
    value = der.octet_string(bytes(length))
    extensions = der.explicit(1, extension(oids.OCSP_NONCE, False, value))
    response = rebuilt(signing, signing.authority.respond(signing.certificate), extensions=extensions)
    assert unusable(signing, response, NONCE) == "nonce"


def test_what_is_malformed_is_refused(signing: Scene) -> None:
    """Signed by the authority, and still not what the standard writes."""
    good = signing.authority.respond(signing.certificate)
    revoked = der.generalized_time(NOW)
    reason = der.explicit(0, der.enumerated(7))
    cases = [
        single(signing, status=der.context(3, b"", constructed=False)),
        single(signing, status=der.context(0, b"\x00", constructed=False)),
        single(signing, status=der.context(1, revoked + reason)),
        single(signing, status=der.context(1, revoked + der.explicit(0, der.integer(1)))),
        single(signing, status=der.context(1, revoked + der.null())),
        single(signing, status=der.context(1, der.utc_time(NOW))),
        single(signing, after=der.explicit(0, der.generalized_time(NOW - DAY))),
        single(signing, after=der.explicit(0, der.utc_time(NOW))),
        single(signing, after=der.null()),
        single(signing, cert_id=der.sequence()),
        single(signing, cert_id=der.sequence(der.sequence(der.oid("1.3.14.3.2.26"), der.integer(1)))),
    ]
    for case in cases:
        assert unusable(signing, rebuilt(signing, good, single=case)) == "form"
    for bad in (der.null(), der.context(2, der.null()), der.context(3, b"")):
        assert unusable(signing, rebuilt(signing, good, responder=bad)) == "form"
    fraction = b"\x18\x1320261124030000.000Z"
    assert unusable(signing, rebuilt(signing, good, produced=fraction)) == "form"
    assert unusable(signing, rebuilt(signing, good, extensions=der.null())) == "form"


def test_a_response_of_another_form_is_refused(signing: Scene) -> None:
    """No content, another type, too much of it, or simply too large."""
    good = signing.authority.respond(signing.certificate)
    for response in (
        b"",
        der.sequence(der.enumerated(0)),
        der.sequence(der.enumerated(0), der.null()),
        envelope(b"", "1.2.3.4"),
        envelope(b""),
        good + b"\x00",
        good[:-1],
    ):
        assert unusable(signing, response) == "form"
    assert unusable(signing, bytes((64 << 10) + 1)) == "size"
