# SPDX-License-Identifier: Apache-2.0
"""Rehearsal of the next card: P-384, two applications, two passwords; keys, requests, signatures through one reader."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, Scheme
from tegata.jpki import Kind, card_map
from tegata.reader import JpkiSession, NotACard, PinRequired, connect, personalise, run
from tegata.reader.files import certificate_spki
from unit.card import kit


def test_a_request_of_the_next_card_is_one_to_others() -> None:
    """PKCS#10 with ECDSA-SHA384, read by the library's own parser."""
    card = kit.blank("next")
    run(personalise.open_issuer_session(kit.ISSUER_KEY, "next"), card.transmit)
    spki = run(personalise.generate_key(Kind.SIGNING, "next"), card.transmit)
    request = x509.load_der_x509_csr(run(personalise.csr(Kind.SIGNING, generation="next"), card.transmit))
    assert request.is_signature_valid
    assert isinstance(request.public_key(), ec.EllipticCurvePublicKey)
    assert signatures.algorithm_of(spki) is Algorithm.EC_P384
    assert run(personalise.public_key(Kind.SIGNING, "next"), card.transmit) == spki


@pytest.mark.parametrize("kind", Kind)
def test_it_signs_after_its_pin(kind: Kind) -> None:
    """With the scheme of its generation, by default."""
    session = JpkiSession(kit.issued("next").transmit, "next")
    with pytest.raises(PinRequired):
        session.sign(kind, b"message")
    session.verify(kind, kit.PIN[kind])
    spki = certificate_spki(session.certificate(kind))
    signatures.verify(spki, Scheme.ECDSA_SHA384, b"message", session.sign(kind, b"message"))
    session.change_pin(kind, kit.PIN[kind], {"signing": "NEW123", "authentication": "0007"}[kind.value])


def test_nobody_takes_it_for_todays_card() -> None:
    """Its label says that it is a rehearsal, and today's identifiers are not on it."""
    card = kit.issued("next")
    assert JpkiSession(card.transmit, "next").token() == "TEGATA NEXT CARD REHEARSAL"
    with pytest.raises(NotACard):
        JpkiSession(card.transmit).select()
    profile = card_map.profile("next")
    assert sorted(profile.applications) == ["isd", "jpki", "text"]
    passwords = {card.image.pins[place].value for place in card.image.pins}
    assert passwords == {b"1234", b"ABC123"}


def test_one_client_signs_with_it_too() -> None:
    """`connect` finds the generation by itself, and signs with its scheme after its PIN."""
    with connect(kit.issued("next")) as reader:
        reader.verify_pin("signing", kit.PIN[Kind.SIGNING])
        spki = certificate_spki(reader.certificate(Kind.SIGNING))
        signatures.verify(spki, Scheme.ECDSA_SHA384, b"message", reader.sign(Kind.SIGNING, b"message"))
