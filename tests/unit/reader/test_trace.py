# SPDX-License-Identifier: Apache-2.0
"""Recorded dialogues: no secret is in them, they can be played again, and words explain them."""

import contextlib
from pathlib import Path

import pytest

from tegata.jpki import Kind
from tegata.messages import LANGUAGES, Lang
from tegata.reader import ReaderError, connect, dialogue, trace
from tegata.reader.errors import DialogueError
from tegata.reader.trace import Tracer
from unit.card import kit
from unit.refusal import refused

DIALOGUES = sorted((Path(__file__).parents[2] / "dialogue").glob("*.apdu"))
PINS = {"signing": "ABC123", "authentication": "1234", "text": "4321"}


def recorded(*, with_data: bool = False) -> str:
    """Return the dialogue of somebody who does everything, and makes one mistake."""
    lines: list[str] = []
    tracer = Tracer(kit.issued(), lines.append, with_data=with_data)
    with connect(tracer) as reader:
        reader.info()
        with contextlib.suppress(ReaderError):
            reader.verify_pin("signing", "WRONG9")
        reader.verify_pin("signing", "ABC123")
        reader.certificate(Kind.SIGNING)
        reader.sign(Kind.SIGNING, b"data")
        reader.change_pin("authentication", "1234", "9876")
        reader.verify_pin("text", "4321")
        reader.attributes()
        reader.individual_number()
    return trace.head(tracer.atr) + "\n".join(lines)


def test_no_pin_and_nothing_personal_is_written_down() -> None:
    """Neither as text nor in hexadecimal; a PIN is a name in braces, without its length."""
    text = recorded()
    secret = ("ABC123", "WRONG9", "1234", "9876", "4321", kit.NUMBER, kit.FOUR.name, kit.FOUR.address)
    for one in secret:
        assert one.encode().hex().upper() not in text
    assert "{signing}" in text
    assert "{wrong signing}" in text
    assert "{new authentication}" in text
    assert kit.NUMBER.encode().hex().upper() in recorded(with_data=True)


def test_a_recording_is_played_to_another_card_of_the_same_making() -> None:
    """Line by line, PINs filled in by whoever plays it; afterwards both cards are in the same state."""
    text = recorded()
    card = kit.issued()
    sent = dialogue.play(text, card, PINS | {"new authentication": "9876"})
    assert sent == text.count("\n> ")
    with connect(card) as reader:
        reader.verify_pin("authentication", "9876")


def test_a_card_that_answers_otherwise_is_caught_at_once() -> None:
    """The line and its status word are named; no later line is sent."""
    text = "> 00 A4 04 0C 0A D392F000260100000001\n< 6A82\n> 00 20 00 98 04 30303030\n< 63C2"
    card = kit.issued()
    with refused("reader.dialogue_differs", DialogueError) as caught:
        dialogue.play(text, card)
    assert caught.value.facts == {"line": 2, "sw": "9000"}
    with connect(card) as reader:
        assert reader.tries_left("authentication") == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "reader.dialogue_line"),
        ("> 00 A4 0", "reader.dialogue_line"),
        ("> {hidden}", "reader.dialogue_pin"),
        ("> 00 20 00 98 {signing}", "reader.dialogue_pin"),
        ("reset\n< .*", "reader.dialogue_line"),
    ],
)
def test_what_is_no_dialogue(text: str, reason: str) -> None:
    """Junk is refused by its line."""
    with refused(reason, DialogueError):
        dialogue.play(text, kit.issued())


@pytest.mark.parametrize("file", DIALOGUES, ids=lambda file: file.stem)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_dialogue_of_the_tests_can_be_explained(file: Path, lang: Lang) -> None:
    """Each command and answer has words, whoever wrote the dialogue."""
    text = "\n".join(line for line in file.read_text("utf-8").splitlines() if not line.startswith("card "))
    lines = list(trace.explained(text, lang))
    assert len(lines) == sum(1 for _ in dialogue.parse(text))
    assert all(" ; " in line for line in lines if line.startswith(">"))


def test_words_name_what_is_spoken_of() -> None:
    """Files by their role, short identifiers and current files alike; tries left as a number."""
    text = "> 00 A4 04 0C 0A D392F000260100000001\n< 9000\n> 00 20 00 9B\n< 63C5\n> 00 20 00 80\n< 63C5"
    said = [line.partition(" ; ")[2] for line in trace.explained(text)]
    assert said[0] == "SELECT application jpki"
    assert said[2] == said[4] == "ask for the tries left of pin.signing (001B)"
    assert said[3] == "tries left: 5"
    assert "残り 5 回" in "".join(trace.explained(text, "ja"))


def test_bytes_that_are_no_apdu_are_not_shown() -> None:
    """They may be half a command with a PIN in it."""
    lines: list[str] = []
    Tracer(kit.issued(), lines.append).transmit(bytes.fromhex("0020009B0641424331"))
    assert lines[0].startswith("> {hidden}")
    assert "41424331" not in "".join(lines)


def test_what_an_issuer_writes_is_hidden() -> None:
    """Keys, PINs and personal data go to the card in its commands."""
    lines: list[str] = []
    Tracer(kit.blank(), lines.append).transmit(bytes.fromhex("00D6810004DEADBEEF"))
    assert "DEADBEEF" not in "".join(lines)
    assert any("{hidden}" in line for line in lines)
