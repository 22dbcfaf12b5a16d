# SPDX-License-Identifier: Apache-2.0
"""A verdict and a status answer in the library, without HTTP: an authority on a disk of its own, a certificate that it
issued, the answer that it gives, and the verifier that judges all of it.

Warm means: the verifier knows the authority and its OCSP responder, whose file is open and whose keys are loaded.  Of
the holder nothing is remembered from one call to the next (`verify.again` is the row for that), and requests carry a
nonce, so that each answer is signed anew.  References are the very operations that cannot be left out, raw: for a
verdict the checks of the authority's signature, the holder's and the responder's, for an answer the responder's
signature.  These rows have no aim yet.  Wished for are 1.8 for `verify.signature` and 1.7 for `ocsp.answer`, which is
not reached, and 1.5 for `verify.again`, which only a quiet machine reaches.
"""

import itertools
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from tegata import verify
from tegata.authority.config import Config
from tegata.authority.model import CardOrder
from tegata.authority.service import Authority
from tegata.cli.bench.measure import Result, compared
from tegata.cli.bench.primitives import raw_sign, raw_verify
from tegata.clock import SetClock
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.jpki import Carrier, Kind, assumptions
from tegata.jpki.attributes import BasicFour, BirthDate, Sex

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
_DOCUMENT = b"a contract of ten kilobytes " * 366
_INPUTS = 32
"""Different requests and signatures, taken in turn."""


@dataclass(frozen=True, slots=True)
class Bench:
    """An authority, a certificate that it issued, and what a verifier needs to judge a signature of its holder."""

    authority: Authority
    key: SoftwareKey = field(repr=False)
    certificate: bytes
    trust: verify.TrustStore

    def request(self) -> verify.StatusRequest:
        """Return a new question for the certificate's status."""
        return verify.prepare_status(self.certificate, Kind.SIGNING, self.trust, secrets.token_bytes(32))

    def evidence(self) -> verify.Evidence:
        """Return a signed document with fresh status."""
        asked = self.request()
        answer = self.authority.status.answer(Kind.SIGNING, asked.ocsp_request_der)
        status = verify.Status(ocsp=answer.der, nonce=asked.nonce)
        signature = self.key.sign(Scheme.RSA_PKCS1_SHA256, _DOCUMENT)
        return verify.Evidence(self.certificate, _DOCUMENT, signature, Kind.SIGNING, status)


def verdicts(times: int = 100) -> Iterator[Result]:
    """Yield what a whole verdict costs: path, OCSP answer and signature, three verifications at least; and the next one
    about the same person while the answer holds, of which only the signature is new.
    """
    with opened() as bench:
        evidence = itertools.cycle([bench.evidence() for _ in range(_INPUTS)])
        holder, authority = raw_verify(bench.key, _DOCUMENT), raw_verify(bench.key, bench.certificate)
        responder = raw_verify(SoftwareKey.generate(_responder()))

        def ours() -> object:
            return verify.verify(next(evidence), bench.trust, NOW)

        def raw() -> None:
            authority(), responder(), holder()

        reference = f"raw verifies: rsa-2048 twice, {_responder().value} once"
        yield compared("verify.signature", ours, reference, raw, times=times)
    with opened(remember=1) as bench:
        again = bench.evidence()
        repeated = partial(verify.verify, again, bench.trust, NOW)
        yield compared(
            "verify.again", repeated, "one raw rsa-2048 verify", raw_verify(bench.key, _DOCUMENT), times=times
        )


def answers(times: int = 60) -> Iterator[Result]:
    """Yield what an OCSP answer on demand costs: read, look up, sign once."""
    with opened() as bench:
        asked = itertools.cycle([bench.request().ocsp_request_der for _ in range(_INPUTS)])
        raw = raw_sign(SoftwareKey.generate(_responder()))

        def ours() -> object:
            return bench.authority.status.answer(Kind.SIGNING, next(asked))

        yield compared("ocsp.answer", ours, f"raw {_responder().value} sign", raw, times=times)


def _responder() -> Algorithm:
    """Return what OCSP responders sign with."""
    return Algorithm(assumptions.value("authority.ocsp_responder_key"))


@contextmanager
def opened(remember: int = 0) -> Iterator[Bench]:
    """Open an authority that has issued one card, and a verifier that remembers so many people."""
    key = SoftwareKey.generate(Algorithm.RSA_2048)
    with tempfile.TemporaryDirectory(prefix="tegata-bench-") as folder:
        config = Config(public_url="http://127.0.0.1:8440", tokens={})
        authority = Authority.open(config, SetClock(NOW), Vault(bytes(32)), Path(folder) / "authority.sqlite")
        try:
            issued = authority.certify_card(_order(key))
            authority.delivered(Carrier.CARD, issued.request.request_id)
            certificate = issued.signing.der if issued.signing else None
            anchors = {kind: [authority.ca_certificate(kind)] for kind in Kind}
            yield Bench(authority, key, certificate or b"", verify.TrustStore.of(anchors, remember=remember))
        finally:
            authority.close()


def _order(key: SoftwareKey) -> CardOrder:
    birth = BirthDate.of(1990, 2, 28)
    name, address = "計測　花子", "東京都渋谷区手形一丁目２番３号"
    return CardOrder(
        request_id="bench",
        resident_code="10000000001",
        municipality_code="13113",
        basic_four=BasicFour(name, "0" * len(name), address, "0" * len(address), birth, Sex.FEMALE),
        birth=birth,
        card_expires=date(2036, 2, 28),
        signing=_request(key),
        authentication=_request(SoftwareKey.generate(Algorithm.RSA_2048)),
    )


def _request(key: SoftwareKey) -> bytes:
    """Return a PKCS#10 request (RFC 2986 §4)."""
    info = der.sequence(der.integer(0), der.sequence(), key.spki, der.context(0, b""))
    scheme = Scheme.default(key.algorithm)
    return der.sequence(info, signatures.algorithm_identifier(scheme), der.bit_string(key.sign(scheme, info)))
