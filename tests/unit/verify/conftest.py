# SPDX-License-Identifier: Apache-2.0
"""Scenes that the verifier's tests share; keys come from the run's own, so that nothing slow is made twice."""

from collections.abc import Sequence

import pytest

from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.jpki import Carrier, Kind
from unit.verify.kit import Scene, scene


@pytest.fixture(scope="session")
def signing(rsa_keys: Sequence[SoftwareKey]) -> Scene:
    """Return a card's signing certificate under today's algorithm."""
    return scene(Kind.SIGNING, rsa_keys[0], rsa_keys[1])


@pytest.fixture(scope="session")
def authentication(rsa_keys: Sequence[SoftwareKey]) -> Scene:
    """Return a phone's authentication certificate under today's algorithm."""
    return scene(Kind.AUTHENTICATION, rsa_keys[2], rsa_keys[3], Carrier.PHONE)


@pytest.fixture(scope="session")
def next_card() -> Scene:
    """Return a signing certificate under the algorithm of the next card: P-384 with SHA-384."""
    return scene(Kind.SIGNING, SoftwareKey.generate(Algorithm.EC_P384), SoftwareKey.generate(Algorithm.EC_P384))
