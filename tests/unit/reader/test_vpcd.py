# SPDX-License-Identifier: Apache-2.0
"""The virtual reader's wire: two bytes length, then a control byte or an APDU.  A socket pair plays the driver."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tegata.reader import TransportError, vpcd
from tegata.reader.vpcd import Control, VirtualReader, answer_to, serve
from unit.card import kit
from unit.refusal import refused


class Recorder:
    """An element that answers with what it was sent, and counts its resets."""

    atr = bytes.fromhex("3B00")

    def __init__(self) -> None:
        self.resets = 0

    def transmit(self, command: bytes) -> bytes:
        """Return the command, with success."""
        return command + b"\x90\x00"

    def reset(self) -> None:
        """Count."""
        self.resets += 1


class Broken(Recorder):
    """An element whose memory fails."""

    def transmit(self, command: bytes) -> bytes:
        """Fail."""
        raise OSError("disk full")


@contextlib.contextmanager
def served(element: Recorder) -> Iterator[socket.socket]:
    """Serve an element in a thread; yields the driver's end, and waits for the thread at the end."""
    driver, card = socket.socketpair()
    thread = threading.Thread(target=serve, args=(card, element))
    thread.start()
    driver.settimeout(5)
    try:
        yield driver
    finally:
        driver.close()
        thread.join(5)
        card.close()
        assert not thread.is_alive()


def message(content: bytes) -> bytes:
    """Return a message as it goes over the wire."""
    return len(content).to_bytes(2, "big") + content


def answer(driver: socket.socket) -> bytes:
    """Read one message."""
    return exactly(driver, int.from_bytes(exactly(driver, 2), "big"))


def exactly(driver: socket.socket, size: int) -> bytes:
    """Read so many bytes."""
    received = b""
    while len(received) < size:
        received += driver.recv(size - len(received))
    return received


@pytest.mark.parametrize(
    ("content", "expected", "resets"),
    [
        (bytes((Control.GET_ATR,)), bytes.fromhex("3B00"), 0),
        (bytes((Control.POWER_OFF,)), None, 1),
        (bytes((Control.POWER_ON,)), None, 1),
        (bytes((Control.RESET,)), None, 1),
        (b"\x03", None, 0),
        (b"\xff", None, 0),
        (b"", None, 0),
        (b"\x00\xa4", b"\x00\xa4\x90\x00", 0),
    ],
)
def test_each_message_has_its_answer(content: bytes, expected: bytes | None, resets: int) -> None:
    """The driver asks for the ATR all the time, which must change nothing; what it never sends is passed over."""
    element = Recorder()
    assert answer_to(content, element) == expected
    assert element.resets == resets


def test_messages_in_pieces_and_in_a_row() -> None:
    """TCP keeps no boundaries: half a length, two messages at once, long ones."""
    with served(Recorder()) as driver:
        whole = message(b"\x00\xa4\x04\x0c")
        for byte in whole:
            driver.sendall(bytes((byte,)))
        assert answer(driver) == b"\x00\xa4\x04\x0c\x90\x00"
        driver.sendall(message(b"\x02") + whole + message(b"\x04"))
        assert answer(driver) == b"\x00\xa4\x04\x0c\x90\x00"
        assert answer(driver) == bytes.fromhex("3B00")
        driver.sendall(message(bytes(60_000)))
        assert len(answer(driver)) == 60_002


@pytest.mark.parametrize("cut", [b"", b"\x00", b"\x00\x05\x00\xa4"])
def test_a_driver_that_goes_away_ends_it(cut: bytes) -> None:
    """Also in the middle of a message."""
    with served(Recorder()) as driver:
        driver.sendall(cut)


def test_a_card_behind_a_real_socket() -> None:
    """Connecting inserts, `close` removes, twice is once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with VirtualReader(kit.issued(), port=port) as reader:
            driver, _ = listener.accept()
            driver.settimeout(5)
            driver.sendall(message(bytes((Control.GET_ATR,))))
            assert answer(driver) == bytes.fromhex("3BE000FF8131FE4514")
            driver.sendall(message(bytes.fromhex("00A4040C0AD392F000260100000001")))
            assert answer(driver) == b"\x90\x00"
            reader.close()
            assert driver.recv(1) == b""
        driver.close()


def test_a_card_that_fails_is_taken_out() -> None:
    """The driver sees it go, rather than waiting for an answer that never comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reader = VirtualReader(Broken(), port=listener.getsockname()[1])
        driver, _ = listener.accept()
        driver.settimeout(5)
        driver.sendall(message(b"\x00\xa4\x04\x0c"))
        with pytest.raises(OSError, match="disk full"):
            reader.run()
        assert driver.recv(1) == b""
        driver.close()
        reader.close()


def test_nobody_listens() -> None:
    """The refusal names host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with refused("reader.vpcd_unreachable", TransportError) as caught:
        VirtualReader(Recorder(), port=port)
    assert caught.value.facts == {"host": "127.0.0.1", "port": port}
    assert vpcd.DEFAULT_PORT == 35963


class Wire:
    """A TCP connection that plays what the driver sent, piece by piece, and writes down what was done with it."""

    family = socket.AF_INET

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.done: list[str] = []

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """Write down a request to acknowledge at once."""
        if (level, option, value) == (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1):
            self.done.append("acknowledge at once")

    def recv(self, size: int) -> bytes:
        """Return the next piece."""
        self.done.append("receive")
        return self._pieces.pop(0) if self._pieces else b""


def test_every_piece_is_acknowledged_at_once() -> None:
    """Debian's driver sends length and body apart and waits 40 ms for an acknowledgement that nobody asked for early.

    The kernel drops the wish after each use, so it is repeated before every read.
    """
    wire = Wire(b"\x00", b"\x05", b"\x00\xb0\x00", b"\x00\x00")
    assert vpcd.receive(wire) == bytes.fromhex("00b0000000")  # type: ignore[arg-type]
    assert wire.done == ["acknowledge at once", "receive"] * 4
