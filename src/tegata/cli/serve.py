# SPDX-License-Identifier: Apache-2.0
"""`tegata serve`: one service alone, as an operator would run it.

A service keeps its file, its sealed keys and the tokens of its callers in a data directory of its own.  Those that
verify others are given the authorities' certificates as files and the tokens that the authority gave out; nothing is
trusted because it answered first.
"""

import argparse
import asyncio
import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
from starlette.types import ASGIApp

from tegata.cli.manners import add_data, add_json, is_address, say, show
from tegata.clock import SystemClock
from tegata.codecs import pem
from tegata.crypto.vault import Vault
from tegata.jpki import Kind
from tegata.messages import TegataError
from tegata.sandbox import datadir, server
from tegata.sandbox.datadir import DataDir


class ServeError(TegataError):
    """A file or an option that the service needs is missing or wrong: `serve.missing_option`, `serve.bad_option`,
    `serve.bad_file`.
    """


class Service(Protocol):
    """What every party offers whoever runs it."""

    async def recover(self) -> None:
        """Finish what an earlier process left open."""
        ...

    def close(self) -> None:
        """Close its file."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service runs: its directory, its public address, and what its options say."""

    args: argparse.Namespace
    directory: DataDir
    url: str
    http: httpx.AsyncClient
    vault: Vault

    def token(self, role: str) -> str:
        """Return the token that the authority gave out for a role; raises `ServeError`."""
        content = _json(self.args.tokens)
        tokens = content.get("tokens", content)
        token = tokens.get(role) if isinstance(tokens, dict) else None
        if not isinstance(token, str) or not token:
            raise ServeError("serve.bad_file", file=str(self.args.tokens))
        return token

    def anchors(self) -> dict[Kind, tuple[bytes, ...]]:
        """Return the authorities' certificates; raises `ServeError`."""
        return {kind: (_certificate(getattr(self.args, f"{kind.value}_anchor")),) for kind in Kind}


Opened = tuple[Service, ASGIApp]


def _authority(place: Place) -> Opened:
    from tegata.authority.config import Config
    from tegata.authority.http import create_app
    from tegata.authority.service import Authority

    config = Config(public_url=place.url, tokens=place.directory.secrets.tokens)
    service = Authority.open(config, SystemClock(), place.vault, place.directory.file("authority"))
    return service, create_app(service)


def _signin(place: Place) -> Opened:
    from tegata.signin.config import Config
    from tegata.signin.http import create_app
    from tegata.signin.service import SignIn

    config = Config(
        public_url=place.url,
        authority_url=place.args.authority,
        authority_token=place.token("signin"),
        anchors=place.anchors(),
        tokens={"operator": place.directory.secrets.tokens["operator"]},
    )
    service = SignIn.open(config, SystemClock(), place.http, place.vault, place.directory.file("signin"))
    return service, create_app(service)


def _enrolment(place: Place) -> Opened:
    from tegata.enrolment.config import Config
    from tegata.enrolment.http import create_app
    from tegata.enrolment.service import Service as Enrolment

    config = Config(
        authority_url=place.args.authority,
        enrolment_token=place.token("enrolment"),
        hotline_token=place.token("hotline"),
        anchors=place.anchors(),
        tokens={"hotline": place.directory.secrets.tokens["hotline"]},
    )
    issuer_key = place.directory.secrets.issuer_key
    service = Enrolment.open(
        config, SystemClock(), place.http, place.directory.file("enrolment"), issuer_key=issuer_key
    )
    return service, create_app(service)


_OF_VERIFIERS: Final = ("authority", "tokens", *(f"{kind.value}-anchor" for kind in Kind))
SERVICES: Final[dict[str, tuple[Callable[[Place], Opened], tuple[str, ...]]]] = {
    "authority": (_authority, ()),
    "signin": (_signin, _OF_VERIFIERS),
    "enrolment": (_enrolment, _OF_VERIFIERS),
}
"""Each service by name: what opens it, and the options that it cannot do without."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tegata serve`."""
    parser.add_argument("service", choices=sorted(SERVICES), help=say("動かすサービス", "which service"))
    add_data(parser)
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help=say("ポート（既定は空いているもの）", "port (any free one)")
    )
    words = say("外から見えるアドレス（既定はこの機械のポート）", "address that others use (default: this port)")
    parser.add_argument("--url", metavar="URL", help=words)
    parser.add_argument("--authority", metavar="URL", help=say("認証局のアドレス", "address of the authority"))
    words = say(
        "認証局が渡したトークンの JSON（authority の secrets.json）",
        "tokens given out by the authority (its secrets.json)",
    )
    parser.add_argument("--tokens", type=Path, metavar="FILE", help=words)
    for kind in Kind:
        words = say(f"{kind.value} の認証局の証明書", f"certificate of the {kind.value} authority")
        parser.add_argument(f"--{kind.value}-anchor", type=Path, metavar="FILE", help=words)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C; returns 0 when stopped on purpose.  Nothing is made before the options are in order."""
    _check(args)
    listening = server.listen(args.port)
    with listening, datadir.opened(args.data) as directory:
        return server.run(lambda: _serve(args, directory, listening))


async def _serve(args: argparse.Namespace, directory: DataDir, listening: Any) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    url = args.url or server.url_of(listening)
    async with httpx.AsyncClient(timeout=30) as http:
        place = Place(args, directory, url, http, Vault.load_or_create(directory.vault_key))
        service, app = SERVICES[args.service][0](place)
        try:
            async with server.serving(app, listening):
                await service.recover()
                words = say(
                    f"{args.service} が {url} で動いています。Ctrl-C で止まります。",
                    f"{args.service} runs at {url}. Ctrl-C stops it.",
                )
                show(args, {"service": args.service, "url": url, "data": str(args.data)}, words)
                await stop.wait()
        finally:
            service.close()
    return 0


def _check(args: argparse.Namespace) -> None:
    for option in SERVICES[args.service][1]:
        if getattr(args, option.replace("-", "_")) is None:
            raise ServeError("serve.missing_option", option=f"--{option}")
    for option in ("url", "authority"):
        address = getattr(args, option)
        if address is not None and not is_address(address):
            raise ServeError("serve.bad_option", option=f"--{option}")


def _certificate(file: Path) -> bytes:
    try:
        return pem.der_or_pem(_read(file))
    except pem.PemError as error:
        raise ServeError("serve.bad_file", file=str(file)) from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ServeError("serve.bad_file", file=str(file)) from error


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read(file))
    except (ValueError, RecursionError) as error:
        raise ServeError("serve.bad_file", file=str(file)) from error
    if not isinstance(content, dict):
        raise ServeError("serve.bad_file", file=str(file))
    return content
