# SPDX-License-Identifier: Apache-2.0
"""`tegata up`: the country on one port, until Ctrl-C.

The port is taken first, then the data directory; the country answers before its people are settled, and says how
far it is.
"""

import argparse
import asyncio
import signal
import time
from pathlib import Path
from typing import Any

from tegata.cli.manners import Progress, add_data, add_json, say, show
from tegata.sandbox import datadir, personas, server
from tegata.sandbox.country import Country
from tegata.sandbox.datadir import DataDir
from tegata.web import create_app


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tegata up`."""
    add_data(parser)
    parser.add_argument(
        "--port",
        type=int,
        default=server.DEFAULT_PORT,
        metavar="N",
        help=say("ポート（既定 8440）", "port (default 8440)"),
    )
    parser.add_argument("--people", metavar="N", help=say("住民の数（既定 12）", "how many people (default 12)"))
    parser.add_argument("--seed", metavar="S", help=say("住民を作るシード（既定 1）", "seed of the people (default 1)"))
    parser.add_argument(
        "--personas",
        type=Path,
        metavar="FILE",
        help=say("自分の住民データ（TOML）", "a persona file of your own (TOML)"),
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Start the country and keep it running; returns 0 when it was stopped on purpose."""
    started = time.monotonic()
    people = None if args.people is None else personas.parse_count(args.people)
    seed = None if args.seed is None else personas.parse_seed(args.seed)
    listening = server.listen(args.port)
    with listening, datadir.opened(args.data, people=people, seed=seed) as directory:
        url = server.url_of(listening)
        country = Country.open(directory, url=url, personas=args.personas)
        return server.run(lambda: _live(args, directory, country, listening, started))


async def _live(args: argparse.Namespace, directory: DataDir, country: Country, listening: Any, started: float) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    url = server.url_of(listening)
    country.app.pages = create_app(country.http, url)
    try:
        async with server.serving(country.app, listening):
            await country.start()
            directory.announce(url)
            _greet(args, country, url, (time.monotonic() - started) * 1000)
            await _settle_until(stop, country, quiet=args.json)
    finally:
        directory.retract()
        await country.aclose()
    return 0


async def _settle_until(stop: asyncio.Event, country: Country, *, quiet: bool) -> None:
    """Settle the people beside serving; an error of that ends the country, because something is wrong with its data."""
    bar = Progress(say("住民を登録しカードを発行しています", "registering people, issuing cards"), quiet=quiet)
    settling = asyncio.create_task(country.populate(bar))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({settling, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        await settling
        await stopping
    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)


def _greet(args: argparse.Namespace, country: Country, url: str, milliseconds: float) -> None:
    settled, total = country.progress
    facts = {"url": url, "data": str(args.data), "people": total, "settled": settled, "ready_ms": round(milliseconds)}
    words = say(
        f"""手形の国が動いています（試験用。すべて架空です）  {milliseconds:.0f} ms

  画面                {url}/
  制御 API            {url}/control/v1/openapi.json
  サインイン          {url}/api/realms/main/.well-known/openid-configuration
  証明書の状態        {url}/ocsp/signing  {url}/crl/
  データ              {args.data}/（住民 {total} 人）

Ctrl-C で止まります。次に起動すると、同じ人とカードが待っています。""",
        f"""The country of Tegata is running (for tests; everything in it is invented)  {milliseconds:.0f} ms

  pages               {url}/
  control API         {url}/control/v1/openapi.json
  sign-in             {url}/api/realms/main/.well-known/openid-configuration
  certificate status  {url}/ocsp/signing  {url}/crl/
  data                {args.data}/ ({total} people)

Ctrl-C stops it. The next start finds the same people and cards.""",
    )
    show(args, facts, words)
