# SPDX-License-Identifier: Apache-2.0
"""The register: who is entered, what happens to whom, and that the authority hears all of it, once and in order."""

import asyncio
from datetime import date
from typing import Any

import pytest

from tegata.crypto.vault import Vault, VaultError
from tegata.jpki.attributes import BadAttributes, BirthDate, Sex
from tegata.jpki.municipalities import UnknownMunicipality
from tegata.municipality.errors import Conflict, NotFound, Refused
from tegata.municipality.model import Happening, Standing
from unit.municipality.kit import HANAKO, NUMBER, Killed, Town, go
from unit.refusal import refused

MOVE = {"address": "京都府京都市中京区見本町１", "municipality_code": "26104"}


def happen(town: Town, code: str, happening: Happening, members: dict[str, Any], event: str = "event.1") -> None:
    """Record a happening."""
    go(town.service.happen(event, code, happening, members))


def test_a_resident_is_entered_with_what_she_did_not_say(town: Town) -> None:
    """She is the head of her own household, there since today."""
    code = town.register()
    one = town.service.resident(code)
    assert (one.household, one.relationship, one.since) == (code, "世帯主", date(2026, 11, 24))
    assert (one.birth, one.sex, one.individual_number) == (BirthDate.of(1990, 5, 5), Sex.FEMALE, NUMBER)
    assert town.service.residents() == [one]


def test_entering_is_repeated_safely(town: Town) -> None:
    """The same request is the same person; other content under it is refused."""
    code = town.register()
    assert town.register() == code
    with refused("municipality.request_reused", Conflict):
        town.register(name="山田　華子")
    assert len(town.service.residents()) == 1


def test_codes_are_given_one_after_another_around_those_taken(town: Town) -> None:
    """A code may be asked for, if nobody has it."""
    second = "90000000026"
    assert town.register("register.1", resident_code=second) == second
    with refused("municipality.code_taken", Conflict):
        town.register("register.2", resident_code=second)
    others = [town.register(f"register.{n}") for n in range(3, 6)]
    assert len({second, *others}) == 4


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", None),
        ("name", ""),
        ("name", 5),
        ("name", ["山田"]),
        ("name", {"first": "花子"}),
        ("name", "あ" * 201),
        ("name", "山田\n花子"),
        ("kana", "ヤマダ\u202e"),
        ("address", "\ufa19田"),
        ("birth", "400000505"),  # a year that no calendar has
        ("birth", "419900230"),
        ("birth", "419900005"),  # a day of an unknown month
        ("birth", "520261125"),  # tomorrow
        ("birth", "119900505"),  # an era long over
        ("birth", "519890107"),
        ("sex", "4"),
        ("sex", "female"),
        ("household", "hanako"),
        ("household", "1"),
        ("since", "yesterday"),
        ("since", "2026-11-25"),
        ("stay_until", "2028-13-01"),
        ("nationality", ""),
        ("resident_code", "123"),
        ("resident_code", 90000000018),
        ("resident_code", ["90000000018"]),
        ("municipality", "渋谷区"),
    ],
)
def test_a_wrong_member_is_named(town: Town, member: str, value: Any) -> None:
    """Missing, misspelt, of another type, impossible: which one, never what was in it; and nobody is entered."""
    with refused("municipality.bad_entry", Refused) as caught:
        town.register(**{member: value})
    assert caught.value.facts == {"field": member}
    assert town.service.residents() == []


@pytest.mark.parametrize("birth", ["19900505", "41990-5-5", "4199005055", "９19900505"])
def test_a_birth_date_of_another_form_is_refused(town: Town, birth: str) -> None:
    """It needs its era digit."""
    with refused("jpki.bad_attributes", BadAttributes):
        town.register(birth=birth)


@pytest.mark.parametrize(
    "birth", ["319890000", "419890000", "419890100", "319890100", "319380400", "520261124", "520261100"]
)
def test_partly_unknown_birth_dates_are_entered(town: Town, birth: str) -> None:
    """In any era that the unknown part allows, and up to today."""
    assert str(town.service.resident(town.register(birth=birth)).birth) == birth


def test_a_number_that_could_be_real_is_refused(town: Town) -> None:
    """Nobody's number is kept here."""
    with refused("municipality.number_not_synthetic", Refused) as caught:
        town.register(individual_number="900000000370"[:11] + "0")
    assert caught.value.facts == {}
    with refused("jpki.unknown_municipality", UnknownMunicipality):
        town.register(municipality_code="99999")
    with refused("municipality.no_substitute", Refused):
        town.register(name="山田　😀")


def test_a_move_is_recorded_and_told(town: Town) -> None:
    """The old address stays as the previous one; the authority hears what, not where to."""
    code = town.register()
    happen(town, code, Happening.MOVE, MOVE)
    one = town.service.resident(code)
    assert (one.address, one.previous_address) == (MOVE["address"], HANAKO["address"])
    assert (one.municipality_code, one.household) == ("26104", code)
    (told,) = town.authority.events
    assert set(told) == {"event_id", "sequence", "resident_code", "kind", "occurred_at"}
    assert (told["kind"], told["sequence"], told["occurred_at"]) == ("moved", 1, "2026-11-24T03:00:00Z")
    (event,) = town.service.history(code)[0]
    assert event.answer == {"revoked": ["77"]}


def test_who_moves_without_a_new_household_heads_her_own(town: Town) -> None:
    """And who names one joins it."""
    head = town.register()
    code = town.register("register.2", household=head, relationship="妻")
    happen(town, code, Happening.MOVE, MOVE)
    assert (town.service.resident(code).household, town.service.resident(code).relationship) == (code, "世帯主")
    happen(town, code, Happening.MOVE, MOVE | {"household": head, "relationship": "妻"}, "event.2")
    assert (town.service.resident(code).household, town.service.resident(code).relationship) == (head, "妻")
    with refused("municipality.bad_entry", Refused):
        happen(town, code, Happening.MOVE, MOVE | {"household": "elsewhere"}, "event.3")


@pytest.mark.parametrize(
    ("happening", "members", "field", "value"),
    [
        (Happening.NAME_CHANGE, {"name": "佐藤　花子", "kana": "サトウ　ハナコ"}, "name", "佐藤　花子"),
        (Happening.SEX_CORRECTION, {"sex": "1"}, "sex", Sex.MALE),
        (Happening.BIRTH_CORRECTION, {"birth": "419900506"}, "birth", BirthDate.of(1990, 5, 6)),
        (Happening.DEATH, {}, "standing", Standing.DEAD),
        (Happening.LEAVE_REGISTER, {}, "standing", Standing.LEFT),
        (Happening.CARD_LOST, {}, "standing", Standing.RESIDENT),
        (Happening.CARD_RETURNED, {}, "standing", Standing.RESIDENT),
    ],
)
def test_each_happening_changes_what_it_should(
    town: Town, happening: Happening, members: dict[str, Any], field: str, value: object
) -> None:
    """And reaches the authority."""
    code = town.register()
    happen(town, code, happening, members)
    assert getattr(town.service.resident(code), field) == value
    assert len(town.authority.events) == 1


@pytest.mark.parametrize(
    ("happening", "members", "field"),
    [
        (Happening.MOVE, {"address": "x"}, "municipality_code"),
        (Happening.MOVE, MOVE | {"address": 5}, "address"),
        (Happening.MOVE, MOVE | {"name": "x"}, "name"),
        (Happening.NAME_CHANGE, {"name": "x"}, "kana"),
        (Happening.DEATH, {"name": "x"}, "name"),
        (Happening.DEATH, {"x" * 1000: 1}, "x" * 40),
        (Happening.SEX_CORRECTION, {"sex": "9"}, "sex"),
        (Happening.BIRTH_CORRECTION, {"birth": "520990101"}, "birth"),
    ],
)
def test_a_happening_with_a_wrong_member_did_not_happen(
    town: Town, happening: Happening, members: dict[str, Any], field: str
) -> None:
    """Missing, strange, impossible; nothing is recorded and nothing told."""
    code = town.register()
    before = town.service.resident(code)
    with refused("municipality.bad_entry", Refused) as caught:
        happen(town, code, happening, members)
    assert caught.value.facts == {"field": field}
    assert town.service.resident(code) == before
    assert town.service.history(code)[0] == []
    assert town.authority.events == []


def test_to_whom_nothing_can_happen_any_more(town: Town) -> None:
    """The dead, and whoever nobody knows."""
    code = town.register()
    happen(town, code, Happening.DEATH, {})
    with refused("municipality.not_in_register", Refused) as caught:
        happen(town, code, Happening.MOVE, MOVE, "event.2")
    assert caught.value.facts == {"standing": "dead"}
    with refused("municipality.unknown_resident", NotFound):
        happen(town, "90000000000", Happening.DEATH, {}, "event.3")


def test_a_happening_is_repeated_safely(town: Town) -> None:
    """The same request is the same event; other content under it is refused."""
    code = town.register()
    happen(town, code, Happening.MOVE, MOVE)
    happen(town, code, Happening.MOVE, MOVE)
    assert len(town.authority.events) == len(town.service.history(code)[0]) == 1
    with refused("municipality.request_reused", Conflict):
        happen(town, code, Happening.DEATH, {})


@pytest.mark.parametrize("mood", ["down", "away", "no", "rude", "confused", "list"])
def test_what_the_authority_does_not_take_waits_in_order(town: Town, mood: str) -> None:
    """It is recorded and said to be undelivered; later, one resident's events come in their order, each once."""
    first, second = town.register(), town.register("register.2")
    town.authority.mood = mood
    for number, code in enumerate((first, second, first, first)):
        event = go(town.service.happen(f"event.{number}", code, Happening.MOVE, MOVE))
        assert not event.delivered
    town.authority.mood = ""
    town.authority.asked.clear()
    go(town.service.recover())
    told = [(one["resident_code"], one["sequence"]) for one in town.authority.events]
    assert [n for code, n in told if code == first] == [1, 2, 3]
    assert [n for code, n in told if code == second] == [1]
    assert all(event.delivered for code in (first, second) for event in town.service.history(code)[0])
    assert len(town.authority.asked) == 4


def test_one_residents_trouble_holds_up_nobody_else(town: Town) -> None:
    """Her later events wait behind the first; the others' pass."""
    first, second = town.register(), town.register("register.2")
    town.authority.mood = "down"
    for number, code in enumerate((first, first, second)):
        go(town.service.happen(f"event.{number}", code, Happening.MOVE, MOVE))
    town.authority.mood = ""
    takes = town.service._authority.tell

    async def not_hers(event: Any) -> dict[str, Any]:
        if event.resident_code == first:
            raise Refused("municipality.authority_refused", because="x", status=422)
        return await takes(event)

    town.service._authority.tell = not_hers  # type: ignore[method-assign]
    go(town.service.deliver())
    assert [event.delivered for event in town.service.history(first)[0]] == [False, False]
    assert [event.delivered for event in town.service.history(second)[0]] == [True]


@pytest.mark.parametrize("moment", range(1, 8))
def test_killed_at_any_moment_the_register_and_the_authority_agree(town: Town, moment: int) -> None:
    """Entered or not, happened or not, never half; after the repeat, once."""
    town.strike_at(moment)
    try:
        code = town.register()
        happen(town, code, Happening.MOVE, MOVE)
        happen(town, code, Happening.DEATH, {}, "event.2")
    except Killed:
        town.service.close()
        town.open()
    town.strike_at(None)
    for one in town.service.residents():
        events = town.service.history(one.code)[0]
        assert (one.standing is Standing.DEAD) is (len(events) == 2)
        assert (one.previous_address is not None) is (len(events) > 0)
    code = town.register()
    happen(town, code, Happening.MOVE, MOVE)
    happen(town, code, Happening.DEATH, {}, "event.2")
    assert [one["kind"] for one in town.authority.events] == ["moved", "died"]
    assert [event.sequence for event in town.service.history(code)[0]] == [1, 2]
    assert all(event.delivered for event in town.service.history(code)[0])


def test_events_at_the_same_time_are_told_once(town: Town) -> None:
    """Twenty at once, in one event loop."""
    code = town.register()

    async def many() -> None:
        acts = [town.service.happen(f"event.{n}", code, Happening.CARD_LOST, {}) for n in range(20)]
        await asyncio.gather(*acts)

    asyncio.run(many())
    assert [one["sequence"] for one in town.authority.events] == list(range(1, 21))
    assert town.authority.asked.count("") == 20


def test_another_key_does_not_open_the_register(town: Town) -> None:
    """Numbers are sealed: a copied file without its key tells none."""
    town.register()
    town.service.close()
    town.vault = Vault(b"\x01" * 32)
    town.open()
    with refused("crypto.vault_cannot_open", VaultError):
        town.service.residents()
    assert NUMBER.encode() not in b"".join(file.read_bytes() for file in town.path.parent.iterdir())


def test_nothing_personal_shows(town: Town) -> None:
    """A resident and an event in a log tell next to nothing."""
    code = town.register()
    happen(town, code, Happening.MOVE, MOVE)
    shown = repr(town.service.resident(code)) + repr(town.service.history(code)) + repr(town.service.config)
    for secret in ("花子", "京都", "渋谷区", NUMBER, code, "1990", "token-"):
        assert secret not in shown
