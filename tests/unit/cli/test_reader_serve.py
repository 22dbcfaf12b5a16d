# SPDX-License-Identifier: Apache-2.0
"""`tegata card serve`: saved cards in slots, taken out and put in by command, recorded; we play the driver."""

import argparse
import contextlib
import socket
import threading
from pathlib import Path

import pytest

from tegata.cli import card
from tegata.crypto.vault import Vault
from tegata.reader import TransportError
from tegata.reader.vpcd_host import DriverEnd
from tegata.sandbox import card_files
from unit.card import kit
from unit.refusal import refused


def options(folder: Path, port: int, *names: str, **more: object) -> argparse.Namespace:
    """Lay saved cards down, and return the arguments of a command about them."""
    vault = Vault.load_or_create(folder / "vault.key")
    for name in names:
        card_files.save(folder / name, kit.issued_image(), vault)
    usual = {"data": folder, "port": port, "wait": False, "control": False, "atr": None, "trace": None, "json": True}
    return argparse.Namespace(name=[str(folder / name) for name in names], **(usual | more))


def until_gone(end: DriverEnd) -> None:
    """Ask for the answer to reset, as the driver does all the time, until the card leaves."""
    with contextlib.suppress(TransportError):
        while end.atr:
            pass


def test_cards_obey_and_are_recorded(tmp_path: Path) -> None:
    """Out and in again by name; another answer to reset; the dialogue is written down while it goes on."""
    atr, trace = bytes.fromhex("3BC5FF8131FB458073C6010000"), tmp_path / "talk.apdu"
    with socket.create_server(("127.0.0.1", 0)) as driver, contextlib.ExitStack() as stack:
        driver.settimeout(5)
        args = options(tmp_path, driver.getsockname()[1], "hanako.card", atr=atr, trace=trace)
        desk = card.Desk(args, stack)
        name = args.name[0]
        threading.Thread(target=desk.serve, daemon=True).start()
        first = DriverEnd(driver.accept()[0])
        assert first.atr == atr
        assert first.transmit(bytes.fromhex("00A4040C0AD392F000260100000001")) == b"\x90\x00"
        desk._heard.put(f"out {name}\n")
        gone = threading.Thread(target=until_gone, args=(first,))
        gone.start()
        gone.join(5)
        assert not gone.is_alive()
        desk._heard.put(f"in {name}\n")
        second = DriverEnd(driver.accept()[0])
        assert second.atr == atr
        first.close()
        second.close()
    assert "SELECT application jpki" in trace.read_text("utf-8")


def test_no_reader_is_said_at_once_unless_somebody_waits(tmp_path: Path) -> None:
    """Otherwise the command would sit there and nobody would know why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(card, "_PATIENCE", 0.01)
        with refused("reader.vpcd_unreachable", TransportError):
            card.Desk(options(tmp_path, port, "hanako.card"), stack)
    with contextlib.ExitStack() as stack:
        told = card.Desk(options(tmp_path, port, "a.card", "b.card", wait=True), stack).facts()
    assert [one["port"] for one in told["cards"]] == [port, port + 1]
