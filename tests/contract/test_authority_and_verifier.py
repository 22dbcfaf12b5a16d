# SPDX-License-Identifier: Apache-2.0
"""The authority and the verifier meet over the wire only: what the one issues and answers, the other judges."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tegata.authority.model import Cause, Issued
from tegata.crypto.keys import Algorithm
from tegata.jpki import Carrier, Kind
from tegata.verify import Status, TrustStore, Verdict, VerifyError, prepare_status, verify_certificate
from tegata.wire.status import StatusClient
from unit.authority import kit

NONCE = bytes(range(32))


@pytest.fixture(params=[Algorithm.EC_P256, Algorithm.EC_P384])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[kit.World]:
    """Open an authority under a quick algorithm and under the next card's."""
    with kit.opened(tmp_path, algorithm=request.param) as opened:
        opened.make_key = lambda: kit.new_key(request.param)
        yield opened


def judged(world: kit.World, issued: Issued, kind: Kind, source: str) -> Verdict:
    """Judge a certificate with status fetched from the authority; `source` is ocsp, crl, or the list of authorities."""
    certificate = issued.authentication if kind is Kind.AUTHENTICATION else issued.signing
    assert certificate is not None
    assert certificate.der is not None
    trust = TrustStore.of({each: [world.authority.ca_certificate(each)] for each in Kind})
    asked = prepare_status(certificate.der, kind, trust, NONCE)
    place = asked.municipality_code
    assert place == kit.SHIBUYA

    async def fetch() -> Status:
        async with world.http() as http:
            client = StatusClient(http, kit.URL)
            if source == "ocsp":
                return Status(ocsp=await client.ocsp(kind.value, asked.ocsp_request_der), nonce=NONCE)
            return Status(crl=await client.crl(kind.value, place if source == "crl" else source))

    return verify_certificate(certificate.der, kind, asyncio.run(fetch()), trust, world.clock.now())


def outcome(world: kit.World, issued: Issued, kind: Kind) -> str:
    """Return "good" or the reason, which OCSP and the list must agree about."""
    said = set()
    for source in ("ocsp", "crl"):
        try:
            judged(world, issued, kind, source)
        except VerifyError as error:
            said.add(error.reason)
        else:
            said.add("good")
    assert len(said) == 1, said
    return said.pop()


def outcomes(world: kit.World, *pairs: Issued) -> list[tuple[str, str]]:
    """Return what becomes of the signing and the authentication certificate of each pair."""
    return [(outcome(world, pair, Kind.SIGNING), outcome(world, pair, Kind.AUTHENTICATION)) for pair in pairs]


def test_what_the_authority_issues_is_what_the_verifier_wants(world: kit.World) -> None:
    """Card and phone, both kinds: carrier, serial and attributes arrive as they were ordered."""
    card = world.card()
    for issued, carrier in ((card, Carrier.CARD), (world.phone(card), Carrier.PHONE)):
        verdict = judged(world, issued, Kind.SIGNING, "ocsp")
        assert issued.signing is not None
        assert (verdict.carrier, verdict.serial) == (carrier, issued.signing.serial)
        assert verdict.basic_four == kit.four()
        assert judged(world, issued, Kind.AUTHENTICATION, "crl").basic_four is None


def test_moving_house_ends_signing_and_leaves_login(world: kit.World) -> None:
    """On card and phone alike, with a reason that a person understands."""
    card = world.card()
    phone = world.phone(card)
    assert outcomes(world, card, phone) == [("good", "good")] * 2
    world.authority.happen(world.event(Cause.MOVED))
    assert outcomes(world, card, phone) == [("verify.revoked.affiliation_changed", "good")] * 2


def test_a_lost_phone_is_held_and_its_card_is_not(world: kit.World) -> None:
    """From the next status answer on."""
    card = world.card()
    phone = world.phone(card)
    world.authority.hold("call-1", phone.request.request_id)
    assert outcomes(world, card, phone) == [("good", "good"), ("verify.held", "verify.held")]


def test_a_second_phone_supersedes_the_first(world: kit.World) -> None:
    """One phone a person."""
    card = world.card()
    first, second = world.phone(card), world.phone(card)
    superseded = "verify.revoked.superseded"
    assert outcomes(world, first, second) == [(superseded, superseded), ("good", "good")]


def test_the_list_of_authorities_vouches_for_nobody(world: kit.World) -> None:
    """The authority's list about itself is authentic, current, and says nothing about people."""
    with pytest.raises(VerifyError) as caught:
        judged(world, world.card(), Kind.AUTHENTICATION, "ca")
    assert caught.value.reason == "verify.status_invalid"
