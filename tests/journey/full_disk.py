# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, then is not: run by `test_up` inside a mount namespace of its own.

    unshare --mount --map-root-user python full_disk.py KILOBYTES FOLDER

Prints the error of the first start as JSON, and how many people the second one settled.
"""

import subprocess
import sys
from pathlib import Path

from journey import processes


def mount(options: str, folder: Path) -> None:
    """Mount, or mount anew, a small file system in memory."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def main(kilobytes: int, folder: Path) -> int:
    """Fill the disk, make room, and start again."""
    mount(f"size={kilobytes}k", folder)
    first = processes.run("up", "--data", folder, "--port", 0, "--json")
    assert first.returncode == 1, first
    print(first.stdout.splitlines()[-1])
    subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
    with processes.up(folder) as country:
        country.settled()
        people = country.get("/control/v1/people")["people"]
        assert country.stop() == 0
    print(sum(len(one["cards"]) == 1 for one in people))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
