# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the municipality's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.municipality.kit import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Return a town hall with nobody in its register."""
    made = Town(tmp_path)
    yield made
    made.service.close()
