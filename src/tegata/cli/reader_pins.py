# SPDX-License-Identifier: Apache-2.0
"""Where a PIN comes from: a file, the environment, or a prompt that does not show it.  Never an argument.

Before it is asked for, the tries left are said; a signing password in lower case becomes upper case, which is said too.
Nothing here prints a PIN.
"""

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import Final

from tegata.cli import manners
from tegata.messages import TegataError
from tegata.reader import Blocked, LastTry, Reader, pins

PIN: Final = "TEGATA_PIN"
NEW_PIN: Final = "TEGATA_NEW_PIN"
_NAMES: Final = {
    "signing": ("署名用パスワード", "signing password"),
    "authentication": ("利用者証明用の暗証番号", "authentication PIN"),
    "text": ("券面事項入力補助用の暗証番号", "PIN of the text application"),
    "number_a": ("照合番号A（個人番号 12 桁）", "reference number A: the 12 digits of the individual number"),
    "number_b": ("照合番号B（14 桁）", "reference number B: birth YYMMDD by era, expiry year, security code"),
    "birth": ("生年月日（和暦 YYMMDD）", "birth date, YYMMDD by era"),
    "card": ("個人番号カード用の暗証番号", "PIN of the card"),
}


class PinError(TegataError):
    """No PIN was given (`reader.no_pin_given`), its file cannot be read (`reader.pin_file`), or the two new ones differ
    (`reader.pins_differ`).
    """


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options about a PIN."""
    say = manners.say
    words = say(f"暗証番号のファイル（ほかに {PIN}、入力画面）", f"file with the PIN (else {PIN}, else a prompt)")
    parser.add_argument("--pin-file", type=Path, metavar="FILE", help=words)
    words = say("残り 1 回でも照合する", "present the PIN even when only one try is left")
    parser.add_argument("--allow-last-try", action="store_true", help=words)


def add_new(parser: argparse.ArgumentParser) -> None:
    """Add the option for the new PIN."""
    words = manners.say(
        f"新しい暗証番号のファイル（ほかに {NEW_PIN}、入力画面）",
        f"file with the new PIN (else {NEW_PIN}, else a prompt)",
    )
    parser.add_argument("--new-pin-file", type=Path, metavar="FILE", help=words)


def name_of(pin: str) -> str:
    """Return what people call a PIN."""
    pair = _NAMES.get(pin.rpartition(".")[2])
    return manners.say(*pair) if pair else pin


def present(args: argparse.Namespace, reader: Reader, pin: str) -> int:
    """Ask for a PIN and present it once; returns the tries that were left before.

    Raises before asking: `Blocked`, `LastTry`; afterwards as `Reader.verify_pin`.
    """
    left = announced(args, reader, pin)
    reader.verify_pin(pin, asked(args, pin), allow_last_try=args.allow_last_try)
    return left


def announced(args: argparse.Namespace, reader: Reader, pin: str) -> int:
    """Say the tries left, and return them.  Raises `Blocked` and `LastTry`: then there is no point in asking."""
    left = reader.tries_left(pin)
    tell(manners.say(f"{name_of(pin)}：残り {left} 回", f"{name_of(pin)}: tries left {left}"))
    if left == 0:
        raise Blocked
    if left <= pins.LEAST_TRIES and not args.allow_last_try:
        raise LastTry(left)
    return left


def asked(args: argparse.Namespace, pin: str) -> str:
    """Return the PIN that was given for `pin`.  Raises `PinError`."""
    found = _given(args.pin_file, PIN)
    return _upper(pin, _typed(f"{name_of(pin)}: ") if found is None else found)


def asked_new(args: argparse.Namespace, pin: str) -> str:
    """Return the new PIN, which is typed twice.  Raises `PinError`."""
    found = _given(args.new_pin_file, NEW_PIN)
    if found is None:
        found = _typed(manners.say(f"新しい{name_of(pin)}: ", f"new {name_of(pin)}: "))
        if _typed(manners.say("もう一度: ", "once more: ")) != found:
            raise PinError("reader.pins_differ")
    return _upper(pin, found)


def tell(words: str) -> None:
    """Say something beside the result."""
    print(words, file=sys.stderr, flush=True)


def _given(file: Path | None, variable: str) -> str | None:
    if file is None:
        return os.environ.get(variable)
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise PinError("reader.pin_file", file=file.name) from error


def _typed(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise PinError("reader.no_pin_given")
    return getpass.getpass(prompt)


def _upper(pin: str, value: str) -> str:
    if pins.place(pin).rule.name != "signing" or value == value.upper():
        return value
    tell(manners.say("小文字を大文字にして送ります。", "Lower case is sent as upper case, as the card has it."))
    return value.upper()
