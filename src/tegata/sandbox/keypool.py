# SPDX-License-Identifier: Apache-2.0
"""RSA keys made ahead of time, so that nobody waits in front of a card that is thinking.

Making a key takes tens of milliseconds, now and then a quarter of a second.  A thread of its own keeps a small
stock; the library lets go of the interpreter while it searches for primes, so the country goes on serving.  A key
is handed out once.
"""

import queue
import threading
from typing import Final

from tegata.crypto.keys import Algorithm, SoftwareKey

STOCK: Final = 8


class KeyPool:
    """A stock of RSA-2048 keys.  `take` is the port that cards, phones and authorities are given."""

    def __init__(self, stock: int = STOCK) -> None:
        self._keys: queue.Queue[SoftwareKey] = queue.Queue(maxsize=stock)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="keys", daemon=True)
        self._thread.start()

    def take(self, algorithm: Algorithm) -> SoftwareKey:
        """Return a new key; waits when the stock is empty.  Other algorithms are made on the spot."""
        if algorithm is not Algorithm.RSA_2048 or self._stopped.is_set():
            return SoftwareKey.generate(algorithm)
        return self._keys.get()

    def wait(self, count: int) -> None:
        """Return when `count` keys are there (at most the stock), or the pool is closed.  Blocks: call it in a
        thread.
        """
        while self._keys.qsize() < min(count, self._keys.maxsize) and not self._stopped.wait(0.01):
            pass

    def close(self) -> None:
        """Stop making keys; those in stock are forgotten."""
        self._stopped.set()
        while not self._keys.empty():
            self._keys.get_nowait()
        self._thread.join(5)

    def _fill(self) -> None:
        while not self._stopped.is_set():
            self._keep(SoftwareKey.generate(Algorithm.RSA_2048))

    def _keep(self, key: SoftwareKey) -> None:
        while not self._stopped.is_set():
            try:
                self._keys.put(key, timeout=0.1)
            except queue.Full:
                continue
            return
