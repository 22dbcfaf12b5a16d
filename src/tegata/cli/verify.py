# SPDX-License-Identifier: Apache-2.0
"""`tegata verify`: judge a signature, a certificate alone, or an evidence bundle, from files, without any network.

Files are recognised by what is in them; an option says what one is where that is not enough.  Anchors are always named,
and nothing is trusted by default.  Exit codes: 0 accepted, 1 refused, 2 not to be judged.
"""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tegata import verify
from tegata.cli.manners import FAILED, add_json, complain, language, say, show
from tegata.codecs import der, pem
from tegata.crypto.keys import Scheme
from tegata.jpki import Kind
from tegata.messages import TegataError
from tegata.verify import bundle, policies
from tegata.verify.policy import SCHEMES

UNDECIDED: Final = 2

_FILES: Final = {
    "certificate": ("署名者の証明書（DER か PEM）", "the signer's certificate (DER or PEM)"),
    "signature": ("署名値（バイト列）", "the signature value (bytes)"),
    "anchor": ("認証局の証明書（DER か PEM）", "the authority's certificate (DER or PEM)"),
    "ocsp": ("OCSP 応答（DER）", "an OCSP response (DER)"),
    "crl": ("失効リスト（DER か PEM）", "a revocation list (DER or PEM)"),
}


class FileError(TegataError):
    """The question cannot be asked: a file cannot be read (`verify.unreadable_file`), a time not be understood
    (`verify.bad_time`), a document came without signature or the other way round (`verify.half_a_signature`), two
    files are the same thing (`verify.two_of_a_kind`).
    """


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tegata verify`."""
    files = say("文書、証明書、OCSP 応答、CRL、証拠ファイル", "document, certificate, status, evidence bundle")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=files)
    for name, words in _FILES.items():
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=say(*words))
    kinds, schemes = [kind.value for kind in Kind], sorted(scheme.value for scheme in SCHEMES)
    parser.add_argument("--kind", choices=kinds, default=kinds[0], help=say("証明書の種類", "kind of certificate"))
    scheme = say("署名方式（既定は鍵の種類に合うもの）", "signature scheme (default: the usual one of such a key)")
    parser.add_argument("--scheme", choices=schemes, help=scheme)
    policy = say("ポリシー（list で一覧）", "what is accepted (list: show all)")
    parser.add_argument("--policy", metavar="NAME", default="standard", help=policy)
    at = say("検証の時点（ISO 8601、既定は現在、時差がなければ UTC）", "moment of verification (ISO 8601, default now)")
    parser.add_argument("--at", metavar="TIME", help=at)
    kept = say("証拠ファイルを書く", "write an evidence bundle")
    parser.add_argument("--bundle", type=Path, metavar="OUT", help=kept)
    redacted = say("証明書を含まない証拠ファイルにする", "write the bundle without certificate and data")
    parser.add_argument("--redacted", action="store_true", help=redacted)
    add_json(parser)
    parser.set_defaults(run=run, usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Print the verdict with its checks; returns 0 accepted, 1 refused, 2 not to be judged."""
    if args.policy == "list":
        return _list(args)
    try:
        verdict = judge(args)
    except verify.VerifyError as error:
        return _refused(args, error)
    except bundle.BundleError as error:
        complain(args, error)
        return UNDECIDED if error.reason == "verify.bundle_redacted" else FAILED
    except TegataError as error:
        complain(args, error)
        return UNDECIDED
    lang = language()
    lines = [say("有効です。", "Accepted."), *_checks(verdict.checks)]
    show(args, {"accepted": True, **verdict.to_json(lang)}, "\n".join(lines))
    return 0


def _list(args: argparse.Namespace) -> int:
    """Print every policy with all its values."""
    written = {name: policies.written(policies.named(name)) for name in policies.names()}
    lines = [f"{name} ({entry['version']})  {policies.summary(name, language())}" for name, entry in written.items()]
    show(args, written, "\n".join(lines))
    return 0


def judge(args: argparse.Namespace) -> verify.Verdict:
    """Return the verdict on the files that the arguments name.

    Raises `VerifyError`, `BundleError`, `FileError`, `UnknownPolicy`.
    """
    found = {name: getattr(args, name) for name in _FILES if getattr(args, name) is not None}
    for file in args.files:
        name = "document" if len(args.files) == 1 and "signature" in found else recognised(file, _read(file))
        if name in found:
            raise FileError("verify.two_of_a_kind", file=str(file), kind=name)
        found[name] = file
    kind = Kind(args.kind)
    if "bundle" in found:
        anchors = {kind: [_der(found["anchor"])]} if "anchor" in found else None
        return bundle.read(_read(found["bundle"])).judge(anchors)
    missing = next((name for name in ("certificate", "anchor") if name not in found), None)
    if missing is not None:
        args.usage(say(f"--{missing} が必要です", f"--{missing} is needed"))
    return _judged(args, kind, found)


def _judged(args: argparse.Namespace, kind: Kind, found: Mapping[str, Path]) -> verify.Verdict:
    if ("document" in found) != ("signature" in found):
        raise FileError("verify.half_a_signature")
    certificate, anchor = _der(found["certificate"]), _der(found["anchor"])
    status = verify.Status(
        ocsp=_read(found["ocsp"]) if "ocsp" in found else None,
        crl=_der(found["crl"], "X509 CRL") if "crl" in found else None,
    )
    evidence: verify.Evidence | tuple[bytes, Kind, verify.Status] = (certificate, kind, status)
    if "document" in found:
        scheme = Scheme(args.scheme) if args.scheme else None
        signature = _read(found["signature"])
        evidence = verify.Evidence(certificate, _read(found["document"]), signature, kind, status, scheme)
    sealed = bundle.seal(evidence, {kind: [anchor]}, _moment(args.at), policies.named(args.policy))
    if args.bundle is not None:
        _write(args.bundle, sealed.redacted() if args.redacted else sealed.to_bytes())
    return sealed.judge()


def recognised(file: Path, content: bytes) -> str:
    """Return what a file is by its content: bundle, certificate, ocsp, crl; by its name, signature; else document."""
    if bundle.is_bundle(content):
        return "bundle"
    if file.suffix in (".sig", ".signature"):
        return "signature"
    for name, label in (("certificate", "CERTIFICATE"), ("crl", "X509 CRL")):
        if f"-----BEGIN {label}-----".encode() in content:
            return name
    return _shape(content)


def _shape(content: bytes) -> str:
    """Return what DER looks like, by the tags of its outermost elements; what is none of ours is a document."""
    try:
        outer = der.read(content).expect(der.SEQUENCE).children()
        tags = bytes(one.tag for one in outer)
        if tags[:1] == b"\x0a":
            return "ocsp"
        if tags == b"\x30\x30\x03":
            return "certificate" if outer[0].value[:1] == b"\xa0" else "crl"
    except der.DerError:
        pass
    return "document"


def _refused(args: argparse.Namespace, error: verify.VerifyError) -> int:
    """Tell a refusal, the failed step first; returns 2 where fresh status may yet give a verdict."""
    code = FAILED if isinstance(error, verify.Rejected) and error.checks else UNDECIDED
    if args.json:
        words = error.text(language())
        told = {"error": error.reason, "what": words.what, "next": words.next, "clause": error.clause}
        show(args, {"accepted": False, **told, "checks": [check.to_json(language()) for check in error.checks]}, "")
        return code
    if error.checks:
        print("\n".join(_checks(tuple(sorted(error.checks, key=lambda check: check.outcome != "failed")))), flush=True)
    complain(args, error)
    return code


def _checks(checks: tuple[verify.Check, ...]) -> list[str]:
    marks = {"passed": "✓", "failed": "✗", "not_reached": "–"}
    return [f"  {marks[str(check.outcome)]} {check.name:24} {check.clause}" for check in checks]


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise FileError("verify.unwritable_file", file=str(file)) from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise FileError("verify.unreadable_file", file=str(file)) from error


def _der(file: Path, label: str = "CERTIFICATE") -> bytes:
    try:
        return pem.der_or_pem(_read(file), label)
    except pem.PemError as error:
        raise FileError("verify.unreadable_file", file=str(file)) from error


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise FileError("verify.bad_time") from error
