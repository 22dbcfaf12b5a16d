# SPDX-License-Identifier: Apache-2.0
"""Enrolment from the card's tap to the phone's first signature, over the wire."""

import asyncio
from pathlib import Path

from tegata.crypto import signatures
from tegata.crypto.keys import Scheme
from tegata.enrolment.model import State
from tegata.jpki import Kind
from tegata.reader import JpkiSession
from tegata.reader.files import certificate_spki
from tegata.reader.memory import insert
from unit.enrolment.kit import AUTH_PIN, PASSWORD, World


def test_a_phone_is_enrolled_and_signs_with_keys_of_its_own(tmp_path: Path) -> None:
    """The pair in the phone is certified, new, and obeys the phone's own secrets."""
    world = World(tmp_path)
    card, pocket = world.card(), world.phone()
    enrolment = asyncio.run(pocket.enrol(card))
    assert enrolment.ready
    (pair,) = world.authority.live()
    assert pair.told == ["installed"]
    session = JpkiSession(insert(pocket.phone.element))
    for kind, pin in ((Kind.SIGNING, PASSWORD), (Kind.AUTHENTICATION, AUTH_PIN)):
        session.verify(kind, pin)
        certificate = session.certificate(kind)
        assert certificate == world.authority.der[kind, pair.serials[kind]]
        signatures.verify(certificate_spki(certificate), Scheme.RSA_PKCS1_SHA256, b"x", session.sign(kind, b"x"))
    assert not any(PASSWORD.encode() in body or AUTH_PIN.encode() in body for body in world.wire.bodies)


def test_a_second_phone_supersedes_the_first_which_then_erases_itself(tmp_path: Path) -> None:
    """One phone per person; the old one learns it when it next asks."""
    world = World(tmp_path)
    card, first, second = world.card(), world.phone(1), world.phone(2)
    asyncio.run(first.enrol(card))
    asyncio.run(second.enrol(card))
    (pair,) = world.authority.live()
    assert pair.told == ["installed"]
    assert [a.state for a in world.service._store.by_element("PHONE0001")] == [State.SUPERSEDED]
    enrolment = asyncio.run(first.app.resume())
    assert (enrolment.state, enrolment.reason) == ("ended", "enrolment.superseded")
    assert first.phone.describe()["certificates"] == []
    assert second.phone.describe()["certificates"] == ["signing", "authentication"]
