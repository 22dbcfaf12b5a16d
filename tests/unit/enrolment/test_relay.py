# SPDX-License-Identifier: Apache-2.0
"""A script cut into turns; the scripts themselves against a real element."""

import dataclasses

import pytest

from tegata.card import Card, CardImage
from tegata.enrolment import scripts
from tegata.enrolment.model import Pair
from tegata.enrolment.relay import Relay
from tegata.jpki import Kind
from tegata.reader import JpkiSession, Script, run
from tegata.reader.errors import IssuerRefused
from unit.enrolment.kit import ANCHORS, FakeAuthority, find, issuer_key, key_source, possessed

KEY = issuer_key("PHONE0001")
AUTHORITIES = Pair(ANCHORS[Kind.SIGNING][0], ANCHORS[Kind.AUTHENTICATION][0])


def echo(count: int) -> Script[list[bytes]]:
    """Send `count` commands and return what came back."""
    answers = []
    for number in range(count):
        answers.append((yield bytes([number])))
    return answers


def test_turns_come_one_after_another_with_names_of_their_own() -> None:
    """Each carries one command; the outcome comes with the last answer."""
    relay = Relay(echo(3))
    names, outcome = [], None
    while outcome is None:
        names.append(relay.turn.name)
        (command,) = relay.turn.commands
        outcome = relay.feed([command + b"!"])
    assert outcome == [b"\0!", b"\1!", b"\2!"]
    assert len(set(names)) == 3


def test_a_relay_remembers_the_turn_before() -> None:
    """That is how a repeated turn is told from an unknown one."""
    relay = Relay(echo(3), previous="before")
    assert relay.previous == "before"
    first = relay.turn.name
    relay.feed([b"x"])
    assert relay.previous == first


def test_two_relays_never_share_a_name() -> None:
    """A turn of a script that was given up is unknown to the next."""
    assert Relay(echo(1)).turn.name != Relay(echo(1)).turn.name


def test_an_empty_answer_reaches_the_script() -> None:
    """It is for the script to say that this is no response APDU."""
    assert Relay(echo(1)).feed([]) == [b""]


def element() -> Card:
    """Return an element as its maker delivers it."""
    return Card(CardImage.blank("gpse", KEY, "PHONE0001"), keys=key_source())


def made(card: Card) -> Pair:
    """Have keys made; returns the requests."""
    outcome = run(scripts.make_keys(KEY), card.transmit)
    assert isinstance(outcome, scripts.KeysMade)
    return outcome.requests


def certified(requests: Pair) -> Pair:
    """Certify both."""
    authority = FakeAuthority()
    keys = ((Kind.SIGNING, requests.signing), (Kind.AUTHENTICATION, requests.authentication))
    return Pair(*(authority.certify_card(kind, find(possessed(request)).spki, "x") for kind, request in keys))


def test_an_element_is_loaded_and_erased() -> None:
    """Keys, certificates of both sides, service; then as the maker delivered it."""
    card = element()
    certificates = certified(made(card))
    assert run(scripts.install(KEY, certificates, AUTHORITIES), card.transmit) == scripts.Installed()
    session = JpkiSession(card.transmit)
    session.set_first_pin(Kind.SIGNING, "ABC123")
    session.verify(Kind.SIGNING, "ABC123")
    assert session.certificate(Kind.SIGNING) == certificates.signing
    assert session.ca_certificate(Kind.AUTHENTICATION) == AUTHORITIES.authentication
    assert run(scripts.erase(KEY), card.transmit) == scripts.Erased()
    assert dataclasses.replace(card.image, pins={}) == element().image
    assert not any(pin.tries_left for pin in card.image.pins.values())


def test_installing_twice_is_installing_once() -> None:
    """The answer was lost; the PINs that the owner has set since stay."""
    card = element()
    certificates = certified(made(card))
    run(scripts.install(KEY, certificates, AUTHORITIES), card.transmit)
    JpkiSession(card.transmit).set_first_pin(Kind.SIGNING, "ABC123")
    before = card.image
    assert run(scripts.install(KEY, certificates, AUTHORITIES), card.transmit) == scripts.Installed()
    assert card.image == before


def test_certificates_for_other_keys_are_not_installed() -> None:
    """The element made new ones since: nothing is written."""
    card = element()
    certificates = certified(made(card))
    made(card)
    before = card.image
    assert run(scripts.install(KEY, certificates, AUTHORITIES), card.transmit) == scripts.KeysLost()
    assert card.image == before


def test_an_element_with_another_issuer_is_left_alone() -> None:
    """Its issuer is somebody else."""
    card = element()
    with pytest.raises(IssuerRefused):
        run(scripts.make_keys(bytes(16)), card.transmit)
    assert card.image == element().image
