# SPDX-License-Identifier: Apache-2.0
"""`tegata reader`: one client for every card: on a PC/SC reader, in the running country, in a file.

The identical code reads a genuine card at someone's desk, so it is careful with it: see `tegata.reader.pins`.  The
actions are in `reader_actions` and `reader_trace`; here are their options.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tegata.cli import manners, places, reader_actions, reader_pins, reader_trace
from tegata.crypto.keys import Scheme
from tegata.jpki import Kind

SCHEMES = (Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PKCS1_SHA384, Scheme.RSA_PKCS1_SHA512, Scheme.RSA_PSS_SHA256)
"""What today's card can do; the rehearsal of the next one is for the Python API."""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `tegata reader`."""
    add_actions(parser)


def add_actions(parser: argparse.ArgumentParser, *, tracing: bool = True) -> None:
    """Add every action; `trace`, which runs another one, only once."""
    say = manners.say
    actions = parser.add_subparsers(dest="reader_command", required=True, metavar="ACTION")
    listed = _action(
        actions, "list", reader_actions.listed, say("リーダーとカードを一覧する", "list readers and cards")
    )
    manners.add_data(listed)
    words = say("カードが誰にでも見せる内容", "show what a card tells everyone")
    places.add(_action(actions, "info", reader_actions.info, words))
    _pin_action(
        actions, "verify-pin", reader_actions.verify_pin, say("暗証番号を一度だけ照合する", "present a PIN, once")
    )
    words = say("暗証番号を変える", "change a PIN")
    reader_pins.add_new(_pin_action(actions, "change-pin", reader_actions.change_pin, words))
    _read_options(_action(actions, "read", reader_actions.read, say("カードの内容を読む", "read what is on a card")))
    _sign_options(_action(actions, "sign", reader_actions.sign, say("ファイルに署名する", "sign a file")))
    words = say("カードが複製でないことを確かめる", "check that a card is no copy")
    _authenticity_options(_action(actions, "authenticity", reader_actions.authenticity, words))
    if tracing:
        words = say("カードとのやり取りを記録し、説明する", "record a dialogue with a card, and explain it")
        _trace_options(_action(actions, "trace", _trace, words, json=False))


def _trace(args: argparse.Namespace) -> int:
    parser = argparse.ArgumentParser(prog="tegata reader trace")
    add_actions(parser, tracing=False)
    return reader_trace.trace(args, parser.parse_args)


def _action(
    actions: Any, name: str, run: Callable[..., int], summary: str, *, json: bool = True
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    if json:
        manners.add_json(parser)
    parser.set_defaults(run=run)
    return parser


def _pin_action(actions: Any, name: str, run: Callable[..., int], summary: str) -> argparse.ArgumentParser:
    parser = _action(actions, name, run, summary)
    words = manners.say(
        "暗証番号の名前（signing、authentication、text など）", "which PIN: signing, authentication, text, …"
    )
    parser.add_argument("pin", metavar="PIN", help=words)
    places.add(parser)
    reader_pins.add(parser)
    return parser


def _read_options(parser: argparse.ArgumentParser) -> None:
    say = manners.say
    parser.add_argument("what", choices=tuple(reader_actions.READ), help=say("読むもの", "what to read"))
    places.add(parser)
    reader_pins.add(parser)
    words = say("開けるのに使う暗証番号の名前", "the PIN to open it with, where several do")
    parser.add_argument("--with", dest="with_pin", metavar="PIN", help=words)
    words = say("書き出すファイル（face ではフォルダー）", "file to write to (for face: a folder)")
    parser.add_argument("--out", type=Path, metavar="FILE", help=words)
    parser.add_argument("--der", action="store_true", help=say("証明書を DER で書く", "write certificates as DER"))
    words = say("個人番号を読むことを確認済みとする", "confirm that the individual number may be read")
    parser.add_argument("--yes", action="store_true", help=words)


def _sign_options(parser: argparse.ArgumentParser) -> None:
    say = manners.say
    parser.add_argument("document", type=Path, metavar="FILE", help=say("署名するファイル", "the file to sign"))
    places.add(parser)
    reader_pins.add(parser)
    kinds, schemes = [kind.value for kind in Kind], [scheme.value for scheme in SCHEMES]
    parser.add_argument("--kind", choices=kinds, default=kinds[0], help=say("鍵の種類", "which key"))
    parser.add_argument("--scheme", choices=schemes, default=schemes[0], help=say("署名方式", "signature scheme"))
    words = say("署名値を書くファイル（既定 FILE.sig）", "where to write the signature (default FILE.sig)")
    parser.add_argument("--out", type=Path, metavar="FILE", help=words)
    words = say(
        "tegata verify に要るもの（証明書、認証局、失効情報）を書くフォルダー",
        "folder for what tegata verify needs: certificate, authority, status",
    )
    parser.add_argument("--evidence", type=Path, metavar="DIR", help=words)


def _authenticity_options(parser: argparse.ArgumentParser) -> None:
    say = manners.say
    places.add(parser)
    reader_pins.add(parser)
    words = say("確かめるアプリケーション", "the application to check")
    parser.add_argument("--application", choices=("text", "surface"), default="text", help=words)
    words = say("開けるのに使う暗証番号の名前", "the PIN to open it with, where several do")
    parser.add_argument("--with", dest="with_pin", metavar="PIN", help=words)
    words = say(
        "信頼する根の鍵（/authority/v1/card-roots の JSON）", "trusted roots (JSON of /authority/v1/card-roots)"
    )
    parser.add_argument("--roots", type=Path, metavar="FILE", help=words)


def _trace_options(parser: argparse.ArgumentParser) -> None:
    say = manners.say
    words = say("記録を書くファイル（既定は画面）", "file to write the dialogue to (default: the screen)")
    parser.add_argument("--to", type=Path, metavar="FILE", help=words)
    words = say("暗証番号で守られた内容も記録する", "write down also what PINs guard")
    parser.add_argument("--with-data", action="store_true", help=words)
    words = say("記録を説明するだけで、カードは使わない", "only explain a recorded dialogue; no card is used")
    parser.add_argument("--explain", type=Path, metavar="FILE", help=words)
    words = say("記録をカードに対して再生する", "play a recorded dialogue to a card")
    parser.add_argument("--replay", type=Path, metavar="FILE", help=words)
    words = say("再生に使う暗証番号のファイル（NAME=PIN の行）", "PINs for --replay: a file with lines NAME=PIN")
    parser.add_argument("--pins", type=Path, metavar="FILE", help=words)
    places.add(parser)
    words = say(
        "記録する操作（info、read など）とその引数", "the action to record, such as info or read, with its arguments"
    )
    parser.add_argument("action", nargs=argparse.REMAINDER, metavar="ACTION ...", help=words)
