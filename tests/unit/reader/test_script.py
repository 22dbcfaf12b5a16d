# SPDX-License-Identifier: Apache-2.0
"""Scripts run to their end, and only their own end ends them."""

import pytest

from tegata.codecs.apdu import Command
from tegata.reader.errors import TransportError
from tegata.reader.script import Script, run, send


def two_commands() -> Script[int]:
    """Send two commands and return how many bytes came back."""
    first = yield b"\x00\xa4\x04\x00"
    second = yield b"\x00\xb0\x00\x00"
    return len(first) + len(second)


def test_a_script_is_sent_each_answer_and_returns_its_outcome() -> None:
    """Commands go out in order, answers come back in order."""
    asked: list[bytes] = []

    def transmit(command: bytes) -> bytes:
        asked.append(command)
        return b"\x90\x00"

    assert run(two_commands(), transmit) == 4
    assert [command[1] for command in asked] == [0xA4, 0xB0]


def test_a_carrier_that_runs_dry_is_no_end() -> None:
    """A StopIteration out of what carries the bytes is an error, not the script's outcome."""
    answers = iter([b"\x90\x00"])
    with pytest.raises(StopIteration):
        run(two_commands(), lambda _: next(answers))


def test_an_answer_without_a_status_word_is_refused() -> None:
    """Less than two bytes are no response APDU."""
    with pytest.raises(TransportError) as refused:
        run(send(Command(0x00, 0xA4, 0x04, 0x00)), lambda _: b"\x90")
    assert refused.value.reason == "reader.bad_answer"
