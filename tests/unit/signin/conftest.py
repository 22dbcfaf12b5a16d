# SPDX-License-Identifier: Apache-2.0
"""What the tests of the sign-in service share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tegata.crypto.keys import Algorithm, SoftwareKey
from unit.signin.kit import World


@pytest.fixture
def make_world(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> Callable[..., World]:
    """Return a maker of worlds; its arguments are switches of the profile."""

    def make(**switches: Any) -> World:
        keys = {Algorithm.RSA_2048: rsa_keys[7], Algorithm.EC_P256: SoftwareKey.generate(Algorithm.EC_P256)}
        return World(tmp_path, keys, **switches)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Return a world with the assumed profile."""
    return make_world()
