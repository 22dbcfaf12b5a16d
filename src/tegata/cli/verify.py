# SPDX-License-Identifier: Apache-2.0
"""`tegata verify`: judge a signature, or a certificate alone, from files, without any network.
Anchors and status come from files that the caller names; nothing is fetched and nothing is trusted by default.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tegata import verify
from tegata.cli.manners import FAILED, add_json, complain, language, say, show
from tegata.codecs import pem
from tegata.crypto.keys import Scheme
from tegata.jpki import Kind
from tegata.messages import TegataError
from tegata.verify.policy import SCHEMES

_FILES: Final = {
    "certificate": ("署名者の証明書（DER か PEM）", "the signer's certificate (DER or PEM)"),
    "signature": ("署名値（バイト列）", "the signature value (bytes)"),
    "anchor": ("認証局の証明書（DER か PEM）", "the authority's certificate (DER or PEM)"),
    "ocsp": ("OCSP 応答（DER）", "an OCSP response (DER)"),
    "crl": ("失効リスト（DER か PEM）", "a revocation list (DER or PEM)"),
}


class FileError(TegataError):
    """The question cannot be asked: a file cannot be read (`verify.unreadable_file`), a time not be understood
    (`verify.bad_time`), a document came without signature or the other way round (`verify.half_a_signature`).
    """


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tegata verify`."""
    parser.add_argument("document", nargs="?", type=Path, help=say("署名された文書", "the document that was signed"))
    for name, words in _FILES.items():
        needed = name in ("certificate", "anchor")
        parser.add_argument(f"--{name}", type=Path, required=needed, metavar="FILE", help=say(*words))
    kinds, schemes = [kind.value for kind in Kind], sorted(scheme.value for scheme in SCHEMES)
    parser.add_argument("--kind", choices=kinds, default=kinds[0], help=say("証明書の種類", "kind of certificate"))
    scheme = say("署名方式（既定は鍵の種類に合うもの）", "signature scheme (default: the usual one of such a key)")
    parser.add_argument("--scheme", choices=schemes, help=scheme)
    at = say("検証の時点（ISO 8601、既定は現在、時差がなければ UTC）", "moment of verification (ISO 8601, default now)")
    parser.add_argument("--at", metavar="TIME", help=at)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the verdict with its checks; returns 1 when the evidence is refused."""
    try:
        verdict = judge(args)
    except verify.VerifyError as error:
        return _refused(args, error)
    lang = language()
    lines = [say("有効です。", "Accepted."), *_checks(verdict.checks)]
    show(args, {"accepted": True, **verdict.to_json(lang)}, "\n".join(lines))
    return 0


def judge(args: argparse.Namespace) -> verify.Verdict:
    """Return the verdict on the files that the arguments name; raises `VerifyError`, `FileError`."""
    if (args.document is None) != (args.signature is None):
        raise FileError("verify.half_a_signature")
    kind = Kind(args.kind)
    certificate, anchor = (_der(file) for file in (args.certificate, args.anchor))
    trust = verify.TrustStore.of({kind: [anchor]})
    status = verify.Status(
        ocsp=_read(args.ocsp) if args.ocsp else None,
        crl=_der(args.crl, "X509 CRL") if args.crl else None,
    )
    now = _moment(args.at)
    if args.document is None:
        return verify.verify_certificate(certificate, kind, status, trust, now)
    scheme = Scheme(args.scheme) if args.scheme else None
    evidence = verify.Evidence(certificate, _read(args.document), _read(args.signature), kind, status, scheme)
    return verify.verify(evidence, trust, now)


def _refused(args: argparse.Namespace, error: verify.VerifyError) -> int:
    if args.json:
        words = error.text(language())
        told = {"error": error.reason, "what": words.what, "next": words.next, "clause": error.clause}
        show(args, {"accepted": False, **told, "checks": [check.to_json(language()) for check in error.checks]}, "")
        return FAILED
    print("\n".join(_checks(error.checks)))
    return complain(args, error)


def _checks(checks: tuple[verify.Check, ...]) -> list[str]:
    marks = {"passed": "✓", "failed": "✗", "not_reached": "–"}
    return [f"  {marks[str(check.outcome)]} {check.name:24} {check.clause}" for check in checks]


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
