# SPDX-License-Identifier: Apache-2.0
"""Issuing a card: from any crash and any silence to one card that works, or to none and nothing owed."""

import asyncio
from datetime import date

import pytest

from tegata.card import Card, CardImage
from tegata.card.rules import Life
from tegata.jpki import Kind
from tegata.municipality.errors import Conflict, NotFound, Refused, Unavailable
from tegata.municipality.model import CardIssue, CardState, Happening, Pins
from tegata.reader import BadPinFormat, JpkiSession, TextSession, TransportError
from unit.municipality.kit import NUMBER, PINS, Killed, Town, go
from unit.refusal import refused

FATAL_MOMENTS = 110
"""More moments than issuing one card has."""


def issue(town: Town, code: str, request_id: str = "card.1", card_id: str = "TEGATA1", pins: Pins = PINS) -> CardIssue:
    """Issue a card."""
    return go(town.service.issue_card(request_id, code, card_id, pins))


def works(town: Town, card_id: str = "TEGATA1") -> None:
    """Assert that a card is whole: its keys sign after their PINs, and it knows its holder."""
    card = town.cards[card_id]
    assert card.image.life is Life.ISSUED
    session = JpkiSession(card.transmit)
    session.verify(Kind.SIGNING, "ABC123")
    session.verify(Kind.AUTHENTICATION, "1234")
    assert session.sign(Kind.SIGNING, b"x")
    assert session.sign(Kind.AUTHENTICATION, b"x")
    text = TextSession(card.transmit)
    text.verify("4321")
    assert text.individual_number() == NUMBER
    assert text.attributes().name == "山田　花子"


def test_a_card_is_issued(town: Town) -> None:
    """Keys, certificates, content, delivered; the PINs are erased with the step that used them."""
    code = town.register()
    town.blank()
    done = issue(town, code)
    assert (done.state, done.pins, done.card_expires) == (CardState.DELIVERED, None, date(2036, 5, 5))
    works(town)
    assert town.authority.standing == {"card.1": "delivered"}
    asked = town.authority.issued["card.1"]
    assert asked["basic_four"]["name"] == "山田　花子"
    assert (asked["birth_date"], asked["card_expires"]) == ("1990-05-05", "2036-05-05")
    assert "individual_number" not in asked
    assert NUMBER not in str(asked)


def test_repeating_the_request_changes_nothing(town: Town) -> None:
    """The same answer, no second pair of certificates, no second visit to the card."""
    code = town.register()
    town.blank()
    first = issue(town, code)
    image = town.cards["TEGATA1"].image
    assert issue(town, code) == first
    assert town.cards["TEGATA1"].image == image
    assert len(town.authority.issued) == 1


def test_one_request_is_one_card_for_one_person(town: Town) -> None:
    """Another card or another person under it is refused."""
    code = town.register()
    town.blank()
    issue(town, code)
    town.blank("TEGATA2")
    for resident, card_id in ((code, "TEGATA2"), (town.register("register.2"), "TEGATA1")):
        with refused("municipality.request_reused", Conflict):
            issue(town, resident, card_id=card_id)


@pytest.mark.parametrize("moment", range(1, FATAL_MOMENTS))
def test_killed_at_any_moment_the_same_call_ends_well(town: Town, moment: int) -> None:
    """After each commit, act of the authority and answer of the card: one restart, one repeat, one card."""
    code = town.register()
    town.blank()
    town.strike_at(moment)
    try:
        issue(town, code)
    except Killed:
        town.service.close()
        town.open()
    else:
        assert town.moments < moment
    town.strike_at(None)
    assert issue(town, code).state is CardState.DELIVERED
    works(town)
    assert town.authority.standing == {"card.1": "delivered"}


@pytest.mark.parametrize("moment", range(1, FATAL_MOMENTS, 5))
def test_recovery_finishes_what_a_crash_left(town: Town, moment: int) -> None:
    """Without anybody repeating the call, as long as the card still lies there."""
    code = town.register()
    town.blank()
    town.strike_at(moment)
    try:
        issue(town, code)
    except Killed:
        town.service.close()
        town.open()
    town.strike_at(None)
    go(town.service.recover())
    (done,) = town.service.history(code)[1]
    assert (done.state, done.pins) == (CardState.DELIVERED, None)
    works(town)


def test_issuing_has_fewer_moments_than_were_tried(town: Town) -> None:
    """Otherwise the test above would have missed the last ones."""
    code = town.register()
    town.blank()
    town.strike_at(None)
    issue(town, code)
    assert 20 < town.moments < FATAL_MOMENTS - 1


@pytest.mark.parametrize("mood", ["down", "away", "confused", "list", "empty", "half"])
def test_an_authority_that_does_not_answer_is_waited_for(town: Town, mood: str) -> None:
    """Down, unreachable, or talking nonsense: nothing is lost, and the repeat goes on from there."""
    code = town.register()
    town.blank()
    town.authority.mood = mood
    with refused("municipality.authority_unavailable", Unavailable):
        issue(town, code)
    made = dict(town.cards["TEGATA1"].image.keys)
    assert town.service.history(code)[1][0].state is CardState.KEYED
    go(town.service.recover())
    town.authority.mood = ""
    assert issue(town, code).state is CardState.DELIVERED
    kept = town.cards["TEGATA1"].image.keys
    assert {place: kept[place].pkcs8 for place in made} == {place: key.pkcs8 for place, key in made.items()}
    works(town)


@pytest.mark.parametrize(("mood", "because"), [("no", "authority.no"), ("rude", "http 403")])
def test_an_authority_that_says_no_ends_it(town: Town, mood: str, because: str) -> None:
    """For good, with its reason; the card stays blank in effect, and another request may follow."""
    code = town.register()
    town.blank()
    town.authority.mood = mood
    for _ in range(2):
        with refused("municipality.card_not_issued", Refused) as caught:
            issue(town, code)
        assert caught.value.facts == {"because": because}
    (over,) = town.service.history(code)[1]
    assert (over.state, over.pins) == (CardState.FAILED, None)
    town.authority.mood = ""
    assert issue(town, code, "card.2").state is CardState.DELIVERED


def test_a_card_of_another_issuer_ends_it(town: Town) -> None:
    """Nothing was certified yet, so nothing is owed."""
    code = town.register()
    town.cards["TEGATA1"] = Card(CardImage.blank("card", b"\x01" * 16, "TEGATA1"))
    with refused("municipality.card_not_issued", Refused) as caught:
        issue(town, code)
    assert caught.value.facts == {"because": "reader.issuer_refused"}
    assert town.service.history(code)[1][0].state is CardState.FAILED
    assert town.authority.asked == []


def test_a_card_that_is_not_there_is_waited_for(town: Town) -> None:
    """Never put on the counter, or taken away before the second visit."""
    code = town.register()
    with refused("municipality.card_not_on_counter", Unavailable):
        issue(town, code)
    town.blank()
    town.authority.mood = "down"
    with pytest.raises(Unavailable):
        issue(town, code)
    town.authority.mood = ""
    away = town.cards.pop("TEGATA1")
    with refused("municipality.card_not_on_counter", Unavailable):
        issue(town, code)
    assert town.service.history(code)[1][0].state is CardState.CERTIFIED
    town.cards["TEGATA1"] = away
    assert issue(town, code).state is CardState.DELIVERED


def test_another_card_under_the_same_number_is_noticed(town: Town) -> None:
    """The certificates are for keys that it does not have: they are revoked, and the issue is over."""
    code = town.register()
    town.blank()
    town.authority.mood = "down"
    with pytest.raises(Unavailable):
        issue(town, code)
    town.authority.mood = ""
    town.blank()
    for _ in range(2):
        with refused("municipality.card_not_issued", Refused) as caught:
            issue(town, code)
        assert caught.value.facts == {"because": "reader.certificate_for_other_key"}
    assert town.authority.standing == {"card.1": "discarded"}
    assert town.service.history(code)[1][0].state is CardState.DISCARDED


def test_a_debt_to_the_authority_is_paid_later(town: Town) -> None:
    """When it cannot hear that the card was discarded, recovery tells it."""
    code = town.register()
    town.blank()
    town.authority.mood = "down"
    with pytest.raises(Unavailable):
        issue(town, code)
    town.authority.mood = ""
    town.blank()
    discarding = town.authority.app.router.routes[3]
    town.authority.app.router.routes.remove(discarding)
    with pytest.raises(Refused):
        issue(town, code)
    town.authority.app.router.routes.append(discarding)
    town.authority.standing.clear()
    go(town.service.recover())
    assert town.service.history(code)[1][0].state is CardState.DISCARDED


def test_a_line_that_breaks_while_writing_is_tried_again(town: Town) -> None:
    """The card is half written; the next visit writes it whole."""
    code = town.register()
    card = town.blank()
    town.authority.mood = "down"
    with pytest.raises(Unavailable):
        issue(town, code)
    town.authority.mood = ""
    whole, heard = card.transmit, 0

    def shaky(command: bytes) -> bytes:
        nonlocal heard
        heard += 1
        if heard == 8:
            raise TransportError("reader.connection_lost")
        return whole(command)

    card.transmit = shaky  # type: ignore[method-assign]
    with refused("municipality.card_not_on_counter", Unavailable):
        issue(town, code)
    card.transmit = whole  # type: ignore[method-assign]
    issue(town, code)
    works(town)


@pytest.mark.parametrize(
    ("pins", "error"),
    [
        (Pins("123", "ABC123", "4321"), BadPinFormat),
        (Pins("1234", "ABCDEF", "4321"), BadPinFormat),
        (Pins("1234", "ABC123", "43210"), BadPinFormat),
        (Pins("1234", None, "4321"), Refused),
    ],
)
def test_bad_pins_are_refused_before_anything_begins(town: Town, pins: Pins, error: type[Exception]) -> None:
    """No card, no certificate, no record."""
    code = town.register()
    town.blank()
    with pytest.raises(error):
        issue(town, code, pins=pins)
    assert town.service.history(code)[1] == []
    assert town.authority.asked == []


def test_a_child_gets_no_signing_certificate(town: Town) -> None:
    """Under fifteen: one key, one certificate, and the card for five years."""
    code = town.register(birth="420120418")
    card = town.blank()
    done = issue(town, code, pins=Pins("1234", None, "4321"))
    assert done.card_expires == date(2031, 4, 18)
    session = JpkiSession(card.transmit)
    assert session.certificates_present() == {Kind.AUTHENTICATION}
    assert town.authority.issued["card.1"]["signing_csr"] is None
    assert session.retries(Kind.SIGNING) == 0


def test_a_child_that_chose_a_signing_password_gets_none_either(town: Town) -> None:
    """It is left out."""
    code = town.register(birth="420120418")
    card = town.blank()
    issue(town, code)
    assert JpkiSession(card.transmit).certificates_present() == {Kind.AUTHENTICATION}


@pytest.mark.parametrize("stay_until", ["2026-11-23", "2026-11-24"])
def test_a_stay_that_is_over_gets_no_card(town: Town, stay_until: str) -> None:
    """Today is the last day of a stay that ends today."""
    code = town.register(nationality="ニュージーランド", stay_until=stay_until)
    town.blank()
    with refused("municipality.stay_is_over", Refused):
        issue(town, code)


def test_who_is_not_in_the_register_gets_no_card(town: Town) -> None:
    """Unknown, dead, or gone."""
    with refused("municipality.unknown_resident", NotFound):
        issue(town, "90000000000")
    code = town.register()
    go(town.service.happen("event.1", code, Happening.DEATH, {}))
    with refused("municipality.not_in_register", Refused):
        issue(town, code)


@pytest.mark.parametrize("reached", [CardState.KEYED, CardState.CERTIFIED])
def test_who_dies_while_we_wait_gets_no_card(town: Town, reached: CardState) -> None:
    """What the authority may have certified in the meantime is discarded."""
    code = town.register()
    card = town.blank()
    town.authority.mood = "down" if reached is CardState.KEYED else ""
    if reached is CardState.CERTIFIED:
        lost_after_certifying(town, code)
    else:
        with pytest.raises(Unavailable):
            issue(town, code)
    assert town.service.history(code)[1][0].state is reached
    town.authority.mood = ""
    go(town.service.happen("event.1", code, Happening.DEATH, {}))
    with refused("municipality.card_not_issued", Refused) as caught:
        issue(town, code)
    assert caught.value.facts == {"because": "municipality.not_in_register"}
    assert town.service.history(code)[1][0].state is CardState.DISCARDED
    assert "delivered" not in town.authority.standing.values()
    assert card.image.life is Life.PERSONALISING


def lost_after_certifying(town: Town, code: str) -> None:
    """Issue until the certificates are recorded, then lose the card from the counter."""
    town.authority.mood = "down"
    with pytest.raises(Unavailable):
        issue(town, code)
    town.authority.mood = ""
    away = town.cards.pop("TEGATA1")
    with pytest.raises(Unavailable):
        issue(town, code)
    town.cards["TEGATA1"] = away


def test_calls_at_the_same_time_issue_one_card(town: Town) -> None:
    """Ten impatient clicks."""
    code = town.register()
    town.blank()

    async def click() -> list[CardIssue]:
        return await asyncio.gather(*(town.service.issue_card("card.1", code, "TEGATA1", PINS) for _ in range(10)))

    assert {one.state for one in asyncio.run(click())} == {CardState.DELIVERED}
    assert len(town.authority.issued) == 1
    works(town)


def test_an_unknown_issue_cannot_go_on(town: Town) -> None:
    """There is nothing to proceed with."""
    with refused("municipality.unknown_card_request", NotFound):
        go(town.service._cards.proceed("card.none"))


def test_pins_are_not_on_the_disk_in_the_clear(town: Town) -> None:
    """Neither while the issue waits nor afterwards."""
    code = town.register()
    with pytest.raises(Unavailable):
        issue(town, code, pins=Pins("8351", "QWERT97531", "6274"))
    stored = b"".join(file.read_bytes() for file in town.path.parent.iterdir())
    assert not any(secret in stored for secret in (b"8351", b"QWERT97531", b"6274", NUMBER.encode()))
    assert "QWERT" not in repr(town.service.history(code))
