# SPDX-License-Identifier: Apache-2.0
"""What the service takes for the card's signature, and what it does not."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tegata.card import Card
from tegata.crypto.keys import Scheme
from tegata.enrolment.errors import Refused, Unavailable
from tegata.enrolment.model import Device, State
from tegata.jpki import Carrier, Kind
from tegata.reader import JpkiSession
from unit.enrolment.kit import CARD_PASSWORD, PASSWORD, World, authority, key

DEVICE = Device("Tegata", "TG-A1", "android", "PHONE0001")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world of its own."""
    return World(tmp_path)


def signed(
    card: Card, document: bytes, kind: Kind = Kind.SIGNING, password: str = CARD_PASSWORD
) -> tuple[bytes, bytes]:
    """Have a card sign; returns certificate and signature."""
    session = JpkiSession(card.transmit)
    session.verify(kind, password)
    return session.certificate(kind), session.sign(kind, document)


def prove(world: World, application_id: str, proof: tuple[bytes, bytes]) -> State:
    """Hand in a proof."""
    return asyncio.run(world.service.prove(application_id, *proof)).state


def refused(world: World, proof: tuple[bytes, bytes], application_id: str) -> str:
    """Hand in a proof that must be refused for good; returns the reason."""
    with pytest.raises(Refused) as error:
        prove(world, application_id, proof)
    assert error.value.checks, "the verifier's list comes along"
    stored = asyncio.run(world.service.get(application_id))
    assert (stored.state, stored.reason) == (State.REFUSED, error.value.reason)
    assert stored.parent_serial is None
    return error.value.reason


def test_the_cards_signature_over_this_document_is_a_proof(world: World) -> None:
    """Only its serial number is kept of the person."""
    card = world.card()
    application = world.service.apply("r1", DEVICE)
    assert prove(world, application.application_id, signed(card, application.document)) is State.PROVEN
    proven = asyncio.run(world.service.get(application.application_id))
    assert proven.parent_serial == world.serial(card)
    assert proven.expires_at == application.created_at + world.config.lifetime


def test_a_proof_handed_in_again_changes_nothing(world: World) -> None:
    """The answer to the first was lost; the authority is not asked twice."""
    application = world.service.apply("r1", DEVICE)
    proof = signed(world.card(), application.document)
    prove(world, application.application_id, proof)
    calls = len(world.wire.calls)
    assert prove(world, application.application_id, proof) is State.PROVEN
    assert len(world.wire.calls) == calls


def test_a_signature_over_another_application_is_none(world: World) -> None:
    """Challenge, device and time are under the signature."""
    card = world.card()
    first, second = world.service.apply("r1", DEVICE), world.service.apply("r2", DEVICE)
    assert refused(world, signed(card, first.document), second.application_id) == "verify.bad_signature"


def test_the_login_certificate_does_not_sign_applications(world: World) -> None:
    """Four digits are not the person's signature."""
    application = world.service.apply("r1", DEVICE)
    proof = signed(world.card(), application.document, Kind.AUTHENTICATION, "1234")
    assert refused(world, proof, application.application_id).startswith("verify.")


def test_one_phone_does_not_vouch_for_another(world: World) -> None:
    """The certificate must be a card's."""
    pocket = world.phone(2)
    asyncio.run(pocket.enrol(world.card()))
    application = world.service.apply("r1", DEVICE)
    proof = signed(pocket.phone.element, application.document, password=PASSWORD)
    assert refused(world, proof, application.application_id).startswith("verify.")


def test_a_revoked_card_is_told_why(world: World) -> None:
    """The owner moved, and the reason says so."""
    card = world.card()
    application = world.service.apply("r1", DEVICE)
    proof = signed(card, application.document)
    world.authority.revoked[Kind.SIGNING, world.serial(card)] = x509.ReasonFlags.affiliation_changed
    assert refused(world, proof, application.application_id) == "verify.revoked.affiliation_changed"


@pytest.mark.parametrize("certificate", [b"", b"\x30\x80", b"junk" * 500])
def test_junk_for_a_certificate_is_refused(world: World, certificate: bytes) -> None:
    """And asks nobody for its status."""
    application = world.service.apply("r1", DEVICE)
    calls = len(world.wire.calls)
    assert refused(world, (certificate, b"x"), application.application_id) == "verify.malformed"
    assert len(world.wire.calls) == calls


def test_a_stranger_authority_is_refused(world: World) -> None:
    """Its own certificate, perfect in form."""
    stranger = type(authority(Kind.SIGNING))(Kind.SIGNING, key(5))
    certificate = stranger.issue(key(0), carrier=Carrier.CARD)
    application = world.service.apply("r1", DEVICE)
    signature = key(0).sign(Scheme.RSA_PKCS1_SHA256, application.document)
    assert refused(world, (certificate, signature), application.application_id) == "verify.untrusted"


@pytest.mark.parametrize("trouble", ["cut", "stale", "other nonce"])
def test_a_status_that_cannot_be_learned_only_delays(world: World, trouble: str) -> None:
    """No answer, an old one, or one to another question: the application stays, and the proof may come again."""
    application = world.service.apply("r1", DEVICE)
    proof = signed(world.card(), application.document)
    honest = world.authority._status
    if trouble == "cut":
        world.wire.cut.add("authority.test")
    elif trouble == "stale":
        world.authority.clock = type(world.clock)(world.clock.now() - timedelta(hours=2))
    else:
        recorded: list[bytes] = []

        def replayed(kind: Kind, request: bytes) -> Any:
            recorded.append(request)
            return honest(kind, request.replace(request[-32:], bytes(32)))

        world.authority._status = replayed  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match=r"enrolment\.status_unavailable"):
        prove(world, application.application_id, proof)
    assert asyncio.run(world.service.get(application.application_id)).state is State.APPLIED
    world.wire.cut.clear()
    world.authority.clock = world.clock
    world.authority._status = honest  # type: ignore[method-assign]
    assert prove(world, application.application_id, proof) is State.PROVEN


def test_a_proof_that_comes_too_late_is_none(world: World) -> None:
    """A quarter of an hour after the application."""
    application = world.service.apply("r1", DEVICE)
    proof = signed(world.card(), application.document)
    world.clock.advance(minutes=15)
    with pytest.raises(Exception, match=r"enrolment\.wrong_state"):
        prove(world, application.application_id, proof)
    assert asyncio.run(world.service.get(application.application_id)).state is State.EXPIRED


def test_the_nonce_is_fresh_for_every_question(world: World) -> None:
    """Two proofs ask with different bytes."""
    card = world.card()
    for request in ("r1", "r2"):
        application = world.service.apply(request, DEVICE)
        prove(world, application.application_id, signed(card, application.document))
    asked = [body for call, body in zip(world.wire.calls, world.wire.bodies, strict=True) if "/ocsp/" in call]
    assert len(set(asked)) == len(asked) == 2
