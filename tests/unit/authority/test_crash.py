# SPDX-License-Identifier: Apache-2.0
"""A power cut after any commit, or before it: nothing is half done, and whoever repeats gets what was promised."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tegata.authority.config import Config
from tegata.authority.errors import Conflict
from tegata.authority.model import CardOrder, Cause, Event, PhoneOrder, Status
from tegata.authority.service import Authority
from tegata.clock import SetClock
from tegata.crypto.keys import Algorithm
from tegata.jpki import Carrier, Kind
from unit.authority.kit import HANAKO, NOW, TOKENS, URL, VAULT, World, opened


class PowerCut(Exception):
    """The process is gone."""


class Story:
    """One person's story in nine calls, with everything that is random chosen beforehand."""

    def __init__(self, folder: Path) -> None:
        with opened(folder) as world:
            self.card: CardOrder = world.card_order(request_id="card")
            self.phones = [(csr(world), csr(world)) for _ in range(2)]
        self.moved = Event("moved", 1, HANAKO, Cause.MOVED, NOW)

    def phone(self, authority: Authority, number: int) -> PhoneOrder:
        """Return the order of the n-th phone."""
        parent = authority.certify_card(self.card).signing
        assert parent is not None
        return PhoneOrder(f"phone-{number}", parent.serial, *self.phones[number])

    def steps(self) -> list[Callable[[Authority], object]]:
        """Return the calls in order; each may be repeated."""
        return [
            lambda a: a.certify_card(self.card),
            lambda a: delivered(a, Carrier.CARD, "card"),
            lambda a: a.certify_phone(self.phone(a, 0)),
            lambda a: delivered(a, Carrier.PHONE, "phone-0"),
            lambda a: a.certify_phone(self.phone(a, 1)),
            lambda a: delivered(a, Carrier.PHONE, "phone-1"),
            lambda a: a.hold("call", "phone-1"),
            lambda a: a.happen(self.moved),
            lambda a: a.discarded(Carrier.PHONE, "phone-1"),
        ]


def delivered(authority: Authority, carrier: Carrier, request_id: str) -> None:
    """Say that a carrier was delivered; a repeat after it was discarded is told so, which settles it for the caller."""
    with suppress(Conflict):
        authority.delivered(carrier, request_id)


def csr(world: World) -> bytes:
    """Return a request for a new key."""
    return world.card_order().authentication


def final(authority: Authority) -> list[tuple[object, ...]]:
    """Return what a story came to, without what is random in it."""
    return [
        (one.kind, one.serial, one.carrier, one.request_id, one.parent, one.renews, one.revocation, one.der is not None)
        for one in authority.certificates(HANAKO)
    ]


def run(folder: Path, story: Story, on_commit: Callable[[str], None] | None = None) -> Authority:
    """Open the authority and tell the whole story."""
    authority = open_at(folder, on_commit)
    for step in story.steps():
        step(authority)
    return authority


def open_at(folder: Path, on_commit: Callable[[str], None] | None = None) -> Authority:
    """Open the authority of a folder."""
    return Authority.open(_CONFIG, SetClock(NOW), VAULT, folder / "authority.sqlite", on_commit=on_commit)


_CONFIG = Config(URL, TOKENS, Algorithm.EC_P256)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Return the story; its orders are the same in every test."""
    return Story(tmp_path_factory.mktemp("orders"))


@pytest.fixture(scope="module")
def outcome(story: Story, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple[object, ...]], int]:
    """Return what the undisturbed story comes to, and in how many commits."""
    commits: list[str] = []
    authority = run(tmp_path_factory.mktemp("undisturbed"), story, commits.append)
    result = final(authority)
    authority.close()
    return result, len(commits)


def test_the_story_has_an_end(outcome: tuple[list[tuple[object, ...]], int]) -> None:
    """Six certificates; the undisturbed run is worth comparing with."""
    result, commits = outcome
    assert len(result) == 6
    assert commits == 15


@pytest.mark.parametrize("number", range(1, 16))
def test_a_cut_after_any_commit_changes_nothing_in_the_end(
    story: Story, outcome: tuple[list[tuple[object, ...]], int], tmp_path: Path, number: int
) -> None:
    """The caller, who got no answer, begins again: the same certificates, none twice, and the log closes."""
    left = number

    def cut(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise PowerCut

    with suppress(PowerCut):
        run(tmp_path, story, cut)
    assert left == 0
    authority = run(tmp_path, story)
    assert final(authority) == outcome[0]
    authority.verify_audit()
    authority.close()


@pytest.mark.parametrize("number", range(9))
def test_an_act_that_fails_half_way_leaves_nothing(story: Story, tmp_path: Path, number: int) -> None:
    """The disk refuses the audit entry, the last thing that an act writes: then nothing else of it is there either."""
    authority = open_at(tmp_path)
    steps = story.steps()
    for step in steps[:number]:
        step(authority)
    before, entries = final(authority), authority.entries()
    refuse = "CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
    with sqlite3.connect(tmp_path / "authority.sqlite") as connection:
        connection.execute(refuse)
    with pytest.raises(sqlite3.IntegrityError):
        steps[number](authority)
    assert (final(authority), authority.entries()) == (before, entries)
    connection.execute("DROP TRIGGER refuse")
    connection.close()
    steps[number](authority)
    authority.verify_audit()
    authority.close()


def test_a_hold_that_was_acknowledged_is_there_after_the_cut(story: Story, tmp_path: Path) -> None:
    """And nothing that is repeated later makes it good again."""
    run(tmp_path, story).close()
    authority = run(tmp_path, story)
    held = authority.holder(Kind.SIGNING, authority.certify_phone(story.phone(authority, 1)).signing.serial)  # type: ignore[union-attr]
    assert held.status(NOW) is Status.HELD
    authority.close()
