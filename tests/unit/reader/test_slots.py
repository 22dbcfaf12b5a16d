# SPDX-License-Identifier: Apache-2.0
"""Cards in slots: put in, taken out, and back again when the reader was started anew; the driver is played by us."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tegata.reader import TransportError, connect, vpcd_host
from tegata.reader.slots import Slot
from tegata.reader.vpcd_host import DriverEnd, listening, paired
from unit.card import kit
from unit.refusal import refused

PHONE = bytes.fromhex("3B888001000005E0B381A1007F")
CARD = bytes.fromhex("3BE000FF8131FE4514")


class Driver:
    """Listens as the driver does."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(5)
        self._ends: list[DriverEnd] = []
        self.port: int = self._listener.getsockname()[1]

    def came(self) -> DriverEnd:
        """Return the next card that is put in."""
        self._ends.append(DriverEnd(self._listener.accept()[0]))
        return self._ends[-1]

    def close(self) -> None:
        """Stop."""
        for end in self._ends:
            end.close()
        self._listener.close()


@pytest.fixture
def driver() -> Iterator[Driver]:
    """Run a driver."""
    with contextlib.closing(Driver()) as made:
        yield made


def is_gone(end: DriverEnd) -> bool:
    """Say whether the card left."""
    try:
        _ = end.atr
    except TransportError:
        return True
    return False


def test_in_out_and_another(driver: Driver) -> None:
    """Each card is one connection; putting another in takes the first out."""
    slot = Slot(driver.port)
    assert not slot.connected()
    slot.insert(kit.issued())
    first = driver.came()
    assert first.atr == CARD
    slot.insert(kit.issued("gpse"))
    second = driver.came()
    assert is_gone(first)
    assert second.atr == PHONE
    assert slot.connected(5)
    slot.remove()
    assert is_gone(second)
    slot.insert(kit.issued())
    assert driver.came().atr == CARD
    slot.close()


def test_a_reader_that_is_started_anew_gets_its_card_again(driver: Driver) -> None:
    """pcscd restarts: the old connection ends, and the card comes by itself."""
    slot = Slot(driver.port)
    slot.insert(kit.issued())
    before = driver.came()
    before.close()
    assert driver.came().atr == CARD
    slot.close()


def test_a_card_waits_for_its_reader() -> None:
    """No reader yet: the card comes as soon as there is one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    slot = Slot(port)
    slot.insert(kit.issued())
    with listening(port, patience=5) as end:
        assert end.atr == CARD
    slot.close()


def test_a_card_that_fails_is_taken_out_and_told(driver: Driver) -> None:
    """The reader sees it go; whoever put it in learns why."""

    class Broken:
        atr = CARD

        def transmit(self, _: bytes) -> bytes:
            raise OSError("disk full")

        def reset(self) -> None:
            """Forget."""

    told = threading.Event()
    slot = Slot(driver.port, on_failure=lambda error: told.set())
    slot.insert(Broken())
    end = driver.came()
    with pytest.raises(TransportError):
        end.transmit(b"\x00\xa4\x00\x00")
    assert told.wait(5)
    slot.close()


def test_the_whole_client_over_a_socket_pair() -> None:
    """All five messages of the protocol, both sides ours: what memory carries, this carries."""
    card = kit.issued()
    with paired(card) as end:
        end.power_on()
        with connect(end) as reader:
            assert reader.info().tries["signing"] == 5
            reader.verify_pin("text", "4321")
            assert reader.individual_number() == kit.NUMBER
        end.power_off()
        assert end.transmit(bytes.fromhex("00B0810000"))[-2:] == b"\x6a\x82"


def test_a_port_in_use_and_a_card_that_never_comes() -> None:
    """Both refusals name the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with refused("reader.port_in_use", TransportError) as caught, listening(port):
            pass
        assert caught.value.facts == {"port": port}
    with refused("reader.no_card_came", TransportError), listening(port, patience=0.01):
        pass
    assert vpcd_host.vpcd.DEFAULT_PORT == 35963
