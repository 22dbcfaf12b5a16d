# SPDX-License-Identifier: Apache-2.0
"""Write `uv.lock` anew (`make lock`), without the names of the hosts that served it.

Which index a machine uses is that machine's business: the committed lock holds versions, file names and hashes, and in
the place of hosts the two names below, which can never resolve (RFC 2606).  `uv lock` runs in a copy of the project in
which the real names are put back, so that versions stay unless something asks for new ones.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import install  # beside this file

INDEX = "https://index.invalid/simple"
FILES = "https://files.invalid/"


def main() -> int:
    """Lock, with the arguments handed on to `uv lock` (for instance `--upgrade`); return the exit code."""
    if not install.UV.exists():
        install.fetch_uv()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        prepare(copy)
        command = [str(install.UV), "lock", *install.index_options(), *sys.argv[1:]]
        if subprocess.run(command, check=False, cwd=copy).returncode != 0:
            return 1
        text = without_hosts((copy / "uv.lock").read_text("utf-8"))
    (install.ROOT / "uv.lock").write_text(text, "utf-8")
    return 0


def prepare(copy: Path) -> None:
    """Copy what uv reads of the project."""
    shutil.copy(install.ROOT / "pyproject.toml", copy)
    (copy / "src" / "tegata").mkdir(parents=True)
    shutil.copy(install.ROOT / "src" / "tegata" / "__init__.py", copy / "src" / "tegata")
    for name in ("README.md", "LICENSE"):
        (copy / name).touch()
    lock = install.ROOT / "uv.lock"
    if lock.exists():
        (copy / "uv.lock").write_text(with_hosts(lock.read_text("utf-8")), "utf-8")


def without_hosts(text: str) -> str:
    """Put the two placeholders where the lock names an index or a file server."""
    text = re.sub(r'registry = "https?://[^"]*"', f'registry = "{INDEX}"', text)
    return re.sub(r'url = "https?://[^/"]*/', f'url = "{FILES}', text)


def with_hosts(text: str) -> str:
    """Put real names in place of the placeholders: those of pip on this machine."""
    from pip._internal.models.index import PyPI  # only pip knows its default, and has no public name for it

    index = install.pip_setting("index-url") or PyPI.simple_url
    return text.replace(INDEX, index).replace(FILES, f"https://{PyPI.file_storage_domain}/")


if __name__ == "__main__":
    sys.exit(main())
