# SPDX-License-Identifier: Apache-2.0
"""Make `.venv` hold exactly what `uv.lock` names: `make install`, on any machine with Python 3.11 or later and pip.

The committed lock names versions and hashes but no host (scripts/lock.py says how), so where packages come from is this
machine's business: uv's default index, or the one that pip is configured with.  Steps:

1. pip puts the locked uv into `.tools/`, checked against the hashes in the lock;
2. uv turns the lock into a hashed requirements list, and makes `.venv` match it, nothing more and nothing less;
3. the project itself is installed in place (editable), built by the locked hatchling;
4. a stamp of all inputs is left in `.venv`, so that the next call returns at once.

Only the standard library is used.  Where uv cannot reach the index, pip tries with its own settings before giving up.
"""

import argparse
import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
UV = TOOLS / "uv" / "bin" / "uv"
STAMP = VENV / ".installed"
OLDEST = (3, 11)
INPUTS = ("uv.lock", "pyproject.toml", "src/tegata/__init__.py", "scripts/install.py")


class InstallError(Exception):
    """What went wrong, and the next step, in one line."""


def main() -> int:
    """Install what is missing; return the exit code."""
    if sys.version_info < OLDEST:
        return complain("Python 3.11 or later is needed. Name one that is installed: make PYTHON=python3.12 install")
    options = parse()
    try:
        extras = wanted_extras(options.pcsc)
        stamp = fingerprint(extras)
        if not options.force and is_current(stamp, extras):
            return 0
        install(extras)
        STAMP.write_text(stamp, "utf-8")
    except InstallError as error:
        return complain(str(error))
    return 0


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Install Tegata and its locked dependencies into .venv")
    parser.add_argument(
        "--pcsc",
        choices=("auto", "yes", "no"),
        default="auto",
        help="also compile pyscard, for real readers (auto: when swig and the PC/SC headers are there)",
    )
    parser.add_argument("--force", action="store_true", help="install even when nothing changed")
    return parser.parse_args()


def complain(text: str) -> int:
    """Say what went wrong; return the exit code of a failure."""
    print("install: " + text, file=sys.stderr)
    return 1


def wanted_extras(pcsc: str) -> list[str]:
    """Return the extras to install.  pyscard has no wheel for Linux, so it needs a compiler's company."""
    headers = (Path("/usr/include/PCSC/winscard.h"), Path(sysconfig.get_path("include"), "Python.h"))
    needed = *(header.exists() for header in headers), shutil.which("swig"), shutil.which("gcc")
    can_build = sys.platform != "linux" or all(needed)
    if pcsc == "yes" and not can_build:
        raise InstallError("pyscard needs swig, gcc and the headers of PC/SC and Python. Run: scripts/setup-debian.sh")
    return ["country", "pcsc"] if pcsc == "yes" or (pcsc == "auto" and can_build) else ["country"]


def fingerprint(extras: list[str]) -> str:
    """Return a digest of everything that decides what `.venv` must hold."""
    digest = hashlib.sha256(f"{ROOT}\n{sys.version_info[:2]}\n".encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return f"{digest.hexdigest()} {' '.join(extras)}\n"


def is_current(stamp: str, extras: list[str]) -> bool:
    """Return whether `.venv` already holds these inputs, with at least these extras."""
    if not STAMP.exists() or not (VENV / "bin" / "python").exists():
        return False
    digest, *have = STAMP.read_text("utf-8").split()
    return digest == stamp.split()[0] and set(extras) <= set(have)


def install(extras: list[str]) -> None:
    """Run steps 1 to 3."""
    STAMP.unlink(missing_ok=True)
    fetch_uv()
    say(f"installing into {VENV.relative_to(ROOT)} from uv.lock")
    requirements = export(extras)
    make_venv()
    sync(requirements)
    uv("pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--offline", "--editable", ".")


def fetch_uv() -> None:
    """Step 1: the locked uv, in `.tools/uv`."""
    version, hashes = locked("uv")
    mark = TOOLS / "uv.version"
    if UV.exists() and mark.exists() and mark.read_text("utf-8") == version:
        return
    if importlib.util.find_spec("pip") is None:
        raise InstallError("this Python has no pip. On Debian: sudo apt-get install python3-pip, then make again")
    say(f"fetching uv {version} into .tools")
    shutil.rmtree(TOOLS / "uv", ignore_errors=True)
    TOOLS.mkdir(exist_ok=True)
    wish = TOOLS / "uv.txt"
    wish.write_text(f"uv=={version} " + " ".join(f"--hash={each}" for each in hashes) + "\n", "utf-8")
    options = ["--quiet", "--disable-pip-version-check", "--retries", "5", "--root-user-action", "ignore"]
    target = ["--target", str(TOOLS / "uv"), "--require-hashes", "--requirement", str(wish)]
    pip = [sys.executable, "-m", "pip", "install", "--only-binary", ":all:", *options, *target]
    run(pip, "pip could not fetch uv: are pip and the network there?")
    mark.write_text(version, "utf-8")


def locked(name: str) -> tuple[str, list[str]]:
    """Return version and artefact hashes (`sha256:...`) of the package `name` in the lock."""
    import tomllib  # here, not above: older Pythons must get as far as the message in `main`

    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    entry = next(package for package in lock["package"] if package["name"] == name)
    return entry["version"], [wheel["hash"] for wheel in entry["wheels"]]


def export(extras: list[str]) -> Path:
    """Step 2a: the lock as a requirements list with hashes."""
    requirements = TOOLS / "requirements.txt"
    options = [option for extra in extras for option in ("--extra", extra)]
    shape = ("--frozen", "--no-emit-project", "--no-annotate")
    uv("export", "--quiet", *shape, *options, "--output-file", str(requirements))
    return requirements


def make_venv() -> None:
    """Step 2b: an environment of this Python; one that is broken or too old is replaced."""
    python = VENV / "bin" / "python"
    probe = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    if python.exists() and subprocess.run([python, "-c", probe], check=False, capture_output=True).returncode == 0:
        return
    uv("venv", "--quiet", "--clear", "--no-python-downloads", "--python", sys.executable, str(VENV))


def sync(requirements: Path) -> None:
    """Step 2c: exactly the listed packages, each checked against its hash."""
    try:
        uv("pip", "sync", "--quiet", "--require-hashes", *index_options(), str(requirements))
    except InstallError as error:
        say(f"{error} Trying with pip.")
        pip = [sys.executable, "-m", "pip", "--python", str(VENV / "bin" / "python"), "install", "--quiet"]
        fail = "the locked packages could not be installed: is the network there? Try again: make install"
        run([*pip, "--require-hashes", "--no-deps", "--requirement", str(requirements)], fail)


def index_options() -> list[str]:
    """Return the package index for uv: its own settings win, then pip's, then its default."""
    if any(os.environ.get(name) for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX")):
        return []
    index = pip_setting("index-url")
    return ["--default-index", index] if index else []


def pip_setting(name: str) -> str:
    """Return one setting of this machine's pip, from its environment or its files, or an empty string."""
    settings = dict(line.split("=", 1) for line in pip_config() if "=" in line)
    for section in (":env:", "install", "global"):
        if f"{section}.{name}" in settings:
            return settings[f"{section}.{name}"].strip("'\"")
    return ""


@functools.cache
def pip_config() -> list[str]:
    """Return pip's settings, one `section.name='value'` each; empty without pip."""
    asked = [sys.executable, "-m", "pip", "config", "list"]
    return subprocess.run(asked, check=False, capture_output=True, text=True).stdout.splitlines()


def uv(*arguments: str) -> None:
    """Run uv for the project's environment, trusting the certificates that pip trusts."""
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV), "UV_PROJECT_ENVIRONMENT": str(VENV)}
    environment.setdefault("UV_HTTP_TIMEOUT", "120")
    environment.setdefault("UV_HTTP_RETRIES", "5")
    environment.setdefault("UV_LINK_MODE", "copy")
    environment.setdefault("UV_SYSTEM_CERTS", "true")
    certificates = pip_setting("cert")
    if certificates:
        environment.setdefault("SSL_CERT_FILE", certificates)
    run([str(UV), *arguments], f"uv {arguments[0]} failed.", environment)


def run(command: list[str], failure: str, environment: dict[str, str] | None = None) -> None:
    """Run `command` in the project's root; raises `InstallError(failure)` when it fails."""
    if subprocess.run(command, check=False, cwd=ROOT, env=environment).returncode != 0:
        raise InstallError(failure)


def say(text: str) -> None:
    """Tell the person that waits what goes on."""
    print("install: " + text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
