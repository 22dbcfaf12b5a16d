# SPDX-License-Identifier: Apache-2.0
"""The world in which most tests of the authority begin."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.authority.kit import World, opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return an authority that was just founded."""
    with opened(tmp_path) as one:
        yield one
