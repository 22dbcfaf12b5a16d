# SPDX-License-Identifier: Apache-2.0
"""How people come to live in the country: names, households, repeats, and what is asked of the town hall."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tegata.clock import SetClock
from tegata.crypto.vault import Vault
from tegata.sandbox.errors import NotFound, PartyProblem, Refused
from tegata.sandbox.gateway import Gateway
from tegata.sandbox.personas import people
from tegata.sandbox.population import PINS, Population
from tegata.sandbox.things import Things
from unit.refusal import refused
from unit.sandbox import kit

PERSONAS = {one.slug: one for one in people(14, 1)}


class TownHall:
    """Registers whoever comes, and notes it; says no to whom it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refuses: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        body = json.loads(request.content)
        self.asked.append((request.url.path, body))
        if body["request_id"] in self.refuses:
            return httpx.Response(409, json={"reason": "municipality.odd"})
        return httpx.Response(201, json={"resident_code": f"code.{body['request_id']}"})

    def registered(self) -> dict[str, str | None]:
        """Return whom it registered, each with the head of her household."""
        return {body["request_id"]: body["household"] for path, body in self.asked if path.endswith("/residents")}


@contextmanager
def population(folder: Path, hall: TownHall) -> Iterator[tuple[Population, Things]]:
    """Open a population whose town hall is a fake."""
    things = Things.open(folder / "country.sqlite", Vault(bytes(32)))
    http = httpx.AsyncClient(transport=httpx.MockTransport(hall), base_url="http://hall.test")
    gateway = Gateway(http, {"operator": "token"})
    try:
        yield Population(things, gateway, SetClock(kit.NOW), None, PERSONAS, lambda _: bytes(16)), things
    finally:
        things.close()


def test_names_are_the_personas_own_then_numbered(tmp_path: Path) -> None:
    """The second 花子 is hanako-2; who asks for a name gets that one."""
    with population(tmp_path, TownHall()) as (people_of, _):
        slugs = [people_of.admit("hanako").slug for _ in range(3)]
        assert slugs == ["hanako", "hanako-2", "hanako-3"]
        assert people_of.admit("taro", "hanako-4").slug == "hanako-4"
        assert people_of.admit("hanako").slug == "hanako-5"


def test_the_same_wish_twice_is_one_person(tmp_path: Path) -> None:
    """A named person who is there already is found; somebody else with her name is refused."""
    with population(tmp_path, TownHall()) as (people_of, things):
        assert people_of.admit("hanako", "her") == people_of.admit("hanako", "her")
        with refused("sandbox.slug_taken", Refused):
            people_of.admit("taro", "her")
        assert things.counted() == (0, 1)


@pytest.mark.parametrize("slug", ["", "Hanako", "花子", "-x", "1x", "a b", "a/b", "a.b", "a_b", "x" * 49, "x\n"])
def test_names_that_no_address_could_hold_are_refused(tmp_path: Path, slug: str) -> None:
    """A slug stands in paths and request identifiers, so it is letters, digits and hyphens."""
    with population(tmp_path, TownHall()) as (people_of, things):
        with refused("sandbox.bad_slug", Refused):
            people_of.admit("hanako", slug)
        assert things.people() == []


def test_unknown_personas_are_refused(tmp_path: Path) -> None:
    """Nobody is made up on the way."""
    with population(tmp_path, TownHall()) as (people_of, _), refused("sandbox.unknown_persona", NotFound):
        people_of.admit("nobody" * 100)


def test_first_people_come_all_at_once_and_only_to_an_empty_country(tmp_path: Path) -> None:
    """A country that has people keeps those it has."""
    with population(tmp_path, TownHall()) as (people_of, things):
        people_of.admit_first(0)
        assert things.counted() == (0, 0)
        people_of.admit_first(14)
        assert [one.slug for one in things.people()] == list(PERSONAS)
        people_of.admit_first(14)
        assert things.counted() == (0, 14)


def test_settling_registers_once_and_issues_one_card(tmp_path: Path) -> None:
    """A second time nothing is asked; the card's number and the PINs are in the order."""
    hall = TownHall()
    with population(tmp_path, hall) as (people_of, _):
        people_of.admit("hanako")
        first, second = (asyncio.run(people_of.settle("hanako")) for _ in range(2))
    assert first == second
    assert first.settled
    (_, registration), (path, order) = hall.asked
    assert registration["name"] == PERSONAS["hanako"].name
    assert path == "/municipality/v1/residents/code.register.hanako/card"
    assert order == {"request_id": "card.TGTC000000000001", "card_id": "TGTC000000000001", **PINS}


def test_members_of_a_household_come_after_its_head(tmp_path: Path) -> None:
    """Whoever is settled first, the head is registered before; who came alone, or as a double, heads her own."""
    member = next(one for one in PERSONAS.values() if one.household != one.slug)
    head = member.household
    hall = TownHall()
    with population(tmp_path, hall) as (people_of, _):
        people_of.admit(member.slug)
        people_of.admit(head)
        double = people_of.admit(member.slug).slug
        for slug in (member.slug, double, head):
            asyncio.run(people_of.settle(slug))
    registered = hall.registered()
    assert list(registered)[:2] == [f"register.{head}", f"register.{member.slug}"]
    assert registered[f"register.{member.slug}"] == f"code.register.{head}"
    assert registered[f"register.{double}"] is None
    hall = TownHall()
    (tmp_path / "alone").mkdir()
    with population(tmp_path / "alone", hall) as (people_of, _):
        people_of.admit(member.slug)
        asyncio.run(people_of.settle(member.slug))
    assert hall.registered() == {f"register.{member.slug}": None}


def test_broken_off_anywhere_it_goes_on_with_the_same_requests(tmp_path: Path) -> None:
    """After a refusal of the card, a repeat asks for the same card again, not for another one."""
    hall = TownHall()
    hall.refuses = {"card.TGTC000000000001"}
    with population(tmp_path, hall) as (people_of, things):
        people_of.admit("hanako")
        with refused("municipality.odd", PartyProblem):
            asyncio.run(people_of.settle("hanako"))
        assert not things.person("hanako").settled
        hall.refuses = set()
        assert asyncio.run(people_of.settle("hanako")).settled
        assert len(things.listed("card")) == 1
    assert [body["request_id"] for _, body in hall.asked] == ["register.hanako", *["card.TGTC000000000001"] * 2]


def test_settling_everybody_tells_how_far_it_is(tmp_path: Path) -> None:
    """Those who are settled already count, and are not asked for again."""
    told: list[tuple[int, int]] = []
    hall = TownHall()
    with population(tmp_path, hall) as (people_of, _):
        people_of.admit_first(3)
        asyncio.run(people_of.settle("hanako"))
        asyncio.run(people_of.settle_all(lambda done, total: told.append((done, total))))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert len(hall.registered()) == 3


def test_settling_the_same_person_at_once_asks_once(tmp_path: Path) -> None:
    """Two who want her settled wait for one another."""
    hall = TownHall()

    async def both(people_of: Population) -> None:
        await asyncio.gather(people_of.settle("hanako"), people_of.settle("hanako"))

    with population(tmp_path, hall) as (people_of, _):
        people_of.admit("hanako")
        asyncio.run(both(people_of))
    assert len(hall.asked) == 2
