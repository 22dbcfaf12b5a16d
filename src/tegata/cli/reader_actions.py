# SPDX-License-Identifier: Apache-2.0
"""What `tegata reader` does with a card: list, info, verify-pin, change-pin, read, sign, authenticity.

Results go to standard output or the file that `--out` names; tries left and questions to standard error.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tegata.cli import card_show, manners, places, reader_pins
from tegata.codecs import pem
from tegata.crypto.keys import Scheme
from tegata.jpki import Kind
from tegata.messages import TegataError
from tegata.reader import Reader, TransportError, connect, pcsc
from tegata.reader.authenticity import NotAuthentic, Step, roots_from_json
from tegata.reader.country import Country
from tegata.reader.errors import CountryError
from tegata.reader.trace import Tracer


class ActionError(TegataError):
    """`reader.not_confirmed`, `reader.file_unusable`, `reader.out_needed`, `reader.roots_needed`."""


@contextmanager
def reading(args: argparse.Namespace) -> Iterator[Reader]:
    """Yield the card that the options name, its dialogue written down where `trace` asked for it."""
    with places.opened(args) as element:
        say = getattr(args, "trace_to", None)
        if say is not None:
            say(f"# ATR {element.atr.hex().upper()}")
            element = Tracer(element, say, manners.language(), with_data=args.with_data)
        with connect(element) as reader:
            yield reader


def listed(args: argparse.Namespace) -> int:
    """List PC/SC readers with what lies on them, and the cards of the country that runs."""
    readers, missing = _readers()
    cards = _country_cards(args.data)
    facts = {
        "readers": [{"name": one.name, "atr": one.atr.hex().upper() if one.atr else None} for one in readers],
        "cards": cards,
        "missing": missing,
    }
    lines = [f"{one.name:40} {one.atr.hex().upper() if one.atr else '–'}" for one in readers]
    lines += [f"--card {card['card_id']:33} {card['holder']}" for card in cards]
    if missing:
        reader_pins.tell(missing)
    manners.show(args, facts, "\n".join(lines) or manners.say("カードは見つかりません。", "No card is to be found."))
    return 0


def _readers() -> tuple[list[pcsc.Listed], str | None]:
    try:
        return pcsc.listed(), None
    except TransportError as error:
        return [], str(error.text(manners.language()))


def _country_cards(data: Path) -> list[dict[str, Any]]:
    try:
        country = Country(places.country_url(data))
    except CountryError:
        return []
    try:
        return [{"card_id": card["card_id"], "holder": card["holder"]} for card in country.cards()]
    except CountryError:
        return []
    finally:
        country.close()


def info(args: argparse.Namespace) -> int:
    """Show what the card tells everyone."""
    with reading(args) as reader:
        found = reader.info()
    manners.show(args, found.to_json(), "\n".join(card_show.lines(card_show.facts_of(found))))
    return 0


def verify_pin(args: argparse.Namespace) -> int:
    """Present a PIN once, and say that it was right."""
    with reading(args) as reader:
        before = reader_pins.present(args, reader, args.pin)
        after = reader.tries_left(args.pin)
    facts = {"pin": args.pin, "verified": True, "tries_left_before": before, "tries_left": after}
    manners.show(args, facts, manners.say("照合できました。", "The PIN is right."))
    return 0


def change_pin(args: argparse.Namespace) -> int:
    """Change a PIN."""
    with reading(args) as reader:
        reader_pins.announced(args, reader, args.pin)
        old, new = reader_pins.asked(args, args.pin), reader_pins.asked_new(args, args.pin)
        reader.change_pin(args.pin, old, new, allow_last_try=args.allow_last_try)
    manners.show(args, {"pin": args.pin, "changed": True}, manners.say("変更しました。", "The PIN is changed."))
    return 0


def sign(args: argparse.Namespace) -> int:
    """Sign a file with a key of the card, and write the signature, and what verifying it takes."""
    document = read_file(args.document)
    kind, scheme = Kind(args.kind), Scheme(args.scheme)
    out = args.out or args.document.with_name(args.document.name + ".sig")
    with reading(args) as reader:
        reader_pins.present(args, reader, kind.value)
        signature = reader.sign(kind, document, scheme)
        certificates = (reader.certificate(kind), reader.ca_certificate(kind)) if args.evidence else None
    write_file(out, signature)
    facts: dict[str, Any] = {"signature": str(out), "kind": kind.value, "scheme": scheme.value}
    lines = [manners.say(f"署名を {out} に書きました。", f"The signature is in {out}.")]
    if certificates:
        kept = _evidence(args, kind, *certificates)
        options = [*(f"--{name} {file}" for name, file in kept.items()), f"--kind {kind.value}"]
        options += [f"--signature {out}", f"--scheme {scheme.value}"]
        facts["verify"] = f"tegata verify {args.document} {' '.join(options)}"
        lines.append(facts["verify"])
    manners.show(args, facts, "\n".join(lines))
    return 0


def _evidence(args: argparse.Namespace, kind: Kind, certificate: bytes, authority: bytes) -> dict[str, Path]:
    """Write what `tegata verify` needs; the status only where the card's country answers for it."""
    make_folder(args.evidence)
    kept = {"certificate": args.evidence / "certificate.pem", "anchor": args.evidence / "authority.pem"}
    write_file(kept["certificate"], pem.encode(certificate).encode())
    write_file(kept["anchor"], pem.encode(authority).encode())
    status = _status(args, kind, certificate, authority)
    if status is not None:
        kept["ocsp"] = args.evidence / "status.ocsp"
        write_file(kept["ocsp"], status)
    return kept


def _status(args: argparse.Namespace, kind: Kind, certificate: bytes, authority: bytes) -> bytes | None:
    if args.card is None or Path(args.card).is_file():
        return None
    import httpx

    from tegata import verify

    request = verify.prepare_status(certificate, kind, verify.TrustStore.of({kind: [authority]}), None)
    try:
        answer = httpx.post(f"{places.country_url(args.data)}/ocsp/{kind.value}", content=request.ocsp_request_der)
    except httpx.HTTPError as error:
        raise CountryError("card.country_not_running", where=type(error).__name__) from error
    return answer.content if answer.is_success else None


def authenticity(args: argparse.Namespace) -> int:
    """Check that the card is no copy, step by step."""
    roots = _roots(args)
    try:
        with reading(args) as reader:
            reader_pins.present(args, reader, args.with_pin or _OPENS[args.application])
            genuine = reader.authenticity(args.application, roots)
    except NotAuthentic as error:
        print("\n".join(_steps(error.steps)), file=sys.stderr)
        raise
    words = manners.say("カードは本物です。", "The card is no copy.")
    manners.show(args, {"genuine": True, **genuine.to_json()}, "\n".join([words, *_steps(genuine.steps)]))
    return 0


_OPENS: Final = {"text": "text", "surface": "surface.number_b"}


def _roots(args: argparse.Namespace) -> dict[bytes, bytes]:
    """Return the roots of a file that the caller trusts, or those of the country whose card it is."""
    if args.roots is not None:
        content = read_file(args.roots)
    elif args.card is not None and not Path(args.card).is_file():
        content = _asked(f"{places.country_url(args.data)}/authority/v1/card-roots")
    else:
        raise ActionError("reader.roots_needed")
    try:
        return roots_from_json(json.loads(content))
    except ValueError as error:
        raise ActionError("reader.roots_needed") from error


def _asked(url: str) -> bytes:
    import httpx

    try:
        return httpx.get(url).raise_for_status().content
    except httpx.HTTPError as error:
        raise CountryError("card.country_not_running", where=type(error).__name__) from error


def _steps(steps: tuple[Step, ...]) -> list[str]:
    marks = {"passed": "✓", "failed": "✗", "not_reached": "–"}
    return [f"  {marks[step.outcome]} {step.name:12} {step.detail}".rstrip() for step in steps]


# -- read ---------------------------------------------------------------------------------------------------------


def read(args: argparse.Namespace) -> int:
    """Read one thing, after its PIN where it has one."""
    if args.what == "number" and not args.yes:
        _confirm()
    usual, get = READ[args.what]
    pin: str | None = args.with_pin or usual
    with reading(args) as reader:
        if pin is not None:
            reader_pins.present(args, reader, pin)
        return get(args, reader)


def _confirm() -> None:
    words = manners.say(
        "個人番号を読めるのは、法律で認められた場合だけです。続けますか [y/N] ",
        "The law limits who may read an individual number. Go on? [y/N] ",
    )
    if not sys.stdin.isatty():
        raise ActionError("reader.not_confirmed")
    print(words, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ActionError("reader.not_confirmed")


def _certificate(kind: Kind, *, authority: bool) -> Callable[[argparse.Namespace, Reader], int]:
    def get(args: argparse.Namespace, reader: Reader) -> int:
        content = reader.ca_certificate(kind) if authority else reader.certificate(kind)
        if args.der:
            if args.out is None:
                raise ActionError("reader.out_needed")
            return _told(args, content, {"certificate": pem.encode(content)})
        return _told(args, pem.encode(content).encode(), {"certificate": pem.encode(content)})

    return get


def _token(args: argparse.Namespace, reader: Reader) -> int:
    facts = reader.token().to_json()
    return _told(args, "\n".join(card_show.lines(facts)).encode() + b"\n", facts)


def _attributes(args: argparse.Namespace, reader: Reader) -> int:
    four = reader.attributes()
    facts = {"name": four.name, "address": four.address, "birth": four.birth, "sex": four.sex}
    return _told(args, "\n".join(card_show.lines(facts)).encode() + b"\n", facts)


def _number(args: argparse.Namespace, reader: Reader) -> int:
    number = reader.individual_number()
    return _told(args, number.encode() + b"\n", {"individual_number": number})


def _face(args: argparse.Namespace, reader: Reader) -> int:
    face = reader.face()
    facts: dict[str, Any] = {"birth": face.birth, "sex": face.sex, "expiry": face.expiry}
    if args.out is not None:
        pictures = {"name.png": face.name, "address.png": face.address, "photo.jp2": face.photo}
        pictures["security-code.png"] = face.security_code
        make_folder(args.out)
        for name, picture in pictures.items():
            write_file(args.out / name, picture)
        facts["files"] = [str(args.out / name) for name in pictures]
    manners.show(args, facts, "\n".join(card_show.lines(facts)))
    return 0


READ: Final[dict[str, tuple[str | None, Callable[[argparse.Namespace, Reader], int]]]] = {
    "signing-certificate": ("signing", _certificate(Kind.SIGNING, authority=False)),
    "authentication-certificate": (None, _certificate(Kind.AUTHENTICATION, authority=False)),
    "signing-authority": (None, _certificate(Kind.SIGNING, authority=True)),
    "authentication-authority": (None, _certificate(Kind.AUTHENTICATION, authority=True)),
    "token": (None, _token),
    "attributes": ("text", _attributes),
    "number": ("text", _number),
    "face": ("surface.number_b", _face),
}
"""What can be read -> the PIN that it takes, and how it is got and shown."""


def _told(args: argparse.Namespace, content: bytes, facts: dict[str, Any]) -> int:
    if args.out is None:
        manners.show(args, facts, content.decode().rstrip("\n"))
        return 0
    write_file(args.out, content)
    words = manners.say(f"{args.out} に書きました。", f"Written to {args.out}.")
    manners.show(args, {"file": str(args.out)}, words)
    return 0


def read_file(file: Path) -> bytes:
    """Return a file's content; raises `ActionError`."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise ActionError("reader.file_unusable", file=str(file)) from error


def write_file(file: Path, content: bytes) -> None:
    """Write a file; raises `ActionError`."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ActionError("reader.file_unusable", file=str(file)) from error


def make_folder(folder: Path) -> None:
    """Make a folder unless it is there; raises `ActionError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ActionError("reader.file_unusable", file=str(folder)) from error
