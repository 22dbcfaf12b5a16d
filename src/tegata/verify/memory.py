# SPDX-License-Identifier: Apache-2.0
"""What a verifier has proved before and need not prove again.

`chains`     certificates that an anchor signed, by their bytes
`responders` the responders whom an authority certified, by the bytes that carry them and the authority
`names`      how OCSP names an authority
`proofs`     certificates with the status that made them good, by all bytes, purpose and policy, *and the window of time
             in which every check comes out the same*; outside it they are judged anew

Refusals are never kept.  Everything belongs to one `TrustStore` and is bounded: the oldest goes first.
"""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Final

PEOPLE: Final = 256
"""Certificates and proofs that are kept: those of whoever logs in again within minutes."""
RESPONDERS: Final = 64


class Bounded:
    """A dictionary of at most `most` entries that forgets the oldest; safe between threads."""

    __slots__ = ("_entries", "_lock", "_most", "get")

    get: Callable[[Hashable], Any]

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: dict[Hashable, Any] = {}
        self._lock = Lock()
        self.get = self._entries.get

    def keep(self, key: Hashable, value: object) -> None:
        """Remember `value`; a store of no entries remembers nothing."""
        if not self._most:
            return
        with self._lock:
            if len(self._entries) >= self._most and key not in self._entries:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = value

    def __len__(self) -> int:
        return len(self._entries)


class Memory:
    """The memory of one trust store; `people` bounds what is kept of certificates and answers (0: nothing)."""

    __slots__ = ("chains", "names", "proofs", "responders")

    def __init__(self, people: int = PEOPLE) -> None:
        self.chains = Bounded(people)
        self.proofs = Bounded(people)
        self.names = Bounded(RESPONDERS)
        self.responders = Bounded(RESPONDERS)
