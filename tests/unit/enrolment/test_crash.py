# SPDX-License-Identifier: Apache-2.0
"""Either side is killed at each of its commits; after a restart the same call goes on, and nothing is half done."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tegata.card import Card
from tegata.enrolment.model import Act, State
from tegata.jpki import Kind
from tegata.phone.errors import ServiceError
from tegata.reader import JpkiSession
from tegata.reader.memory import insert
from unit.enrolment.kit import AUTH_PIN, PASSWORD, Killed, Pocket, World

Doing = Callable[[Pocket, Card], Awaitable[object]]


def kill_at(number: int) -> Callable[[], None]:
    """Return a hook that kills the process at its n-th call."""
    count = 0

    def hook() -> None:
        nonlocal count
        count += 1
        if count == number:
            raise Killed

    return hook


def arm(world: World, pocket: Pocket, place: str, number: int) -> None:
    """Set the trap."""
    hook = kill_at(number)
    if place == "service":
        world.on_commit = lambda _: hook()
    elif place == "phone, before it writes":
        pocket.before_persist = hook
    else:
        pocket.after_persist = hook


def disarm(world: World, pocket: Pocket, place: str) -> None:
    """Take the trap away and start what was killed, from its disk."""
    world.on_commit = lambda _: None
    pocket.before_persist = pocket.after_persist = lambda: None
    if place == "service":
        world.restart()
        asyncio.run(world.service.recover())
    else:
        pocket.start()


PLACES = ("service", "phone, before it writes", "phone, after it wrote")
ENOUGH = 60


def killed_everywhere(
    place: str, folder: Path, prepare: Doing | None, act: Doing, check: Callable[[World, Pocket, Card], None]
) -> int:
    """Do `act` in a new world for each commit, killed there and then done again; returns how many commits there are."""
    for number in range(1, ENOUGH):
        world = World(fresh(folder, number))
        card, pocket = world.card(), world.phone()
        if prepare is not None:
            asyncio.run(ignoring(prepare(pocket, card)))
        arm(world, pocket, place, number)
        try:
            asyncio.run(ignoring(act(pocket, card)))
        except Killed:
            disarm(world, pocket, place)
            asyncio.run(ignoring(act(pocket, card)))
            check(world, pocket, card)
            world.service.close()
        else:
            check(world, pocket, card)
            world.service.close()
            return number - 1
    raise AssertionError("there is no end to it")


def fresh(folder: Path, number: int) -> Path:
    """Return a folder of its own."""
    made = folder / str(number)
    made.mkdir()
    return made


async def ignoring(awaitable: Awaitable[object]) -> None:
    """Await what is awaitable."""
    await awaitable


def check_usable(world: World, pocket: Pocket, card: Card) -> None:
    """Exactly one pair is good, the service and the phone agree on it, and both secrets work."""
    (pair,) = world.authority.live()
    (request_id,) = (i for i, p in world.authority.pairs.items() if p is pair)
    installed = world.service._store.in_states(State.INSTALLED)
    assert [a.issue_request_id for a in installed] == [request_id]
    assert world.service._store.debts() == []
    assert pair.told[-1] == "installed"
    assert pocket.app.enrolment.ready
    session = JpkiSession(insert(pocket.phone.element))
    for kind, pin in ((Kind.SIGNING, PASSWORD), (Kind.AUTHENTICATION, AUTH_PIN)):
        session.verify(kind, pin)
        assert session.certificate(kind) == world.authority.der[kind, pair.serials[kind]]


def check_gone(world: World, pocket: Pocket, card: Card) -> None:
    """Nothing is good at the authority any more, and the element is empty."""
    assert world.authority.live() == []
    assert world.service._store.debts() == []
    assert pocket.app.enrolment.state == "ended"
    assert pocket.phone.describe()["certificates"] == []
    assert not pocket.phone.describe()["biometrics"]


async def enrol(pocket: Pocket, card: Card) -> object:
    """Enrol, or go on."""
    return await pocket.enrol(card)


async def stop(pocket: Pocket, card: Card) -> object:
    """Stop, or go on stopping."""
    return await pocket.app.stop()


@pytest.mark.parametrize("place", PLACES)
def test_enrolment_survives_a_kill_at_every_commit(place: str, tmp_path: Path) -> None:
    """Whoever is killed wherever: the same call afterwards ends in exactly one usable pair."""
    assert killed_everywhere(place, tmp_path, None, enrol, check_usable) >= 5


@pytest.mark.parametrize("place", PLACES)
def test_stopping_survives_a_kill_at_every_commit(place: str, tmp_path: Path) -> None:
    """Whoever is killed wherever: the same call afterwards leaves no good certificate and no key."""
    assert killed_everywhere(place, tmp_path, enrol, stop, check_gone) >= 3


@pytest.mark.parametrize("place", PLACES[:1])
def test_enrolling_again_after_stopping_survives_too(place: str, tmp_path: Path) -> None:
    """A second life in the same element."""

    async def both(pocket: Pocket, card: Card) -> None:
        await pocket.enrol(card)
        await pocket.app.stop()

    assert killed_everywhere(place, tmp_path, both, enrol, check_usable) >= 5


@pytest.mark.parametrize("call", ["/applications", "/proof", "/step", "/phone-certificates"])
def test_a_lost_answer_costs_nothing(call: str, tmp_path: Path) -> None:
    """The owner is told that a service does not answer; the same call again goes on from there."""
    world = World(tmp_path)
    card, pocket = world.card(), world.phone()
    world.wire.lose.append(call)
    with pytest.raises(ServiceError):
        asyncio.run(pocket.enrol(card))
    asyncio.run(pocket.enrol(card))
    check_usable(world, pocket, card)


def test_an_authority_that_misses_the_news_is_told_later(tmp_path: Path) -> None:
    """The phone is enrolled; that the pair is installed stays owed until the authority has answered."""
    world = World(tmp_path)
    card, pocket = world.card(), world.phone()
    world.wire.lose.append("/installed")
    asyncio.run(pocket.enrol(card))
    assert [debt.act for debt in world.service._store.debts()] == [Act.INSTALLED]
    asyncio.run(world.service.recover())
    check_usable(world, pocket, card)
