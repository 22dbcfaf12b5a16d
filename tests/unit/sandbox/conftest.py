# SPDX-License-Identifier: Apache-2.0
"""One country for all tests that only ask it something."""

from collections.abc import Iterator, Sequence

import pytest

from tegata.crypto.keys import SoftwareKey
from unit.sandbox import kit
from unit.sandbox.kit import Town


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory, rsa_keys: Sequence[SoftwareKey]) -> Iterator[Town]:
    """Return a country in which 花子 lives, with a card and a phone that is not enrolled.  Tests leave these alone."""
    with kit.town(tmp_path_factory.mktemp("town"), kit.over_and_over(rsa_keys)) as opened:
        opened.post("/people", {"persona": "hanako"})
        opened.post("/phones", {"holder": "hanako"})
        yield opened
