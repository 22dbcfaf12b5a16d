# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: authentic, complete for the certificate's distribution point, current; or not used at all."""

from collections.abc import Callable, Sequence

import pytest
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from tegata.codecs import der
from tegata.crypto.keys import Scheme, SoftwareKey
from tegata.jpki import Kind, oids
from tegata.verify import Policy, Rejected, Status, StatusUnavailable
from unit.verify.kit import DAY, MINUTE, NOW, SHIBUYA, Authority, Extra, Scene, resign, scope

YOKOHAMA = ("Kanagawa-ken", "Yokohama-shi Naka-ku CRLDP")
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")


def unusable(stage: Scene, data: bytes, certificate: bytes | None = None) -> str:
    """Return the part for which a list is refused."""
    with pytest.raises(StatusUnavailable) as caught:
        stage.judge(certificate, Status(crl=data))
    assert caught.value.reason == "verify.status_invalid"
    assert caught.value.facts["source"] == "crl"
    return str(caught.value.facts["part"])


@pytest.mark.parametrize("name", ["signing", "authentication", "next_card"])
@pytest.mark.parametrize("revoked", [None, {1: None}, {4710: None, 4712: x509.ReasonFlags.superseded}])
def test_who_is_not_listed_is_good(
    name: str, revoked: dict[int, x509.ReasonFlags | None] | None, request: pytest.FixtureRequest
) -> None:
    """An empty list, and one full of others."""
    stage: Scene = request.getfixturevalue(name)
    verdict = stage.judge(status=Status(crl=stage.authority.revocation_list(revoked)))
    assert (verdict.status_source, verdict.this_update) == ("crl", NOW - 60 * MINUTE)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (None, "verify.revoked.unspecified"),
        (x509.ReasonFlags.key_compromise, "verify.revoked.key_compromise"),
        (x509.ReasonFlags.ca_compromise, "verify.revoked.ca_compromise"),
        (x509.ReasonFlags.affiliation_changed, "verify.revoked.affiliation_changed"),
        (x509.ReasonFlags.superseded, "verify.revoked.superseded"),
        (x509.ReasonFlags.cessation_of_operation, "verify.revoked.cessation_of_operation"),
        (x509.ReasonFlags.certificate_hold, "verify.held"),
        (x509.ReasonFlags.remove_from_crl, "verify.revoked.unspecified"),
    ],
)
def test_who_is_listed_is_refused_with_the_reason(
    reason: x509.ReasonFlags | None, expected: str, signing: Scene
) -> None:
    """First, middle or last in the list; a hold is never lifted, so an entry that would lift one is an entry."""
    for others in ((), (1, 2), (9000,)):
        data = signing.authority.revocation_list(dict.fromkeys(others) | {4711: reason} | {9001: None})
        with pytest.raises(Rejected) as caught:
            signing.judge(status=Status(crl=data))
        assert (caught.value.reason, caught.value.facts) == (expected, {"revoked_at": "2026-11-23T03:00:00Z"})


def test_a_list_must_be_signed_by_the_certificates_own_authority(
    signing: Scene, authentication: Scene, rsa_keys: Sequence[SoftwareKey]
) -> None:
    """Another name, another generation of the same name, or a signature that does not fit."""
    assert unusable(signing, authentication.authority.revocation_list()) == "issuer"
    later = Authority(Kind.SIGNING, rsa_keys[4])
    assert unusable(signing, later.revocation_list()) == "authorityKeyIdentifier"
    later.key_id = signing.authority.key_id
    assert unusable(signing, later.revocation_list()) == "signature"
    without = signing.authority.revocation_list(without=[x509.AuthorityKeyIdentifier])
    assert unusable(signing, without) == "authorityKeyIdentifier"
    good = signing.authority.revocation_list()
    assert unusable(signing, good[:-1] + bytes([good[-1] ^ 1])) == "signature"


def test_an_entry_cannot_be_cut_out(signing: Scene) -> None:
    """Changing the list breaks its signature."""
    data = signing.authority.revocation_list({4711: None})
    serial = der.integer(4711)
    assert unusable(signing, data.replace(serial, der.integer(4712))) == "signature"


@pytest.mark.parametrize(
    ("this_update", "next_update"),
    [
        (NOW + 2 * MINUTE, NOW + DAY),
        (NOW - 2 * DAY - MINUTE, NOW + DAY),
        (NOW - DAY, NOW - MINUTE),
    ],
    ids=["from the future", "too old", "over"],
)
def test_a_list_speaks_of_now(this_update: object, next_update: object, signing: Scene) -> None:
    """A list whose time is over fails closed."""
    data = signing.authority.revocation_list(this_update=this_update, next_update=next_update)  # type: ignore[arg-type]
    with pytest.raises(StatusUnavailable) as caught:
        signing.judge(status=Status(crl=data))
    assert caught.value.reason == "verify.status_stale"
    assert caught.value.facts["source"] == "crl"


def test_an_old_list_still_refuses_those_it_names(signing: Scene) -> None:
    """Revocation is final."""
    data = signing.authority.revocation_list(
        {4711: x509.ReasonFlags.certificate_hold}, this_update=NOW - 9 * DAY, next_update=NOW - 8 * DAY
    )
    with pytest.raises(Rejected, match=r"verify\.held"):
        signing.judge(status=Status(crl=data))


def test_the_list_of_another_municipality_says_nothing(signing: Scene) -> None:
    """The distribution point must be one that the certificate names."""
    data = signing.authority.revocation_list(place=YOKOHAMA)
    assert unusable(signing, data) == "distributionPoint"
    nowhere = signing.authority.issue(signing.key, without=[x509.CRLDistributionPoints])
    assert unusable(signing, signing.authority.revocation_list(), nowhere) == "distributionPoint"


def test_a_list_without_a_scope_is_complete(signing: Scene) -> None:
    """No issuing distribution point, or one that names no point: everything that the authority issued."""
    for place, extra in ((None, []), (None, [(scope(Kind.SIGNING, None, only_contains_user_certs=True), True)])):
        data = signing.authority.revocation_list(place=place, extra=extra)
        assert signing.judge(status=Status(crl=data)).status_source == "crl"


def test_a_list_of_users_serves_users(signing: Scene) -> None:
    """onlyContainsUserCerts is what a municipality's list may say."""
    mine = scope(Kind.SIGNING, SHIBUYA, only_contains_user_certs=True)
    data = signing.authority.revocation_list(extra=[(mine, True)])
    assert signing.judge(status=Status(crl=data)).status_source == "crl"


@pytest.mark.parametrize(
    "flags",
    [
        {"only_contains_ca_certs": True},
        {"only_contains_attribute_certs": True},
        {"indirect_crl": True},
        {"only_some_reasons": frozenset({x509.ReasonFlags.key_compromise})},
    ],
)
@pytest.mark.parametrize("critical", [True, False])
def test_a_list_that_is_not_complete_for_the_certificate_is_refused(
    flags: dict[str, object], critical: bool, signing: Scene
) -> None:
    """Of authorities, of attributes, of others' certificates, or of some reasons only."""
    data = signing.authority.revocation_list(extra=[(scope(Kind.SIGNING, SHIBUYA, **flags), critical)])
    assert unusable(signing, data) == "issuingDistributionPoint"


@pytest.mark.parametrize(
    ("extra", "part"),
    [
        ((x509.DeltaCRLIndicator(6), True), "deltaCRLIndicator"),
        ((x509.DeltaCRLIndicator(6), False), "deltaCRLIndicator"),
        ((UNKNOWN, True), "critical extension 1.2.3.4"),
    ],
)
def test_deltas_and_unknown_critical_extensions_are_refused(extra: Extra, part: str, signing: Scene) -> None:
    """A delta alone proves nothing about those it does not name."""
    assert unusable(signing, signing.authority.revocation_list(extra=[extra])) == part


def test_an_unknown_extension_that_is_not_critical_is_passed_over(signing: Scene) -> None:
    """On the list and on an entry."""
    data = signing.authority.revocation_list({1: None}, extra=[(UNKNOWN, False)], entry_extra=[(UNKNOWN, False)])
    assert signing.judge(status=Status(crl=data)).status_source == "crl"


def test_one_entry_that_is_not_understood_spoils_the_list(signing: Scene) -> None:
    """Even somebody else's entry (RFC 5280 §5.3); certificateIssuer belongs to indirect lists."""
    for entry in (UNKNOWN, x509.CertificateIssuer([x509.DNSName("ca.test")])):
        data = signing.authority.revocation_list({1: None}, entry_extra=[(entry, True)])
        assert unusable(signing, data).startswith("critical entry extension")


def test_a_scheme_that_the_verifier_does_not_accept_is_refused(next_card: Scene) -> None:
    """A list signed otherwise than the policy allows is not read."""
    stage = next_card
    other = resign_as(stage.authority.revocation_list(), stage.authority.key, Scheme.ECDSA_SHA256)
    policy = Policy(schemes=frozenset({Scheme.ECDSA_SHA384}))
    with pytest.raises(StatusUnavailable) as caught:
        stage.judge(status=Status(crl=other), policy=policy)
    assert caught.value.facts["part"] == "signatureAlgorithm"
    assert stage.judge(status=Status(crl=other)).status_source == "crl"


def resign_as(data: bytes, key: SoftwareKey, scheme: Scheme) -> bytes:
    """Sign a list again under another scheme, named inside and outside."""
    from tegata.crypto.signatures import algorithm_identifier

    tbs = der.read(data).children()[0]
    parts = [element.raw for element in tbs.children()]
    parts[1] = algorithm_identifier(scheme)
    rewritten = der.sequence(*parts)
    return der.sequence(rewritten, parts[1], der.bit_string(key.sign(scheme, rewritten)))


VERSION, ALGORITHM, ISSUER, THIS, NEXT, ENTRIES, EXTENSIONS = range(7)


def put(index: int, value: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """Return a change that replaces one field."""
    return lambda fields: [*fields[:index], value, *fields[index + 1 :]]


def entry(*parts: bytes) -> bytes:
    """Write revokedCertificates with one entry."""
    return der.sequence(der.sequence(*parts))


def reason_of(code: bytes) -> bytes:
    """Write crlEntryExtensions with a reason code."""
    return der.sequence(der.sequence(der.oid(oids.CRL_REASON), der.octet_string(code)))


TIME = der.utc_time(NOW - DAY)
SERIAL = der.integer(1)


@pytest.mark.parametrize(
    "change",
    [
        put(VERSION, der.integer(0)),
        lambda fields: fields[1:],
        put(ALGORITHM, der.sequence(der.oid("1.2.840.10045.4.3.2"))),
        put(THIS, der.null()),
        put(NEXT, der.utc_time(NOW - 30 * DAY)),
        lambda fields: [*fields[:NEXT], *fields[ENTRIES:]],
        put(ENTRIES, entry(SERIAL)),
        put(ENTRIES, entry(SERIAL, TIME, der.null())),
        put(ENTRIES, entry(der.null(), TIME)),
        put(ENTRIES, entry(SERIAL, TIME, der.sequence())),
        put(ENTRIES, entry(SERIAL, TIME, reason_of(der.enumerated(7)))),
        put(ENTRIES, entry(SERIAL, TIME, reason_of(der.enumerated(-1)))),
        put(ENTRIES, entry(SERIAL, TIME, reason_of(der.integer(1)))),
        put(ENTRIES, entry(SERIAL, TIME, reason_of(b""))),
        put(ENTRIES, der.sequence(der.null())),
        put(ENTRIES, der.sequence(*[der.sequence(der.integer(4711), TIME)] * 2)),
        put(EXTENSIONS, der.explicit(0, der.sequence())),
        put(EXTENSIONS, der.explicit(1, der.sequence())),
        lambda fields: [*fields, der.null()],
    ],
)
def test_what_is_malformed_is_refused(change: Callable[[list[bytes]], list[bytes]], signing: Scene) -> None:
    """Signed by the authority, and still not what the standard writes; a missing nextUpdate is among it."""
    data = resign(signing.authority.revocation_list({1: None}), signing.authority.key, change)
    assert unusable(signing, data) == "form"


@pytest.mark.parametrize(
    "value",
    [
        der.null(),
        der.sequence(der.explicit(0, der.context(1, b""))),
        der.sequence(der.explicit(0, der.context(0, b""))),
        der.sequence(der.context(1, b"\x00", constructed=False)),
        der.sequence(der.null()),
    ],
    ids=["no sequence", "relative name", "no name", "default spelt out", "left over"],
)
def test_a_scope_that_cannot_be_read_is_refused(value: bytes, signing: Scene) -> None:
    """What a list covers must be beyond doubt; names relative to the issuer are never used here."""
    wanted = x509.UnrecognizedExtension(ObjectIdentifier(oids.ISSUING_DISTRIBUTION_POINT), value)
    data = signing.authority.revocation_list(place=None, extra=[(wanted, True)])
    assert unusable(signing, data) == "form"


def test_a_scope_of_users_and_authorities_at_once_is_nobodys(signing: Scene) -> None:
    """At most one of the flags may be set (RFC 5280 §5.2.5)."""
    flags = der.sequence(der.context(1, b"\xff", constructed=False), der.context(2, b"\xff", constructed=False))
    wanted = x509.UnrecognizedExtension(ObjectIdentifier(oids.ISSUING_DISTRIBUTION_POINT), flags)
    data = signing.authority.revocation_list(place=None, extra=[(wanted, True)])
    assert unusable(signing, data) == "issuingDistributionPoint"


def test_what_is_no_list_is_refused(signing: Scene) -> None:
    """Nothing, too much, a certificate, or simply too large."""
    good = signing.authority.revocation_list()
    for data in (b"", b"\x30\x00", good[:-1], good + b"\x00", signing.certificate):
        assert unusable(signing, data) == "form"
    assert unusable(signing, bytes((16 << 20) + 1)) == "size"
