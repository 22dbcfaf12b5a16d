# SPDX-License-Identifier: Apache-2.0
"""Verify again, offline, what the mobile shop kept of a contract: what a court would do years later.

curl -s http://127.0.0.1:8440/shop/v1/contracts/CONTRACT/evidence > evidence.json
curl -s http://127.0.0.1:8440/authority/v1/ca/signing.cer > signing-ca.cer
python examples/verify_evidence.py evidence.json signing-ca.cer
"""

import base64
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from tegata.jpki import Kind
from tegata.verify import Evidence, Status, TrustStore, Verdict, VerifyError, verify


def judged(kept: dict[str, Any], anchor: bytes) -> Verdict:
    """Return the verdict on the record as of the moment that it names; raises `VerifyError`."""
    members = ("certificate", "document", "signature", "ocsp", "nonce", "crl")
    parts = {name: base64.b64decode(kept[name]) for name in members if kept.get(name)}
    status = Status(ocsp=parts.get("ocsp"), crl=parts.get("crl"), nonce=parts.get("nonce"))
    evidence = Evidence(parts["certificate"], parts["document"], parts["signature"], Kind.SIGNING, status)
    trust = TrustStore.of({Kind.SIGNING: [anchor]})
    return verify(evidence, trust, datetime.fromisoformat(kept["verified_at"]))


def main(record: Path, anchor: Path) -> int:
    """Print the verdict; return the exit code."""
    try:
        verdict = judged(json.loads(record.read_text("utf-8")), anchor.read_bytes())
    except VerifyError as error:
        print(f"refused: {error.reason}: {error.text('en')}")
        return 1
    for check in verdict.checks:
        print(f"{check.outcome}: {check.name} ({check.clause})")
    print(f"signed by {verdict.basic_four and verdict.basic_four.name}, status at {verdict.at.isoformat()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
