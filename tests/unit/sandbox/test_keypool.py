# SPDX-License-Identifier: Apache-2.0
"""Keys made ahead: each handed out once, nobody left waiting."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.sandbox.keypool import KeyPool

PATIENCE = 20


class Maker:
    """Makes numbered keys, when it is let; numbers stand for keys."""

    def __init__(self, allowed: int | None = None) -> None:
        self.made = 0
        self.threads: set[int] = set()
        self._lock = threading.Lock()
        self._allowed = threading.Semaphore(allowed) if allowed is not None else None

    def allow(self, count: int) -> None:
        """Let more keys be made."""
        assert self._allowed is not None
        self._allowed.release(count)

    def __call__(self, algorithm: Algorithm) -> SoftwareKey:
        """Return the next number."""
        if self._allowed is not None:
            assert self._allowed.acquire(timeout=PATIENCE)
        with self._lock:
            self.threads.add(threading.get_ident())
            self.made += 1
            return (algorithm, self.made)  # type: ignore[return-value]  # stands for a key


def test_each_key_is_handed_out_once() -> None:
    """Many threads at once never get the same key."""
    with closing(KeyPool(4, Maker())) as pool, ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: pool.take(Algorithm.RSA_2048), range(200)))
    assert len(set(taken)) == 200


def test_the_stock_is_filled_and_no_further() -> None:
    """So many are made ahead, in a thread of the pool's own, and none beyond."""
    maker = Maker()
    with closing(KeyPool(3, maker)) as pool:
        pool.wait(100)
        assert maker.made == 3
        pool.take(Algorithm.RSA_2048)
        pool.wait(3)
        assert maker.made == 4
    assert threading.get_ident() not in maker.threads


@pytest.mark.parametrize("algorithm", [Algorithm.EC_P256, Algorithm.EC_P384, Algorithm.RSA_4096])
def test_other_kinds_are_made_on_the_spot(algorithm: Algorithm) -> None:
    """The stock is for today's cards; nobody waits for it who wants something else."""
    maker = Maker()
    with closing(KeyPool(1, maker)) as pool:
        assert pool.take(algorithm)[0] is algorithm  # type: ignore[index]  # stands for a key
    assert threading.get_ident() in maker.threads


def test_whoever_waits_gets_the_next_key() -> None:
    """An empty stock makes one wait, not fail."""
    maker = Maker(allowed=0)
    with closing(KeyPool(2, maker)) as pool, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.take, Algorithm.RSA_2048)
        maker.allow(3)
        assert waiting.result(PATIENCE)


def test_closing_lets_go_of_whoever_waits() -> None:
    """`take` makes the key itself then, `wait` returns, and afterwards both still answer."""
    maker = Maker(allowed=0)
    pool = KeyPool(2, maker)
    with ThreadPoolExecutor(3) as threads:
        takes, waits = threads.submit(pool.take, Algorithm.RSA_2048), threads.submit(pool.wait, 2)
        closes = threads.submit(pool.close)
        waits.result(PATIENCE)
        maker.allow(10)
        assert takes.result(PATIENCE)
        closes.result(PATIENCE)
    assert pool.take(Algorithm.RSA_2048)
    pool.wait(2)
    pool.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_pool_whose_thread_fails_leaves_nobody_waiting() -> None:
    """Where keys cannot be made ahead, they are made on the spot, and whoever wants one meets the reason there."""
    fails = [True]

    def make(_: Algorithm) -> SoftwareKey:
        if fails.pop() if fails else False:
            raise MemoryError
        return "a key"  # type: ignore[return-value]  # stands for a key

    with closing(KeyPool(2, make)) as pool:
        pool.wait(2)
        assert pool.take(Algorithm.RSA_2048) == "a key"  # type: ignore[comparison-overlap]


def test_real_keys_come_out(rsa_keys: Sequence[SoftwareKey]) -> None:
    """What is handed out is a key; its pool shows none in its repr."""
    with closing(KeyPool(1, lambda _: rsa_keys[0])) as pool:
        assert pool.take(Algorithm.RSA_2048) is rsa_keys[0]
        assert repr(pool) == "KeyPool(stock=1)"
