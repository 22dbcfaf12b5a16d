# SPDX-License-Identifier: Apache-2.0
"""Issuing: the same request always yields the same pair, a key is certified once, a phone hangs on a good card."""

import asyncio
import dataclasses
from datetime import date, timedelta
from pathlib import Path

import pytest

from tegata.authority.errors import Conflict, Refused
from tegata.authority.model import Cause, Reason, Stage, Status, Superseded
from tegata.codecs import der
from tegata.jpki import Carrier, Kind
from tegata.jpki.attributes import BirthDate
from tegata.jpki.municipalities import UnknownMunicipality
from unit.authority.kit import HANAKO, TARO, World, csr, four, new_key, opened, reopened


def test_the_same_request_yields_the_same_pair(world: World) -> None:
    """A lost answer costs nothing: no second certificate, no second serial number."""
    order = world.card_order()
    first = world.authority.certify_card(order)
    again = world.authority.certify_card(order)
    assert (first.signing, first.authentication) == (again.signing, again.authentication)
    assert len(world.authority.certificates(HANAKO)) == 2


def test_the_same_request_yields_the_same_pair_after_a_restart(world: World) -> None:
    """What was answered is on disk."""
    order = world.card_order()
    first = world.authority.certify_card(order)
    again = reopened(world).authority.certify_card(order)
    assert (first.signing, first.authentication) == (again.signing, again.authentication)


def test_a_repeat_may_carry_attributes_that_changed_meanwhile(world: World) -> None:
    """The pair was made with the earlier ones; the event of the change revokes it, not the repeat."""
    order = world.card_order()
    first = world.authority.certify_card(order)
    moved = dataclasses.replace(order, municipality_code="29201", basic_four=four(name="佐藤　花子"))
    assert world.authority.certify_card(moved).signing == first.signing


def test_a_request_identifier_is_used_for_one_order(world: World) -> None:
    """Other keys or another person under the same identifier are a mistake."""
    order = world.card_order()
    world.authority.certify_card(order)
    for other in (
        dataclasses.replace(order, authentication=csr(new_key())),
        dataclasses.replace(order, resident_code=TARO),
        dataclasses.replace(order, signing=None),
    ):
        with pytest.raises(Conflict, match=r"authority\.request_reused"):
            world.authority.certify_card(other)


def test_a_key_is_certified_once(world: World) -> None:
    """By either authority, for anybody, in any request."""
    order = world.card_order()
    world.authority.certify_card(order)
    others = (
        dataclasses.replace(world.card_order(TARO), authentication=order.authentication),
        dataclasses.replace(world.card_order(TARO), signing=order.authentication),
        dataclasses.replace(world.card_order(), signing=order.signing),
    )
    for other in others:
        with pytest.raises(Refused, match=r"authority\.key_used_before"):
            world.authority.certify_card(other)
    assert world.authority.certificates(TARO) == []


def test_the_two_certificates_of_a_card_need_two_keys(world: World) -> None:
    """One key for both would let a login be passed off as a signature."""
    order = world.card_order()
    with pytest.raises(Refused, match=r"authority\.key_used_before"):
        world.authority.certify_card(dataclasses.replace(order, signing=order.authentication))


def test_under_fifteen_there_is_no_signing_certificate(world: World) -> None:
    """The authentication certificate alone is issued."""
    born = BirthDate.of(2012, 6, 1)
    with pytest.raises(Refused, match=r"authority\.under_age"):
        world.authority.certify_card(world.card_order(birth=born))
    issued = world.authority.certify_card(world.card_order(birth=born, with_signing=False))
    assert issued.signing is None
    assert issued.authentication.status(world.clock.now()) is Status.GOOD


def test_nothing_is_issued_to_whoever_left_the_register(world: World) -> None:
    """A late order for a person who died is refused."""
    world.authority.happen(world.event(Cause.DIED))
    with pytest.raises(Refused, match=r"authority\.resident_gone"):
        world.authority.certify_card(world.card_order())


def test_the_birth_dates_of_an_order_agree(world: World) -> None:
    """Attributes and expiry come from one entry of the register; the era digit may differ."""
    order = world.card_order()
    with pytest.raises(Refused, match=r"authority\.birth_differs"):
        world.authority.certify_card(dataclasses.replace(order, birth=BirthDate.of(1990, 3, 1)))
    era_unknown = dataclasses.replace(order.birth, era=0)
    world.authority.certify_card(dataclasses.replace(order, birth=era_unknown))


def test_a_refused_order_leaves_nothing(world: World) -> None:
    """No serial number is spent, no entry written, and the same identifier may come again."""
    before = world.authority.entries()
    order = world.card_order()
    bad = dataclasses.replace(order, card_expires=date(2026, 11, 24))
    with pytest.raises(Refused, match=r"authority\.card_expired"):
        world.authority.certify_card(bad)
    with pytest.raises(UnknownMunicipality):
        world.authority.certify_card(dataclasses.replace(order, municipality_code="99999"))
    assert world.authority.entries() == before
    issued = world.authority.certify_card(order)
    assert issued.authentication.serial == 2


def test_serial_numbers_are_one_sequence_with_the_authoritys_own(world: World) -> None:
    """CA, card, responder, phone: 1, 2, 3, 4."""
    card = world.card()
    world.authority.status.answer(Kind.SIGNING, _question(world, card.authentication.serial))
    phone = world.phone(card)
    assert card.signing is not None
    assert phone.signing is not None
    assert (card.signing.serial, phone.signing.serial) == (2, 4)
    assert (card.authentication.serial, phone.authentication.serial) == (2, 3)


def _question(world: World, serial: int) -> bytes:
    cert_id = der.sequence(
        der.sequence(der.oid("1.3.14.3.2.26"), der.null()),
        der.octet_string(bytes(20)),
        der.octet_string(bytes(20)),
        der.integer(serial),
    )
    return der.sequence(der.sequence(der.sequence(der.sequence(cert_id))))


def test_a_renewed_card_is_linked_with_the_one_before(world: World) -> None:
    """証明書新旧紐付け: one step back for each kind."""
    first, second = world.card(), world.card()
    assert first.signing is not None
    assert second.signing is not None
    assert (second.signing.renews, second.authentication.renews) == (first.signing.serial, first.authentication.serial)
    assert (first.signing.renews, first.authentication.renews) == (None, None)


def test_a_renewal_just_before_the_end_runs_a_year_longer(world: World) -> None:
    """The sixth birthday, if a good certificate ends within three months."""
    world.card()
    world.clock.advance(days=365 * 4)  # 2030-11-23, three months before 2031-02-28
    world.clock.advance(days=30)
    renewed = world.card(card_expires=date(2040, 2, 28))
    assert renewed.authentication.not_after.year == 2036


# -- phones ------------------------------------------------------------------------------------------------------------


def test_the_second_phone_ends_the_first_in_the_same_transaction(world: World) -> None:
    """One phone per person, and the answer says what ended."""
    card = world.card()
    first = world.phone(card)
    second = world.authority.certify_phone(world.phone_order(card))
    assert first.signing is not None
    assert second.signing is not None
    assert second.request.superseded == Superseded(
        (first.signing.serial, first.authentication.serial), (first.request.request_id,)
    )
    good = [one for one in world.authority.certificates(HANAKO) if one.status(world.clock.now()) is Status.GOOD]
    assert [one.serial for one in good if one.carrier is Carrier.PHONE] == [
        second.signing.serial,
        second.authentication.serial,
    ]
    ended = [one for one in world.authority.certificates(HANAKO) if one.revocation]
    assert {one.revocation.reason for one in ended if one.revocation} == {Reason.SUPERSEDED}
    assert (second.signing.renews, second.authentication.renews) == (first.signing.serial, first.authentication.serial)


def test_the_repeat_names_what_the_request_superseded(world: World) -> None:
    """Also after a third phone has come."""
    card = world.card()
    world.phone(card)
    order = world.phone_order(card)
    answer = world.authority.certify_phone(order)
    world.phone(card)
    assert world.authority.certify_phone(order).request.superseded == answer.request.superseded != Superseded()


def test_the_phone_of_another_person_is_left_alone(world: World) -> None:
    """Superseding is within one person."""
    phone = world.phone(world.card(HANAKO))
    world.phone(world.card(TARO))
    now = world.clock.now()
    found = world.authority.holder(Kind.AUTHENTICATION, phone.authentication.serial)
    assert found.status(now) is Status.GOOD


@pytest.mark.parametrize("cause", [Cause.MOVED, Cause.CARD_LOST, Cause.CARD_RETURNED])
def test_a_phone_needs_a_card_that_is_good(world: World, cause: Cause) -> None:
    """Both of the card's certificates."""
    card = world.card()
    world.authority.happen(world.event(cause))
    with pytest.raises(Refused, match=r"authority\.parent_not_good"):
        world.authority.certify_phone(world.phone_order(card))


def test_a_phone_needs_a_card_that_has_not_expired(world: World) -> None:
    """An expired parent is not good either."""
    card = world.card(card_expires=date(2027, 1, 31))
    world.clock.set(card.authentication.not_after + timedelta(seconds=1))
    with pytest.raises(Refused, match=r"authority\.parent_not_good"):
        world.authority.certify_phone(world.phone_order(card))


def test_a_phone_hangs_on_a_card_not_on_a_phone(world: World) -> None:
    """Nor on a serial number that nobody has."""
    card = world.card()
    phone = world.phone(card)
    assert phone.signing is not None
    order = world.phone_order(card)
    for serial in (phone.signing.serial, 999, 0, 1 << 80):
        with pytest.raises(Refused, match=r"authority\.unknown_parent"):
            world.authority.certify_phone(dataclasses.replace(order, parent_serial=serial))


def test_a_phone_ends_with_its_card(world: World) -> None:
    """Even when its own five years would be longer."""
    card = world.card(card_expires=date(2027, 3, 31))
    phone = world.phone(card)
    assert phone.authentication.not_after == card.authentication.not_after


# -- discarding --------------------------------------------------------------------------------------------------------


def test_an_order_that_was_discarded_before_it_arrived_is_refused(world: World) -> None:
    """A late request must not leave a pair that nobody waits for."""
    card = world.card()
    order = world.phone_order(card)
    assert world.authority.discarded(Carrier.PHONE, order.request_id) == []
    with pytest.raises(Refused, match=r"authority\.discarded"):
        world.authority.certify_phone(order)
    with pytest.raises(Conflict, match=r"authority\.wrong_state"):
        world.authority.delivered(Carrier.PHONE, order.request_id)


def test_cards_and_phones_do_not_share_request_identifiers(world: World) -> None:
    """Two services choose them without knowing of each other."""
    card = world.authority.certify_card(world.card_order(request_id="1"))
    phone = world.authority.certify_phone(world.phone_order(card, request_id="1"))
    world.authority.discarded(Carrier.PHONE, "1")
    now = world.clock.now()
    assert world.authority.holder(Kind.AUTHENTICATION, card.authentication.serial).status(now) is Status.GOOD
    assert world.authority.holder(Kind.AUTHENTICATION, phone.authentication.serial).status(now) is Status.REVOKED


# -- crashes -----------------------------------------------------------------------------------------------------------


class PowerCut(Exception):
    """The process is gone."""


def test_what_was_recorded_before_a_crash_is_signed_after_it(tmp_path: Path) -> None:
    """The record is the promise: the same serial numbers, the same bytes, whether the request comes again or not."""
    commits: list[str] = []

    def cut(name: str) -> None:
        commits.append(name)
        if len(commits) == 4:  # two foundations, the secret, the record
            raise PowerCut

    with opened(tmp_path, on_commit=cut) as world:
        order = world.card_order()
        with pytest.raises(PowerCut):
            world.authority.certify_card(order)
        recorded = world.authority.certificates(HANAKO)
        assert [one.der for one in recorded] == [None, None]
        issued = reopened(world).authority.certify_card(order)
        assert [one.tbs for one in recorded] == [one.tbs for one in (issued.signing, issued.authentication) if one]
        assert all(one.der for one in world.authority.certificates(HANAKO))
        world.authority.verify_audit()


def test_recovery_signs_without_being_asked(tmp_path: Path) -> None:
    """Nobody may ever repeat the request; the log must close all the same."""
    commits: list[str] = []

    def cut(name: str) -> None:
        commits.append(name)
        if len(commits) == 4:
            raise PowerCut

    with opened(tmp_path, on_commit=cut) as world:
        with pytest.raises(PowerCut):
            world.authority.certify_card(world.card_order())
        asyncio.run(reopened(world).authority.recover())
        assert all(one.der for one in world.authority.certificates(HANAKO))
        assert world.authority.certificates(HANAKO)[0].request_id == "card-1"


def test_the_stages_of_a_request_are_the_tables(world: World) -> None:
    """Delivered once and again, discarded once and again, never back."""
    issued = world.card(deliver=False)
    request_id = issued.request.request_id
    assert issued.request.stage is Stage.ISSUED
    for _ in range(2):
        assert world.authority.delivered(Carrier.CARD, request_id) == []
    for _ in range(2):
        assert len(world.authority.discarded(Carrier.CARD, request_id)) == 2
    with pytest.raises(Conflict, match=r"authority\.wrong_state"):
        world.authority.delivered(Carrier.CARD, request_id)


def test_the_service_shows_nothing_personal(world: World) -> None:
    """No name, address or code in a repr."""
    issued = world.card()
    shown = repr(issued) + repr(world.card_order()) + repr(world.event(Cause.MOVED)) + repr(world.authority)
    for secret in (HANAKO, "山田", "渋谷", "token-of"):
        assert secret not in shown
