# SPDX-License-Identifier: Apache-2.0
"""Slots of a virtual reader: cards go in and out, and come back when pcscd was started anew.

A slot serves its card in a thread of its own.  Whenever there is a card and no connection it connects, and waits a
little longer after each failure; putting a card in, taking it out and closing wake it at once.
"""

import threading
from collections.abc import Callable
from typing import Final

from tegata.reader.errors import TransportError
from tegata.reader.script import Element
from tegata.reader.vpcd import DEFAULT_PORT, VirtualReader

_PATIENCE: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between attempts to reach the reader: more each time, the last one from then on."""


def _ignore(_: Exception) -> None:
    """For those who do not care why a card is gone."""


class Slot:
    """One slot of vpcd at `port`.  `on_failure` is told when a card fails, which takes it out."""

    def __init__(
        self,
        port: int = DEFAULT_PORT,
        host: str = "127.0.0.1",
        on_failure: Callable[[Exception], None] = _ignore,
    ) -> None:
        self._host, self._port = host, port
        self._on_failure = on_failure
        self._element: Element | None = None
        self._connection: VirtualReader | None = None
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._reached = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"slot-{port}", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where the reader listens for this slot's card."""
        return self._port

    def connected(self, patience: float = 0.0) -> bool:
        """Say whether the reader has the card, now or within `patience` seconds."""
        return self._reached.wait(patience)

    def insert(self, element: Element) -> None:
        """Put a card in, in place of whatever is there.  Where no reader is, it waits for one."""
        self._change(element)

    def remove(self) -> None:
        """Take the card out."""
        self._change(None)

    def close(self) -> None:
        """Take the card out and stop."""
        self._closed = True
        self._change(None)
        self._thread.join(5)

    def _change(self, element: Element | None) -> None:
        with self._lock:
            self._element = element
            if self._connection is not None:
                self._connection.take_out()
            self._woken.set()

    def _run(self) -> None:
        failures = 0
        while not self._closed:
            element, reader = self._reach()
            if reader is None:
                pause = None if element is None else _PATIENCE[min(failures, len(_PATIENCE) - 1)]
                failures += 1
                self._woken.wait(pause)
                continue
            failures = 0
            self._serve(reader)
            self._woken.wait(_PATIENCE[0])  # a reader that hangs up at once is not called in a frenzy

    def _reach(self) -> tuple[Element | None, VirtualReader | None]:
        with self._lock:
            self._woken.clear()
            if self._element is None:
                return None, None
            try:
                self._connection = VirtualReader(self._element, self._host, self._port)
            except TransportError:
                return self._element, None
            self._reached.set()
            return self._element, self._connection

    def _serve(self, reader: VirtualReader) -> None:
        try:
            reader.run()
        except Exception as error:
            with self._lock:
                self._element = None
            self._on_failure(error)
        finally:
            with self._lock:
                self._connection = None
                self._reached.clear()
            reader.close()
