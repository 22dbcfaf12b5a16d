# SPDX-License-Identifier: Apache-2.0
"""Single steps with cards that answer oddly: wrong lengths, endless files, status words out of place."""

from collections.abc import Callable

import pytest

from tegata.codecs.apdu import SW, Command, Response
from tegata.reader import Blocked, CardRefused, NotACard, PinRequired, TransportError, WrongPin, commands, run
from tegata.reader.errors import BadContent

SELECT, READ, VERIFY = 0xA4, 0xB0, 0x20
Answers = Callable[[Command], Response]


class Odd:
    """A card that answers as a function says, and counts; SELECT always succeeds."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.asked: list[Command] = []

    def transmit(self, raw: bytes) -> bytes:
        """Answer one command."""
        command = Command.parse(raw)
        self.asked.append(command)
        return (Response() if command.ins == SELECT else self._answers(command)).to_bytes()


def holding(content: bytes) -> Odd:
    """Return a card whose every file holds `content`."""

    def answers(command: Command) -> Response:
        offset = command.p1 << 8 | command.p2
        if offset >= len(content):
            return Response(sw=SW.WRONG_OFFSET)
        return Response(content[offset : offset + (command.le or 0)])

    return Odd(answers)


def always(sw: int, data: bytes = b"") -> Odd:
    """Return a card that answers the same to everything but SELECT."""
    return Odd(lambda _: Response(data, sw))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 32_767, 32_768])
def test_a_file_of_any_size_is_read_whole(size: int) -> None:
    """To the last byte that an offset can name, whatever the last block's size."""
    content = bytes(n % 251 for n in range(size))
    assert run(commands.read_file(0x0A), holding(content).transmit) == content


def test_a_file_that_never_ends_is_given_up() -> None:
    """A card that always has 256 more bytes is asked 128 times and not more."""
    card = always(SW.OK, bytes(256))
    assert len(run(commands.read_file(0x0A), card.transmit)) == 0x8000
    assert len(card.asked) == 129


def test_a_card_that_gives_more_than_asked_does_not_keep_us() -> None:
    """Each answer brings the end nearer."""
    card = always(SW.OK, bytes(60_000))
    run(commands.read_file(0x0A), card.transmit)
    assert len(card.asked) == 2


@pytest.mark.parametrize("size", [124, 252, 253, 300, 1500, 0x7FFF - 4])
def test_der_is_read_without_the_filler_behind_it(size: int) -> None:
    """The certificate is what its own length says."""
    element = b"\x30\x82" + size.to_bytes(2, "big") + bytes(size)
    assert run(commands.read_der(1), holding(element + b"\xff" * 100).transmit) == element


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 300, b"\x00" * 4, b"\x30\x82\x01", b"\x30\x05abcde", b"\x30\x82\x01\x00abc"]
)
def test_a_file_without_a_whole_element_is_empty(content: bytes) -> None:
    """Filler, a cut header, a cut element: there is no certificate."""
    assert run(commands.read_der(1), holding(content).transmit) == b""


@pytest.mark.parametrize("length", [0x7FFC, 0x8000, 0xFFFF])
def test_an_element_longer_than_a_file_is_refused_at_once(length: int) -> None:
    """Offsets beyond 7FFF would be read as the names of other files, and beyond FFFF there are none."""
    card = always(SW.OK, b"\x30\x82" + length.to_bytes(2, "big") + bytes(252))
    with pytest.raises(BadContent):
        run(commands.read_der(1), card.transmit)
    assert len(card.asked) == 2


def test_reading_never_asks_with_an_offset_that_is_a_name() -> None:
    """Bit 8 of P1 stays clear in every READ BINARY."""
    card = always(SW.OK, bytes(256))
    run(commands.read_file(0x0A), card.transmit)
    assert not any(command.p1 & 0x80 for command in card.asked if command.ins == READ)


@pytest.mark.parametrize(
    ("sw", "error"),
    [
        (0x63C2, WrongPin),
        (0x63C0, Blocked),
        (0x6983, Blocked),
        (0x6984, Blocked),
        (0x6982, PinRequired),
        (0x6300, CardRefused),
        (0x6F00, CardRefused),
    ],
)
def test_answers_to_a_pin(sw: int, error: type[Exception]) -> None:
    """Both camps on what a blocked PIN answers are understood; the PIN is sent once."""
    card = always(sw)
    with pytest.raises(error):
        run(commands.verify(0x18, b"1234"), card.transmit)
    assert [command.ins for command in card.asked] == [SELECT, VERIFY]


def test_tries_are_told_only_by_63cx() -> None:
    """A card that answers the query with 9000 has not said how many."""
    assert run(commands.tries_left(0x18), always(0x63C3).transmit) == 3
    for sw in (0x9000, 0x6300, 0x6984):
        with pytest.raises(CardRefused) as caught:
            run(commands.tries_left(0x18), always(sw).transmit)
        assert caught.value.sw == sw


@pytest.mark.parametrize("sw", [0x6282, 0x6B00])
def test_both_words_for_the_end_of_a_file_end_it(sw: int) -> None:
    """6282 comes with the last bytes, 6B00 with none."""
    assert run(commands.read_file(0x0A), always(sw, b"end").transmit) == b"end"


def test_a_card_without_the_application_is_no_card() -> None:
    """6A82 on SELECT names the application; any other word is shown."""
    with pytest.raises(NotACard) as caught:
        run(commands.select_application("jpki"), lambda _: b"\x6a\x82")
    assert caught.value.facts == {"application": "jpki"}
    with pytest.raises(CardRefused) as refused:
        run(commands.select_application("jpki"), lambda _: b"\x6f\x00")
    assert refused.value.facts == {"step": "select", "sw": "6F00"}


@pytest.mark.parametrize("answer", [b"", b"\x90"])
def test_an_answer_without_a_status_word_is_a_broken_line(answer: bytes) -> None:
    """Not something that the card said."""
    with pytest.raises(TransportError) as caught:
        run(commands.select_ef(1), lambda _: answer)
    assert caught.value.reason == "reader.bad_answer"


def test_an_application_without_pins_has_none_to_change() -> None:
    """A mistake of our own, not of the card."""
    with pytest.raises(KeyError):
        run(commands.change("isd", 1, b"1234"), always(SW.OK).transmit)
