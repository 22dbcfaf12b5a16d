# SPDX-License-Identifier: Apache-2.0
"""RSA keys made ahead of time, so that nobody waits in front of a card that is thinking.

Making a key takes tens of milliseconds, now and then a quarter of a second.  A thread of its own keeps a small
stock; the library lets go of the interpreter while it searches for primes, so the country goes on serving.  A key
is handed out once.  Whoever waits when the pool closes, or when its thread fails, makes the key himself.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from tegata.crypto.keys import Algorithm, SoftwareKey

STOCK: Final = 8


class KeyPool:
    """A stock of RSA-2048 keys.  `take` is the port that cards, phones and authorities are given."""

    def __init__(self, stock: int = STOCK, make: Callable[[Algorithm], SoftwareKey] = SoftwareKey.generate) -> None:
        self._stock = stock
        self._make = make
        self._keys: deque[SoftwareKey] = deque()
        self._open = True
        self._change = threading.Condition()
        """Guards `_keys` and `_open`."""
        self._thread = threading.Thread(target=self._fill, name="keys", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"KeyPool(stock={self._stock})"

    def take(self, algorithm: Algorithm) -> SoftwareKey:
        """Return a new key; waits when the stock is empty.  Other algorithms are made on the spot."""
        if algorithm is Algorithm.RSA_2048:
            with self._change:
                self._change.wait_for(lambda: self._keys or not self._open)
                if self._keys:
                    self._change.notify_all()
                    return self._keys.popleft()
        return self._make(algorithm)

    def wait(self, count: int) -> None:
        """Return when `count` keys are there (at most the stock), or the pool is closed.  Blocks: call it in a
        thread.
        """
        with self._change:
            self._change.wait_for(lambda: len(self._keys) >= min(count, self._stock) or not self._open)

    def close(self) -> None:
        """Stop making keys; those in stock are forgotten."""
        self._end()
        self._thread.join(5)

    def _end(self) -> None:
        with self._change:
            self._open = False
            self._keys.clear()
            self._change.notify_all()

    def _fill(self) -> None:
        try:
            while self._wanted():
                self._keep(self._make(Algorithm.RSA_2048))
        finally:
            self._end()

    def _wanted(self) -> bool:
        """Wait until there is room for a key; say whether the pool is still open."""
        with self._change:
            self._change.wait_for(lambda: len(self._keys) < self._stock or not self._open)
            return self._open

    def _keep(self, key: SoftwareKey) -> None:
        with self._change:
            if self._open:
                self._keys.append(key)
                self._change.notify_all()
