# SPDX-License-Identifier: Apache-2.0
"""What the verifier adds to the signatures that must be checked, for each kind of key, and what importing it costs.

`verify.user.*`: 128 different people, each with a certificate, an OCSP answer of a delegated responder and a signed
document, none remembered: three verifications are unavoidable, and the reference is those three, of the same bytes,
with keys already loaded.  Wished for are at most 1.8 for RSA-2048, 1.35 for P-256 and 1.15 for P-384; the first two are
not reached, so those rows have no aim yet.  `verify.login.*`: the same person again with the same answer, against one
verification; RSA reaches its 1.5 on a quiet machine only.  `verify.import`: a process that imports `tegata.verify`,
against one that imports `cryptography.x509`.
"""

import itertools
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Final

from tegata.authority import ocsp, profiles
from tegata.cli.bench import status
from tegata.cli.bench.measure import Result, compared
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.jpki import Carrier, Kind, municipalities
from tegata.jpki.attributes import BasicFour, BirthDate, Sex
from tegata.verify import Certificate, Evidence, Status, TrustStore, prepare_status, verify

NOW: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)
DAY: Final = timedelta(days=1)
LOGIN_AIMS: Final = {Algorithm.RSA_2048: None, Algorithm.EC_P256: 1.5, Algorithm.EC_P384: 1.5}
IMPORT_AIM: Final = 1.5
_PEOPLE: Final = 128
_KEYS: Final = 8
_STARTS: Final = 9


def suite() -> Iterator[Result]:
    """Yield the rows of `status.verdicts`, which ask a whole authority, those of each kind of key, and the import."""
    yield from status.verdicts()
    for algorithm, aim in LOGIN_AIMS.items():
        yield from rows(algorithm, aim)
    yield imported()


def rows(
    algorithm: Algorithm, login_aim: float | None = None, people: int = _PEOPLE, times: int = 0
) -> Iterator[Result]:
    """Yield a verdict about somebody new, and one about somebody known."""
    stage = Stage(algorithm)
    evidence = [stage.evidence(serial) for serial in range(1, people + 1)]
    fresh, checks = itertools.cycle(evidence), itertools.cycle([stage.raw(one) for one in evidence])
    trust = TrustStore.of({Kind.SIGNING: [stage.certificate]}, remember=0)
    times = times or (20 if algorithm is Algorithm.EC_P384 else 100)

    def raw() -> None:
        for check in next(checks):
            check()

    name = algorithm.value
    yield compared(
        f"verify.user.{name}",
        lambda: verify(next(fresh), trust, NOW),
        f"three raw {name} verifies",
        raw,
        times=times,
    )
    again, known = evidence[0], TrustStore.of({Kind.SIGNING: [stage.certificate]})
    one = stage.raw(again)[2]
    yield compared(
        f"verify.login.{name}",
        lambda: verify(again, known, NOW),
        f"one raw {name} verify",
        one,
        times=times,
        aim=login_aim,
    )


class Stage:
    """An authority, its responder and its people, whose keys are all of one kind."""

    def __init__(self, algorithm: Algorithm) -> None:
        self._scheme = Scheme.default(algorithm)
        self._ca, self._responder = SoftwareKey.generate(algorithm), SoftwareKey.generate(algorithm)
        self._people = [SoftwareKey.generate(algorithm) for _ in range(_KEYS)]
        start, end = NOW - 300 * DAY, NOW + 3000 * DAY
        tbs = profiles.ca_certificate(Kind.SIGNING, 1, self._scheme, self._ca.spki, start, end)
        self.certificate = self._signed(tbs, self._ca)
        key_id = profiles.key_id(self._ca.spki)
        self._issuer = profiles.Issuer(Kind.SIGNING, 1, key_id, self._scheme, end)
        delegated = profiles.responder(self._issuer, 2, self._responder.spki, NOW - DAY, NOW + DAY)
        self._delegate = self._signed(delegated, self._ca)
        self._trust = TrustStore.of({Kind.SIGNING: [self.certificate]}, remember=0)

    def evidence(self, serial: int) -> Evidence:
        """Return a document that a person signed, with certificate and status."""
        key = self._people[serial % _KEYS]
        certificate = self._signed(profiles.end_entity(_person(serial, key), self._issuer), self._ca)
        data = b"contract %d " % serial * 20
        known = Status(ocsp=self._answer(certificate))
        return Evidence(certificate, data, key.sign(self._scheme, data), Kind.SIGNING, known)

    def raw(self, one: Evidence) -> list[Callable[[], None]]:
        """Return the three checks that this evidence takes: certificate, status, document."""
        certificate = Certificate.parse(one.certificate)
        basic = der.read(one.status.ocsp or b"").children()[1].children()[0].children()[1].value
        data, _, value, *_ = der.read(basic).children()
        return [
            signatures.prepared(self._ca.spki, self._scheme, certificate.tbs, certificate.signature),
            signatures.prepared(self._responder.spki, self._scheme, data.raw, value.value[1:]),
            signatures.prepared(certificate.spki, self._scheme, one.data, one.signature),
        ]

    def _answer(self, certificate: bytes) -> bytes:
        asked = prepare_status(certificate, Kind.SIGNING, self._trust).ocsp_request_der
        question = der.read(asked).children()[0].children()[0].children()[0].children()[0].raw
        by = profiles.key_id(self._responder.spki)
        finding = ocsp.Finding(question, known=True)
        data = ocsp.response_data(by, [finding], NOW - DAY / 1440, NOW + DAY / 96, None)
        parts = data, signatures.algorithm_identifier(self._scheme), self._value(data, self._responder)
        return ocsp.response(parts, self._delegate)

    def _signed(self, tbs: bytes, key: SoftwareKey) -> bytes:
        return der.sequence(tbs, signatures.algorithm_identifier(self._scheme), self._value(tbs, key))

    def _value(self, data: bytes, key: SoftwareKey) -> bytes:
        return der.bit_string(key.sign(self._scheme, data))


def _person(serial: int, key: SoftwareKey) -> profiles.EndEntity:
    town = municipalities.table()["13113"]
    name, address = f"手形　花子{serial}", f"東京都渋谷区道玄坂一丁目{serial}番１号"
    birth = BirthDate.of(1990, 4, 1)
    four = BasicFour(name, "0" * len(name), address, "0" * len(address), birth, Sex.FEMALE)
    return profiles.EndEntity(
        kind=Kind.SIGNING,
        carrier=Carrier.CARD,
        serial=4710 + serial,
        subject=profiles.signing_subject(town, NOW, serial),
        not_before=NOW - 30 * DAY,
        not_after=NOW + 1000 * DAY,
        spki=key.spki,
        municipality=town,
        ocsp_url="",
        basic_four=four.to_san_der(),
    )


def imported() -> Result:
    """Return the time of a process that imports the verifier, against one that imports `cryptography.x509`."""
    ours, theirs, ratios = [], [], []
    for _ in range(_STARTS):
        theirs.append(_start("cryptography.x509"))
        ours.append(_start("tegata.verify"))
        ratios.append(ours[-1] / theirs[-1])
    middle = statistics.median
    reference = "import cryptography.x509"
    return Result("verify.import", middle(ours), "ms", reference, middle(theirs), middle(ratios), IMPORT_AIM)


def _start(module: str) -> float:
    started = perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)  # noqa: S603 -- our own interpreter
    return (perf_counter() - started) * 1000
