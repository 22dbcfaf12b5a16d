# SPDX-License-Identifier: Apache-2.0
"""A service that accepts signatures, in the standard library and `tegata.verify` alone.

    python examples/sign_here.py http://127.0.0.1:8440 9000

A phone reads a document here (GET), signs it and sends certificate and signature (POST).  The service asks the
authority for the certificate's status, lets `tegata.verify` judge, and learns the four attributes from the certificate.
"""

import base64
import json
import secrets
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import Request, urlopen

from tegata.jpki import Kind
from tegata.verify import (
    Evidence,
    Rejected,
    Status,
    StatusUnavailable,
    TrustStore,
    Verdict,
    VerifyError,
    prepare_status,
    verify,
)

DOCUMENT = b"I agree to the terms of 2026-11.\n"


class Judge:
    """Asks for status and judges.  `trust` holds the authority's certificate, `authority` is its address."""

    def __init__(self, trust: TrustStore, authority: str) -> None:
        self.trust = trust
        self.authority = authority

    def judge(self, certificate: bytes, signature: bytes) -> Verdict:
        """Return the verdict on a signature over `DOCUMENT`.  Raises `Rejected`, `StatusUnavailable`."""
        nonce = secrets.token_bytes(32)
        asked = prepare_status(certificate, Kind.SIGNING, self.trust, nonce)
        status = Status(ocsp=self.ask(asked.ocsp_request_der), nonce=nonce)
        evidence = Evidence(certificate, DOCUMENT, signature, Kind.SIGNING, status)
        return verify(evidence, self.trust, datetime.now(UTC))

    def ask(self, ocsp_request: bytes) -> bytes | None:
        """Return the authority's answer; silence is no answer, and `verify` says what follows from that."""
        headers = {"Content-Type": "application/ocsp-request"}
        try:
            with urlopen(Request(f"{self.authority}/ocsp/signing", ocsp_request, headers), timeout=10) as answer:
                return bytes(answer.read(65_536))
        except OSError:
            return None


class Desk(BaseHTTPRequestHandler):
    """Speaks the phone's signing protocol; every path is the one document."""

    judge: Judge

    def do_GET(self) -> None:
        """Show what is to be signed."""
        expires = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
        document = base64.b64encode(DOCUMENT).decode("ascii")
        shown = {"service": "Example", "title": "Terms", "document": document, "media_type": "text/plain"}
        self.answer(200, {**shown, "expires_at": expires})

    def do_POST(self) -> None:
        """Take certificate and signature."""
        try:
            body = json.loads(self.rfile.read(min(int(self.headers["Content-Length"]), 100_000)))
            certificate, signature = (
                base64.b64decode(body[name], validate=True) for name in ("certificate", "signature")
            )
        except (KeyError, TypeError, ValueError):
            return self.answer(400, {"reason": "example.bad_request"})
        try:
            verdict = self.judge.judge(certificate, signature)
        except Rejected as error:
            return self.refuse(422, error)
        except StatusUnavailable as error:
            return self.refuse(503, error)
        name = verdict.basic_four.name if verdict.basic_four else None
        print(f"signed by {name}, certificate {verdict.serial} on a {verdict.carrier.value}", flush=True)
        return self.answer(200, {"signed": True, "verdict": verdict.to_json("en")})

    def refuse(self, status: int, error: VerifyError) -> None:
        """Say why, and what to do next, in words for a person."""
        words = error.text("en")
        print(f"refused: {error.reason}", flush=True)
        checks = [check.to_json("en") for check in error.checks]
        self.answer(status, {"reason": error.reason, "title": words.what, "next": words.next, "checks": checks})

    def answer(self, status: int, content: dict[str, Any]) -> None:
        """Send JSON."""
        body = json.dumps(content, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep addresses out of the terminal."""


def main(authority: str, port: int) -> None:
    """Serve until Ctrl-C."""
    # A real service has the authority's certificate in its configuration and trusts nothing that it is merely sent.
    with urlopen(f"{authority}/authority/v1/ca/signing.cer", timeout=10) as answer:
        Desk.judge = Judge(TrustStore.of({Kind.SIGNING: [answer.read()]}), authority)
    with ThreadingHTTPServer(("127.0.0.1", port), Desk) as server:
        print(f"sign at http://127.0.0.1:{server.server_port}/terms", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
