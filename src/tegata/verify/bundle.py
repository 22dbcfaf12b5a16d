# SPDX-License-Identifier: Apache-2.0
"""An evidence bundle: all that a verdict rests on, in one file, to reach the same verdict again years later, offline.

The file is canonical JSON: ASCII, sorted names, no spaces, bytes in base64, one line.  JSON rather than a ZIP, because
a ZIP has many encodings of the same content (order, times, compression, names that appear twice) and canonical JSON
has one, so that a parser can demand it byte for byte; and because any language reads it in fifty years.  Base64 costs
a third in size, which for a contract is nothing.

`digest` is SHA-256 over the canonical content.  It finds what happened by accident.  Against somebody who rewrites the
digest too, it helps whoever wrote it down elsewhere; and what was signed (certificate, status, data) cannot be
rewritten by anybody, because judging again checks every signature.  Whom the verdict rests on is the anchor: a bundle
carries the one that was used, and a careful reader gives `anchors` of his own.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from tegata import __version__
from tegata.crypto.keys import Scheme
from tegata.jpki import Kind
from tegata.messages import TegataError
from tegata.verify import policies
from tegata.verify.answer import stamp
from tegata.verify.errors import VerifyError
from tegata.verify.policy import DEFAULT_POLICY, Policy
from tegata.verify.status import Status
from tegata.verify.trust import TrustStore
from tegata.verify.verdict import Verdict
from tegata.verify.verifier import Evidence, verify, verify_certificate

FORMAT: Final = "tegata evidence bundle 1"
Anchors = Mapping[Kind, Iterable[bytes]]


class BundleError(TegataError):
    """The file is not a bundle as it was written (`verify.bundle_damaged`), was written without the certificate
    (`verify.bundle_redacted`), or does not lead to the verdict that it records (`verify.bundle_differs`).
    """


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was judged, by what, when, and what came of it; `outcome` is the verdict or refusal in JSON.

    `data` and `signature` are None where a certificate was judged alone.
    """

    certificate: bytes = field(repr=False)
    kind: Kind
    status: Status = field(repr=False)
    anchors: Mapping[Kind, tuple[bytes, ...]] = field(repr=False)
    at: datetime
    policy: Policy
    data: bytes | None = field(repr=False)
    signature: bytes | None = field(repr=False)
    scheme: Scheme | None
    software: Mapping[str, str]
    outcome: Mapping[str, Any] = field(repr=False)

    def to_bytes(self) -> bytes:
        """Return the file."""
        return _file(self._content())

    def digest(self) -> str:
        """Return the digest to be written down elsewhere."""
        return hashlib.sha256(canonical(self._content())).hexdigest()

    def redacted(self) -> bytes:
        """Return the file without what tells of the person: for those who may not keep the certificate.

        Certificate, data and signature leave their SHA-256 behind, the certificate's is its fingerprint.  It proves
        which bundle it was made of, and cannot be judged.  Data that can be guessed can be recognised by its hash.
        """
        content = self._content()
        for member in ("certificate", "data", "signature"):
            value = getattr(self, member)
            content[member] = None if value is None else {"sha256": hashlib.sha256(value).hexdigest()}
        return _file({**content, "redacted_from": self.digest()})

    def judge(self, anchors: Anchors | None = None) -> Verdict:
        """Judge again as it was judged then, by the reader's own `anchors` if he gives them.

        Raises the `VerifyError` that was raised then, or `BundleError` (`verify.bundle_differs`); `Rejected` without
        checks for anchors that are none.
        """
        trust = TrustStore.of(self.anchors if anchors is None else anchors, remember=0)
        try:
            verdict = self._judge(trust)
        except VerifyError as error:
            self._compare(_refusal(error))
            raise
        self._compare(_acceptance(verdict))
        return verdict

    def _judge(self, trust: TrustStore) -> Verdict:
        if self.data is None or self.signature is None:
            return verify_certificate(self.certificate, self.kind, self.status, trust, self.at, self.policy)
        evidence = Evidence(self.certificate, self.data, self.signature, self.kind, self.status, self.scheme)
        return verify(evidence, trust, self.at, self.policy)

    def _compare(self, outcome: Mapping[str, Any]) -> None:
        if canonical(outcome) != canonical(self.outcome):
            raise BundleError("verify.bundle_differs")

    def _content(self) -> dict[str, Any]:
        return {
            "anchors": {kind.value: [_text(one) for one in found] for kind, found in self.anchors.items()},
            "at": stamp(self.at),
            "certificate": _text(self.certificate),
            "data": _text(self.data),
            "kind": self.kind.value,
            "outcome": self.outcome,
            "policy": policies.written(self.policy),
            "scheme": None if self.scheme is None else self.scheme.value,
            "signature": _text(self.signature),
            "software": self.software,
            "status": {
                "crl": _text(self.status.crl),
                "nonce": _text(self.status.nonce),
                "ocsp": _text(self.status.ocsp),
            },
        }


def seal(
    evidence: Evidence | tuple[bytes, Kind, Status], anchors: Anchors, now: datetime, policy: Policy = DEFAULT_POLICY
) -> Bundle:
    """Judge evidence, or a certificate alone, and return the bundle, whatever came of it.

    Raises `Rejected` for anchors that are none.
    """
    if isinstance(evidence, Evidence):
        certificate, kind, status = evidence.certificate, evidence.kind, evidence.status
        data, signature, scheme = evidence.data, evidence.signature, evidence.scheme
    else:
        (certificate, kind, status), data, signature, scheme = evidence, None, None, None
    kept = {of: tuple(found) for of, found in anchors.items()}
    trust = TrustStore.of(kept, remember=0)
    bundle = Bundle(certificate, kind, status, kept, now, policy, data, signature, scheme, _software(), {})
    try:
        outcome = _acceptance(bundle._judge(trust))
    except VerifyError as error:
        outcome = _refusal(error)
    return Bundle(certificate, kind, status, kept, now, policy, data, signature, scheme, bundle.software, outcome)


def read(file: bytes) -> Bundle:
    """Return the bundle that a file holds.

    Raises `BundleError` for anything but the exact bytes that `Bundle.to_bytes` writes.
    """
    content = _content_of(file)
    if "redacted_from" in content:
        raise BundleError("verify.bundle_redacted")
    try:
        status = content["status"]
        found = Bundle(
            certificate=_bytes(content["certificate"]) or b"",
            kind=Kind(content["kind"]),
            status=Status(_bytes(status["ocsp"]), _bytes(status["crl"]), _bytes(status["nonce"])),
            anchors={Kind(k): tuple(_bytes(one) or b"" for one in v) for k, v in content["anchors"].items()},
            at=datetime.fromisoformat(content["at"]).astimezone(UTC),
            policy=policies.read(content["policy"]),
            data=_bytes(content["data"]),
            signature=_bytes(content["signature"]),
            scheme=None if content["scheme"] is None else Scheme(content["scheme"]),
            software=dict(content["software"]),
            outcome=dict(content["outcome"]),
        )
        written = found.to_bytes()
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise BundleError("verify.bundle_damaged", part="content") from error
    if written != file:
        raise BundleError("verify.bundle_damaged", part="form")
    return found


def is_bundle(file: bytes) -> bool:
    """Return whether a file says that it is a bundle."""
    return file.startswith(b'{"content":{') and file.rstrip().endswith(f'"format":"{FORMAT}"}}'.encode())


def canonical(value: Any) -> bytes:
    """Return the one way to write a JSON value: ASCII, sorted names, no spaces."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _file(content: Mapping[str, Any]) -> bytes:
    digest = hashlib.sha256(canonical(content)).hexdigest()
    return canonical({"content": content, "digest": digest, "format": FORMAT}) + b"\n"


def _content_of(file: bytes) -> dict[str, Any]:
    try:
        whole = json.loads(file)
        content, digest = whole["content"], whole["digest"]
        if whole["format"] != FORMAT or not isinstance(content, dict):
            raise BundleError("verify.bundle_damaged", part="format")
        if hashlib.sha256(canonical(content)).hexdigest() != digest:
            raise BundleError("verify.bundle_damaged", part="digest")
        if _file(content) != file:
            raise BundleError("verify.bundle_damaged", part="form")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError("verify.bundle_damaged", part="format") from error
    return content


def _acceptance(verdict: Verdict) -> dict[str, Any]:
    return {"accepted": True, **_without_titles(verdict.to_json())}


def _refusal(error: VerifyError) -> dict[str, Any]:
    facts = {name: str(fact) for name, fact in error.facts.items()}
    told = {"reason": error.reason, "clause": error.clause, "facts": facts}
    return {"accepted": False, **told, **_without_titles({"checks": [check.to_json() for check in error.checks]})}


def _without_titles(shown: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is worded for people: words may be bettered, a verdict stays."""
    checks = [{name: value for name, value in check.items() if name != "title"} for check in shown["checks"]]
    return {**shown, "checks": checks}


def _software() -> dict[str, str]:
    """Return the versions that judged; recorded, never compared."""
    return {"cryptography": version("cryptography"), "tegata": __version__}


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value, validate=True)
