# SPDX-License-Identifier: Apache-2.0
"""`tegata doctor`: what this machine has, what it lacks, and what each lack means.
Needs are of two kinds: without the first the country does not run, without the second a part of it does not.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tegata.cli.manners import FAILED, add_data, add_json, language, say, show
from tegata.messages import TegataError, message

_FREE_MEGABYTES: Final = 200
PACKAGES: Final = (
    *("httptools", "httpx", "jinja2", "joserfc", "pylopdf-fonts-jp", "segno", "starlette"),
    *("typst", "uvicorn", "uvloop"),
)
"""What the extra `country` installs."""
_SYSTEM: Final = ("/usr/sbin", "/usr/local/sbin", "/sbin")
"""Where services lie that are not in everybody's PATH."""
_DRIVERS: Final = (Path("/usr/lib/pcsc/drivers/serial"), Path("/usr/local/lib/pcsc/drivers/serial"))


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
    missing = [name for name in PACKAGES if not installed(name)]
    yield Finding("packages", not missing, needed=True, detail=", ".join(missing))
    free = shutil.disk_usage(_existing(args.data)).free >> 20
    yield Finding("space", free >= _FREE_MEGABYTES, needed=True, detail=f"{free} MB")
    problem = _unusable(args.data)
    yield Finding("data", problem is None, needed=True, detail=problem or str(args.data))
    yield Finding("port", _port_free(args.port) or _is_ours(args), needed=True, detail=str(args.port))


def _useful() -> Iterator[Finding]:
    font = _font()
    yield Finding("font", font is not None, needed=False, detail=font or "")
    yield Finding("reader", program("pcscd") and _driver(), needed=False)
    yield Finding("pyscard", importlib.util.find_spec("smartcard") is not None, needed=False)
    yield Finding("opensc", program("pkcs15-tool"), needed=False)
    yield Finding("openssl", program("openssl"), needed=False)


def installed(package: str) -> bool:
    """Say whether a package of others is installed."""
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def program(name: str) -> bool:
    """Say whether a program is there, in PATH or where services lie."""
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM))
    return shutil.which(name, path=places) is not None


def _existing(path: Path) -> Path:
    whole = Path(os.path.abspath(path))
    return next(folder for folder in (whole, *whole.parents) if os.path.exists(folder))


def _unusable(path: Path) -> str | None:
    """Say why the data directory is neither in order nor can be made; a running country's is in order."""
    from tegata.sandbox import datadir

    place = _existing(path)
    if not (place.is_dir() and os.access(place, os.R_OK | os.W_OK | os.X_OK)):
        return datadir.DataError("sandbox.data_unusable", where=str(path)).text(language()).what
    if not os.path.exists(path / "meta.json") and not any(path.glob("*.sqlite")):
        return None
    try:
        with datadir.opened(path):
            return None
    except datadir.DataError as error:
        return None if error.reason == "sandbox.data_locked" else error.text(language()).what


def _port_free(port: int) -> bool:
    with closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def _is_ours(args: argparse.Namespace) -> bool:
    """Say whether the port is that of the country which runs on this data directory."""
    from tegata.sandbox import datadir

    url = datadir.address(args.data)
    return url is not None and urlsplit(url).netloc == f"127.0.0.1:{args.port}"


def _font() -> str | None:
    try:
        from tegata.municipality.font import find

        return find(None).name
    except (TegataError, ImportError):
        return None


def _driver() -> bool:
    return any(os.path.exists(folder / "libifdvpcd.so") for folder in _DRIVERS)
