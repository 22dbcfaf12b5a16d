# SPDX-License-Identifier: Apache-2.0
"""What to fetch for a certificate, and what several sources mean together."""

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from tegata.jpki import Kind, municipalities
from tegata.verify import Rejected, Status, StatusUnavailable, TrustStore, prepare_status
from unit.verify.kit import DAY, MINUTE, NOW, Scene, point

STALE = {"this_update": NOW - 2 * 60 * MINUTE, "next_update": NOW - 60 * MINUTE}


def test_the_request_says_where_the_list_is(signing: Scene, authentication: Scene) -> None:
    """The distribution point as the certificate writes it, and the municipality it stands for."""
    for stage, kind in ((signing, Kind.SIGNING), (authentication, Kind.AUTHENTICATION)):
        request = prepare_status(stage.certificate, kind, stage.trust)
        assert request.kind is kind
        assert request.crl_distribution_point is not None
        assert point(kind).value.public_bytes() in request.crl_distribution_point
        assert request.municipality_code == "13113"
        assert municipalities.by_code("13113").name_en == "Shibuya-ku"


def test_a_list_outside_this_country_has_no_municipality(signing: Scene) -> None:
    """A point that we cannot place, or none, leaves the code open."""
    elsewhere = point(Kind.SIGNING, ("Atlantis-ken", "Poseidon-shi CRLDP"))
    there = x509.CRLDistributionPoints([x509.DistributionPoint([elsewhere], None, None, None)])
    certificate = signing.authority.issue(signing.key, extra=[(there, False)])
    request = prepare_status(certificate, Kind.SIGNING, signing.trust)
    assert request.crl_distribution_point is not None
    assert request.municipality_code is None
    certificate = signing.authority.issue(signing.key, without=[x509.CRLDistributionPoints])
    request = prepare_status(certificate, Kind.SIGNING, signing.trust)
    assert (request.crl_distribution_point, request.municipality_code) == (None, None)


def test_nobody_is_asked_about_the_wrong_certificate(signing: Scene, authentication: Scene) -> None:
    """A wrong kind, a stranger or junk is refused before anything is fetched."""
    trust = TrustStore.of({Kind.SIGNING: [signing.authority.der], Kind.AUTHENTICATION: [authentication.authority.der]})
    with pytest.raises(Rejected, match=r"verify\.wrong_kind"):
        prepare_status(signing.certificate, Kind.AUTHENTICATION, trust)
    with pytest.raises(Rejected, match=r"verify\.untrusted"):
        prepare_status(signing.certificate, Kind.SIGNING, authentication.trust)
    with pytest.raises(Rejected, match=r"verify\.malformed") as caught:
        prepare_status(b"junk", Kind.SIGNING, trust)
    assert [check.outcome for check in caught.value.checks] == ["failed", *["not_reached"] * 4]


def test_one_usable_source_suffices(signing: Scene) -> None:
    """A list covers for a responder that is stale or silent, and a response for an old list."""
    stale = signing.authority.respond(signing.certificate, **STALE)  # type: ignore[arg-type]
    data = signing.authority.revocation_list()
    for response in (stale, b"", signing.authority.respond(signing.certificate, nonce=b"other")):
        verdict = signing.judge(status=Status(ocsp=response, crl=data, nonce=b"mine"))
        assert verdict.status_source == "crl"
    old = signing.authority.revocation_list(this_update=NOW - 9 * DAY, next_update=NOW - 8 * DAY)
    fresh = signing.authority.respond(signing.certificate)
    assert signing.judge(status=Status(ocsp=fresh, crl=old)).status_source == "ocsp"
    assert signing.judge(status=Status(ocsp=fresh, crl=data)).status_source == "ocsp"


def test_a_revocation_in_either_source_is_final(signing: Scene) -> None:
    """Whoever says "good" beside it does not help."""
    good = signing.authority.respond(signing.certificate)
    listed = signing.authority.revocation_list({4711: x509.ReasonFlags.superseded})
    with pytest.raises(Rejected, match=r"verify\.revoked\.superseded"):
        signing.judge(status=Status(ocsp=good, crl=listed))
    revoked = signing.authority.respond(
        signing.certificate,
        status=ocsp.OCSPCertStatus.REVOKED,
        reason=x509.ReasonFlags.certificate_hold,
        **STALE,  # type: ignore[arg-type]
    )
    with pytest.raises(Rejected, match=r"verify\.held"):
        signing.judge(status=Status(ocsp=revoked, crl=signing.authority.revocation_list()))


def test_no_list_vouches_for_a_certificate_that_its_issuer_does_not_know(signing: Scene) -> None:
    """A list names the revoked, not the issued: "unknown" is stronger."""
    unknown = signing.authority.respond(signing.certificate, status=ocsp.OCSPCertStatus.UNKNOWN)
    with pytest.raises(StatusUnavailable, match=r"verify\.status_unknown"):
        signing.judge(status=Status(ocsp=unknown, crl=signing.authority.revocation_list()))


def test_when_nothing_is_usable_the_first_trouble_is_told(signing: Scene) -> None:
    """The response is asked first, so its trouble comes first."""
    stale = signing.authority.respond(signing.certificate, **STALE)  # type: ignore[arg-type]
    with pytest.raises(StatusUnavailable) as caught:
        signing.judge(status=Status(ocsp=stale, crl=b""))
    assert (caught.value.reason, caught.value.facts["source"]) == ("verify.status_stale", "ocsp")


def test_reprs_tell_nothing(signing: Scene) -> None:
    """Neither a request nor a status shows whose it is."""
    request = prepare_status(signing.certificate, Kind.SIGNING, signing.trust, b"secret-nonce")
    assert repr(request) == "StatusRequest(kind=<Kind.SIGNING: 'signing'>)"
    assert repr(Status(ocsp=b"response", crl=b"list", nonce=b"nonce")) == "Status()"
