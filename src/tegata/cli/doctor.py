# SPDX-License-Identifier: Apache-2.0
"""`tegata doctor`: what this machine has, what it lacks, and what each lack means.
Needs are of two kinds: without the first the country does not run, without the second a part of it does not.
"""

import argparse
import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tegata.cli.manners import FAILED, add_data, add_json, language, say, show
from tegata.messages import TegataError, message

_FREE_MEGABYTES: Final = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is there, and whether the country needs it."""

    name: str
    found: bool
    needed: bool
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the members that scripts read."""
        words = message(f"doctor.{self.name}", language())
        told = {"name": self.name, "ok": self.found, "needed": self.needed, "detail": self.detail, "what": words.what}
        return told if self.found else {**told, "next": words.next}

    def line(self) -> str:
        """Return the lines for a terminal."""
        words = message(f"doctor.{self.name}", language())
        mark = "✓" if self.found else "✗" if self.needed else "–"
        head = f"{mark} {words.what}" + (f"  ({self.detail})" if self.detail else "")
        return head if self.found else f"{head}\n    → {words.next}"


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tegata doctor`."""
    add_data(parser)
    parser.add_argument(
        "--port", type=int, default=8440, metavar="N", help=say("ポート（既定 8440）", "port (default 8440)")
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look at everything; returns 1 when something needed is missing."""
    findings = [*_needed(args), *_useful()]
    show(args, [one.to_json() for one in findings], "\n".join(one.line() for one in findings))
    return FAILED if any(one.needed and not one.found for one in findings) else 0


def _needed(args: argparse.Namespace) -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", sys.version_info >= (3, 11), needed=True, detail=version)
    missing = [name for name in ("starlette", "uvicorn", "httpx", "joserfc", "typst") if not _installed(name)]
    yield Finding("packages", not missing, needed=True, detail=", ".join(missing))
    yield Finding("space", _free(args.data) >= _FREE_MEGABYTES, needed=True, detail=f"{_free(args.data)} MB")
    yield Finding("data", _usable(args.data), needed=True, detail=str(args.data))
    yield Finding("port", _port_free(args.port), needed=True, detail=str(args.port))


def _useful() -> Iterator[Finding]:
    yield Finding("font", _font(), needed=False)
    yield Finding("reader", shutil.which("pcscd") is not None and _driver(), needed=False)
    yield Finding("pyscard", _installed("smartcard"), needed=False)
    yield Finding("opensc", shutil.which("pkcs15-tool") is not None, needed=False)
    yield Finding("openssl", shutil.which("openssl") is not None, needed=False)


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _existing(path: Path) -> Path:
    return next(folder for folder in (path.resolve(), *path.resolve().parents) if folder.exists())


def _free(path: Path) -> int:
    return shutil.disk_usage(_existing(path)).free >> 20


def _usable(path: Path) -> bool:
    """Say whether the data directory is there and in order, or can be made; a running country counts as in order."""
    import os

    from tegata.sandbox import datadir

    if not (path / "meta.json").exists():
        return os.access(_existing(path), os.W_OK)
    try:
        with datadir.opened(path):
            return True
    except TegataError as error:
        return error.reason == "sandbox.data_locked"


def _port_free(port: int) -> bool:
    return _works(lambda: _listen(port))


def _listen(port: int) -> None:
    from tegata.sandbox import server

    server.listen(port).close()


def _font() -> bool:
    from tegata.municipality.font import find

    return _works(lambda: find(None))


def _driver() -> bool:
    return any(Path("/usr/lib").glob("**/libifdvpcd.so"))


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except TegataError:
        return False
    return True
