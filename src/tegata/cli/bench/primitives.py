# SPDX-License-Identifier: Apache-2.0
"""The machine's own speed: raw RSA-2048 and P-256 operations of the library, to which everything else is compared."""

from collections.abc import Callable, Iterator
from functools import partial

from tegata.cli.bench.measure import Result, timed
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey

_DATA = b"raw speed"


def suite(times: int = 300) -> Iterator[Result]:
    """Yield operations per second on one core."""
    for algorithm in (Algorithm.RSA_2048, Algorithm.EC_P256):
        key = SoftwareKey.generate(algorithm)
        yield Result(f"raw.{algorithm.value}.sign", 1e6 / timed(raw_sign(key), times), "1/s")
        yield Result(f"raw.{algorithm.value}.verify", 1e6 / timed(raw_verify(key), times * 10), "1/s")


def raw_sign(key: SoftwareKey) -> Callable[[], object]:
    """Return one signature of a loaded key, nothing around it."""
    return partial(key.sign, Scheme.default(key.algorithm), _DATA)


def raw_verify(key: SoftwareKey, data: bytes = _DATA) -> Callable[[], object]:
    """Return one verification with a loaded public key, nothing around it."""
    scheme = Scheme.default(key.algorithm)
    return signatures.prepared(key.spki, scheme, data, key.sign(scheme, data))
