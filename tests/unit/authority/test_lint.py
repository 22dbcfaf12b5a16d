# SPDX-License-Identifier: Apache-2.0
"""Whatever would be wrong in a certificate is found before it is signed."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from tegata.authority import lint, profiles
from tegata.authority.errors import Broken
from tegata.authority.profiles import EndEntity, Issuer
from tegata.codecs import der
from tegata.crypto.keys import Scheme
from tegata.jpki import Carrier, Kind, municipalities, names, oids
from unit.authority.kit import NOW, URL, four, new_key

SHIBUYA = municipalities.by_code("13113")
NARA = municipalities.by_code("29201")
END = datetime(2031, 2, 28, 14, 59, 59, tzinfo=UTC)
KEY = new_key()


def issuer(kind: Kind) -> Issuer:
    """Return an authority as certificates see it."""
    return Issuer(kind, 1, bytes(range(20)), Scheme.RSA_PKCS1_SHA256, datetime(2036, 11, 23, 14, 59, 59, tzinfo=UTC))


def wanted(kind: Kind, carrier: Carrier = Carrier.CARD) -> EndEntity:
    """Return what a good certificate should be."""
    signing = kind is Kind.SIGNING
    return EndEntity(
        kind=kind,
        carrier=carrier,
        serial=7,
        subject=(
            profiles.signing_subject(SHIBUYA, NOW, 7)
            if signing
            else profiles.authentication_subject(SHIBUYA, lambda count: bytes(range(count)))
        ),
        not_before=NOW,
        not_after=END,
        spki=KEY.spki,
        municipality=SHIBUYA,
        ocsp_url=f"{URL}/ocsp/{kind.value}",
        basic_four=four().to_san_der() if signing else None,
    )


@pytest.mark.parametrize("carrier", list(Carrier))
@pytest.mark.parametrize("kind", list(Kind))
def test_a_good_certificate_passes(kind: Kind, carrier: Carrier) -> None:
    """The profile as it is written and the profile as it is checked agree."""
    one = wanted(kind, carrier)
    lint.check(profiles.end_entity(one, issuer(kind)), one, issuer(kind))


CHANGED = [
    ({"serial": 8}, "serial"),
    ({"not_after": END - timedelta(days=1)}, "validity"),
    ({"not_before": NOW - timedelta(seconds=1)}, "validity"),
    ({"municipality": NARA}, "subject"),
    ({"spki": new_key().spki}, "key"),
    ({"carrier": Carrier.PHONE}, "policy"),
]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(("change", "check"), CHANGED)
def test_a_certificate_that_is_not_the_one_ordered_is_found(kind: Kind, change: dict[str, object], check: str) -> None:
    """Each member of the order is compared with what would be signed."""
    one = wanted(kind)
    tbs = profiles.end_entity(one, issuer(kind))
    with pytest.raises(Broken) as caught:
        lint.check(tbs, dataclasses.replace(one, **change), issuer(kind))  # type: ignore[arg-type]
    assert caught.value.facts["check"] == check


def test_somebody_elses_attributes_are_found() -> None:
    """The worst that could happen: one person's name in another's certificate."""
    one = wanted(Kind.SIGNING)
    tbs = profiles.end_entity(one, issuer(Kind.SIGNING))
    other = dataclasses.replace(one, basic_four=four(name="佐藤　太郎").to_san_der())
    with pytest.raises(Broken) as caught:
        lint.check(tbs, other, issuer(Kind.SIGNING))
    assert caught.value.facts["check"] == "attributes"


def test_attributes_never_stand_in_an_authentication_certificate() -> None:
    """Even when the order has them."""
    one = dataclasses.replace(wanted(Kind.AUTHENTICATION), basic_four=four().to_san_der())
    with pytest.raises(Broken) as caught:
        lint.check(profiles.end_entity(one, issuer(Kind.AUTHENTICATION)), one, issuer(Kind.AUTHENTICATION))
    assert caught.value.facts["check"] == "extensions"


@pytest.mark.parametrize(
    ("end", "check"),
    [
        (datetime(2031, 2, 28, 15, 0, 0, tzinfo=UTC), "validity.end_of_day"),
        (datetime(2036, 11, 24, 14, 59, 59, tzinfo=UTC), "validity.within_issuer"),
        (NOW - timedelta(days=1), "validity"),
    ],
)
def test_an_end_that_cannot_be_is_found(end: datetime, check: str) -> None:
    """Certificates end with a Japanese day, and before their issuer."""
    one = dataclasses.replace(wanted(Kind.SIGNING), not_after=end)
    with pytest.raises(Broken) as caught:
        lint.check(profiles.end_entity(one, issuer(Kind.SIGNING)), one, issuer(Kind.SIGNING))
    assert caught.value.facts["check"] == check


def test_a_holders_name_in_the_subject_is_found() -> None:
    """The subject is of the known form or nothing."""
    subject = names.name((oids.COUNTRY, "JP"), (oids.CN, "山田花子"))
    one = dataclasses.replace(wanted(Kind.AUTHENTICATION), subject=subject)
    with pytest.raises(Broken) as caught:
        lint.check(profiles.end_entity(one, issuer(Kind.AUTHENTICATION)), one, issuer(Kind.AUTHENTICATION))
    assert caught.value.facts["check"] == "subject"


def test_an_order_of_the_other_authority_is_found() -> None:
    """A signing certificate is not signed by the authentication authority."""
    one = wanted(Kind.SIGNING)
    with pytest.raises(Broken) as caught:
        lint.check(profiles.end_entity(one, issuer(Kind.AUTHENTICATION)), one, issuer(Kind.AUTHENTICATION))
    assert caught.value.facts["check"] == "kind"


def test_every_changed_byte_is_found() -> None:
    """Nothing in the bytes to be signed is beyond the check: flip any bit of any byte, and it says no."""
    for kind in Kind:
        one = wanted(kind)
        tbs = profiles.end_entity(one, issuer(kind))
        for position in range(len(tbs)):
            changed = bytearray(tbs)
            changed[position] ^= 1 << (position % 8)
            with pytest.raises(Broken):
                lint.check(bytes(changed), one, issuer(kind))


def test_the_production_arm_is_never_issued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the table of policies were wrong, the arm is checked apart from it."""
    genuine = oids.PRODUCTION_POLICIES[Kind.SIGNING, Carrier.CARD]
    monkeypatch.setattr(oids, "policy", lambda kind, carrier: genuine)
    one = wanted(Kind.SIGNING)
    with pytest.raises(Broken) as caught:
        lint.check(profiles.end_entity(one, issuer(Kind.SIGNING)), one, issuer(Kind.SIGNING))
    assert caught.value.facts["check"] == "policy.test_arm"


@pytest.mark.parametrize("junk", [b"", b"\x30\x00", der.sequence(der.null()), bytes(40)])
def test_junk_is_found(junk: bytes) -> None:
    """What cannot be read is not signed."""
    with pytest.raises(Broken) as caught:
        lint.check(junk, wanted(Kind.SIGNING), issuer(Kind.SIGNING))
    assert caught.value.facts["check"] == "der"
