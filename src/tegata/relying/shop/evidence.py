# SPDX-License-Identifier: Apache-2.0
"""What the shop keeps of a signature, and what the law wants it to keep.

The record holds the exact bytes signed, signature, certificate and status answer, so that the verdict can be reached
again offline: `tegata.verify.verify` with the authority's certificate and the recorded time.  The letters of the law's
methods move with every amendment, so the method has an identifier of our own beside the law's revision.
"""

from datetime import UTC, datetime
from typing import Any, Final

from tegata.jpki import assumptions
from tegata.relying.shop.judge import Judgement
from tegata.relying.shop.model import Contract
from tegata.wire import b64

METHOD: Final = "tegata.mobile.signing-certificate"
"""Identity verified by an electronic signature with the signing certificate, nothing else."""


def record(contract: Contract, judged: Judgement) -> dict[str, Any]:
    """Return the record of a signature that was accepted, as JSON values."""
    evidence, verdict = judged.evidence, judged.verdict
    status, four = evidence.status, verdict.basic_four
    return {
        "contract_id": contract.contract_id,
        "method": method(),
        "document": b64(evidence.data),
        "signature": b64(evidence.signature),
        "scheme": verdict.scheme and verdict.scheme.value,
        "certificate": b64(evidence.certificate),
        "ocsp": status.ocsp and b64(status.ocsp),
        "nonce": status.nonce and b64(status.nonce),
        "crl": status.crl and b64(status.crl),
        "status_source": verdict.status_source,
        "this_update": stamp(verdict.this_update),
        "next_update": verdict.next_update and stamp(verdict.next_update),
        "anchor_fingerprint": verdict.anchor_fingerprint,
        "verified_at": stamp(verdict.at),
        "attributes": four and four.to_json(),
        "verdict": {"ja": verdict.to_json("ja"), "en": verdict.to_json("en")},
    }


def method() -> dict[str, str]:
    """Return how identity was verified: our own identifier, the law and its revision, and how long to keep it."""
    return {
        "id": METHOD,
        "law": assumptions.value("relying.mobile_law"),
        "revision": assumptions.value("relying.mobile_law_revision"),
        "letter": assumptions.value("relying.mobile_law_letter"),
        "retention": assumptions.value("relying.mobile_retention"),
    }


def summary(kept: dict[str, Any]) -> dict[str, Any]:
    """Return what a screen shows of the record; the whole is at `/evidence`."""
    shown = ("method", "verified_at", "anchor_fingerprint", "status_source", "this_update", "next_update")
    return {name: kept[name] for name in shown}


def stamp(moment: datetime) -> str:
    """Return a time as the wire writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
