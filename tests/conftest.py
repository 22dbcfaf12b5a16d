# SPDX-License-Identifier: Apache-2.0
"""What every test shares: repeatable randomness, a closed network, keys made once, and no silent skipping.

Hypothesis runs by profile: `dev` at a desk, `ci` (the same examples every time) where CI is set, `nightly` by
`HYPOTHESIS_PROFILE=nightly`.  A tool that a test drives must be there: `require_tool` fails, it never skips.
"""

import ipaddress
import os
import shutil
import sys
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, settings

from tegata.crypto.keys import Algorithm, SoftwareKey

_BASE = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[phase for phase in Phase if phase is not Phase.explain],  # traces every line: minutes for a whole party
)
settings.register_profile("dev", _BASE)
settings.register_profile("ci", _BASE, derandomize=True, database=None)
settings.register_profile("nightly", _BASE, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_configure(config: pytest.Config) -> None:
    """Close the network for the whole run: tests talk to this machine only."""
    sys.addaudithook(_refuse_other_machines)


def _refuse_other_machines(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not _is_local(address[0]):
            raise RuntimeError(f"a test tried to reach {address[0]}: tests use this machine only")
    elif event == "socket.getaddrinfo" and not _is_local(arguments[0]):
        raise RuntimeError(f"a test tried to look up {arguments[0]!r}: tests use this machine only")


def _is_local(host: object) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(name))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], str]:
    """Return a function that finds a program by name and gives its path; a missing one fails the test."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.fail(f"{name} is missing: run make test, or scripts/setup-debian.sh", pytrace=False)
        return path

    return find


@pytest.fixture(scope="session")
def rsa_keys() -> Sequence[SoftwareKey]:
    """Return eight RSA-2048 keys, made once per run (about 50 ms each): `rsa_keys[0]`, `rsa_keys[1]`, ..."""
    return _Keys(8, Algorithm.RSA_2048)


class _Keys(Sequence[SoftwareKey]):
    """Keys that are made when first asked for."""

    def __init__(self, count: int, algorithm: Algorithm) -> None:
        self._keys: list[SoftwareKey | None] = [None] * count
        self._algorithm = algorithm

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: int) -> SoftwareKey:  # type: ignore[override]  # slices are of no use here
        key = self._keys[index]
        if key is None:
            key = self._keys[index] = SoftwareKey.generate(self._algorithm)
        return key
