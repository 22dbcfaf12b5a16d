# SPDX-License-Identifier: Apache-2.0
"""How tests say that something is refused: by the error's class and its exact reason."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tegata.messages import TegataError


@contextmanager
def refused(reason: str, kind: type[TegataError] = TegataError) -> Iterator[pytest.ExceptionInfo[TegataError]]:
    """Expect the body to raise an error of `kind` with exactly this reason; yields what was caught, as pytest does."""
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.value.reason == reason
