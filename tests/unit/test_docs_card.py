# SPDX-License-Identifier: Apache-2.0
"""The page of the card leaves nothing out: each file and each command of the engine has its mark."""

import tomllib

import docs_card
from tegata.card.engine import DISPATCH
from tegata.jpki import card_map


def test_every_file_has_a_mark() -> None:
    """Whatever the map of the card names, the table of marks knows."""
    marks = tomllib.loads(docs_card.MARKS.read_text("utf-8"))["files"]
    known = {name: {f"{ef:04X}" for ef in one.efs} for name, one in card_map.profile("card").applications.items()}
    assert {name: files - set(marks[name]) for name, files in known.items() if files - set(marks[name])} == {}


def test_every_command_of_the_card_is_on_the_page() -> None:
    """What the engine dispatches is what the table tells."""
    told = [one for row in tomllib.loads(docs_card.MARKS.read_text("utf-8"))["command"] for one in row["does"].split()]
    assert sorted(told) == sorted(command.__name__ for command in DISPATCH)
