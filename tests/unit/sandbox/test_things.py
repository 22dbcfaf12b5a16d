# SPDX-License-Identifier: Apache-2.0
"""People and things as the country keeps them: in order, sealed, each number given once."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tegata.crypto.keys import SoftwareKey
from tegata.crypto.vault import Vault, VaultError
from tegata.sandbox.errors import NotFound
from tegata.sandbox.things import Thing, Things, utc
from unit.refusal import refused
from unit.sandbox import kit

IMAGE = b"an image with a PIN: 2580"


@pytest.fixture
def things(tmp_path: Path) -> Iterator[Things]:
    """Return an empty store."""
    opened = Things.open(tmp_path / "country.sqlite", Vault(bytes(32)), keys=SoftwareKey.generate)
    yield opened
    opened.close()


def bought(things: Things, kind: str, holder: str = "hanako") -> str:
    """Put a thing into the country; return its number."""
    number = things.next_id(kind)
    things.add(Thing(number, kind, holder, utc(kit.NOW)), IMAGE)
    return number


def test_people_stay_in_the_order_they_came(things: Things) -> None:
    """Whoever is added again stays where she is, as she is."""
    things.add_people({"c": "ren", "a": "taro"})
    things.registered("c", "code-c")
    things.settled("c")
    things.add_people({"b": "hanako", "c": "taro"})
    assert [(one.slug, one.persona) for one in things.people()] == [("c", "ren"), ("a", "taro"), ("b", "hanako")]
    assert things.person("c").resident_code == "code-c"
    assert things.counted() == (1, 3)
    assert [one.slug for one in things.people("c", 1)] == ["a"]
    assert things.people("b") == []


def test_an_empty_country_counts_nobody(things: Things) -> None:
    """No people is a number too."""
    assert things.counted() == (0, 0)
    assert things.people() == []
    things.add_people({})


def test_nobody_and_nothing_is_not_found(things: Things) -> None:
    """Each kind has its own reason, and a card is no phone."""
    things.add_people({"hanako": "hanako"})
    card = bought(things, "card")
    for reason, look in (
        ("sandbox.unknown_person", lambda: things.person("x")),
        ("sandbox.unknown_person", lambda: things.people("x")),
        ("sandbox.unknown_card", lambda: things.card("x")),
        ("sandbox.unknown_card", lambda: things.looked_at("x")),
        ("sandbox.unknown_phone", lambda: things.phone(card)),
        ("sandbox.unknown_phone", lambda: things.find("phone", card)),
    ):
        with refused(reason, NotFound):
            look()
    assert things.known("x") is None


def test_numbers_are_given_once_even_after_a_thing_is_gone(things: Things, tmp_path: Path) -> None:
    """Cards and phones count on their own; a gap is never filled with a number that somebody may remember."""
    things.add_people({"hanako": "hanako"})
    assert [bought(things, "card") for _ in range(3)] == [f"TGTC00000000000{n}" for n in (1, 2, 3)]
    assert bought(things, "phone") == "TGTP000000000001"
    with sqlite3.connect(tmp_path / "country.sqlite") as other:
        other.execute("DELETE FROM things WHERE thing_id = 'TGTC000000000001'")
    other.close()
    assert things.next_id("card") == "TGTC000000000004"
    assert len(things.next_id("phone")) == 16


def test_things_are_listed_by_kind_and_holder(things: Things) -> None:
    """Oldest first, of one person or of all."""
    things.add_people({"hanako": "hanako", "taro": "taro"})
    first, second, third = (bought(things, "card", holder) for holder in ("hanako", "taro", "hanako"))
    bought(things, "phone")
    assert [one.thing_id for one in things.listed("card")] == [first, second, third]
    assert [one.thing_id for one in things.listed("card", "hanako")] == [first, third]
    assert things.listed("card", "nobody") == []


def test_a_thing_that_is_there_stays_as_it_is(things: Things) -> None:
    """Adding the same number again changes nothing; keeping changes the memory."""
    things.add_people({"hanako": "hanako"})
    card = bought(things, "card")
    things.add(Thing(card, "card", "hanako", utc(kit.NOW)), b"another")
    assert things.image("card", card) == IMAGE
    things.keep(card, b"after a wrong PIN")
    assert things.image("card", card) == b"after a wrong PIN"


def test_memories_lie_sealed_and_each_in_its_own_place(things: Things, tmp_path: Path) -> None:
    """No image is readable in the file, and one card's memory cannot be put in another's place."""
    things.add_people({"hanako": "hanako"})
    first, second = bought(things, "card"), bought(things, "card")
    assert b"2580" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    with sqlite3.connect(tmp_path / "country.sqlite") as other:
        other.execute(
            "UPDATE things SET image = (SELECT image FROM things WHERE thing_id = ?) WHERE thing_id = ?",
            (first, second),
        )
    other.close()
    with refused("crypto.vault_cannot_open", VaultError):
        things.image("card", second)


def test_a_persons_register_code_shows_in_no_repr(things: Things) -> None:
    """It is personal."""
    things.add_people({"hanako": "hanako"})
    things.registered("hanako", "code-of-hanako")
    assert "code-of-hanako" not in repr(things.person("hanako"))
