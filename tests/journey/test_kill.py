# SPDX-License-Identifier: Apache-2.0
"""`kill -9` after every durable change of the story: nothing is half-done, and the step can be walked again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tegata.sandbox import story

HERE = Path(__file__).parent


@pytest.mark.parametrize("number", range(len(story.STEPS)), ids=lambda number: story.STEPS[number].__name__)
def test_killed_anywhere_nothing_is_half_done(number: int, tmp_path: Path) -> None:
    """After a kill at any commit of this step, the country is whole and the step can be walked again."""
    command = [sys.executable, str(HERE / "killing.py"), str(number), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE.parent), str(HERE.parents[1] / "src")))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280)
    assert done.returncode == 0, done.stderr[-4000:]
    assert int(done.stdout) > 0
