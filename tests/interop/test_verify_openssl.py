# SPDX-License-Identifier: Apache-2.0
"""OpenSSL as a second opinion: on the same bytes it and the verifier agree, and each reads what the other writes."""

import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp

from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.jpki import Carrier, Kind
from tegata.verify import Status, TrustStore, VerifyError
from unit.verify.kit import DAY, MINUTE, NOW, SHIBUYA, Authority, Scene, private, scene, scope

pytestmark = pytest.mark.interop
NONCE = b"n" * 32
BIRTH, DEATH = datetime(2021, 1, 1, tzinfo=UTC), datetime(2048, 1, 1, tzinfo=UTC)
SUPERSEDED = "verify.revoked.superseded"


@pytest.fixture(scope="module")
def openssl(require_tool: Callable[[str], str]) -> str:
    """Return the program."""
    return require_tool("openssl")


@pytest.fixture(scope="module", params=["rsa-2048", "ec-p384"])
def stage(request: pytest.FixtureRequest, rsa_keys: Sequence[SoftwareKey]) -> Scene:
    """Return an authority and a phone's certificate under today's and under the next algorithm."""
    if request.param == "rsa-2048":
        return scene(Kind.SIGNING, rsa_keys[0], rsa_keys[1], Carrier.PHONE)
    keys = [SoftwareKey.generate(Algorithm.EC_P384) for _ in range(2)]
    return scene(Kind.SIGNING, keys[0], keys[1], Carrier.PHONE)


def pem(data: bytes, label: str = "CERTIFICATE") -> bytes:
    """Return PEM of DER, as `openssl verify` of Debian 12 wants it."""
    if label == "X509 CRL":
        return x509.load_der_x509_crl(data).public_bytes(Encoding.PEM)
    return x509.load_der_x509_certificate(data).public_bytes(Encoding.PEM)


def seconds(moment: datetime) -> str:
    """Return a time as `-attime` takes it."""
    return str(int(moment.timestamp()))


def accepts(openssl: str, stage: Scene, folder: Path, certificate: bytes, revocations: bytes, now: datetime) -> bool:
    """Return whether `openssl verify -crl_check` accepts the certificate with the list."""
    (folder / "ca.pem").write_bytes(pem(stage.authority.der))
    (folder / "ee.pem").write_bytes(pem(certificate))
    (folder / "crl.pem").write_bytes(pem(revocations, "X509 CRL"))
    command = [openssl, "verify", "-CAfile", "ca.pem", "-CRLfile", "crl.pem", "-crl_check", "-attime", seconds(now)]
    policy = ["-policy", "1.2.392.200149.8.5.1.0.40", "-explicit_policy", "-x509_strict"]
    done = subprocess.run([*command, *policy, "ee.pem"], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def refusal(stage: Scene, certificate: bytes, status: Status, now: datetime) -> str | None:
    """Return why the verifier refuses, or None when it accepts."""
    try:
        stage.judge(certificate, status, now=now)
    except VerifyError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("case", "good"),
    [
        ("good", True),
        ("revoked", False),
        ("expired", False),
        ("list over", False),
        ("list of another place", False),
        ("list of authorities", False),
        ("forged", False),
        ("critical unknown", False),
    ],
)
def test_openssl_agrees_about_certificates_and_lists(
    case: str, good: bool, openssl: str, stage: Scene, tmp_path: Path
) -> None:
    """The same bytes, the same time, the same answer."""
    authority, certificate, now = stage.authority, stage.certificate, NOW
    data = authority.revocation_list({1: None})
    if case == "revoked":
        data = authority.revocation_list({4711: x509.ReasonFlags.affiliation_changed})
    elif case == "expired":
        certificate = authority.issue(stage.key, carrier=Carrier.PHONE, not_after=NOW - MINUTE)
    elif case == "list over":
        data = authority.revocation_list(this_update=NOW - DAY, next_update=NOW - MINUTE)
    elif case == "list of another place":
        data = authority.revocation_list(place=("Kanagawa-ken", "Kawasaki-shi CRLDP"))
    elif case == "list of authorities":
        data = authority.revocation_list(extra=[(scope(Kind.SIGNING, SHIBUYA, only_contains_ca_certs=True), True)])
    elif case == "forged":
        certificate = certificate[:-2] + bytes([certificate[-2] ^ 1]) + certificate[-1:]
    elif case == "critical unknown":
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        certificate = authority.issue(stage.key, carrier=Carrier.PHONE, extra=[(unknown, True)])
    assert accepts(openssl, stage, tmp_path, certificate, data, now) is good
    assert (refusal(stage, certificate, Status(crl=data), now) is None) is good


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (ocsp.OCSPCertStatus.GOOD, b"ee.pem: good"),
        (ocsp.OCSPCertStatus.REVOKED, b"ee.pem: revoked"),
        (ocsp.OCSPCertStatus.UNKNOWN, b"ee.pem: unknown"),
    ],
)
def test_openssl_agrees_about_responses(
    status: ocsp.OCSPCertStatus, word: bytes, openssl: str, stage: Scene, tmp_path: Path
) -> None:
    """A delegated responder's answer to our request, nonce included, is read alike."""
    key = SoftwareKey.generate(Algorithm.EC_P256)
    certificate = stage.authority.responder(key)
    response = stage.authority.respond(stage.certificate, status=status, by=(certificate, key), nonce=NONCE)
    (tmp_path / "ca.pem").write_bytes(pem(stage.authority.der))
    (tmp_path / "ee.pem").write_bytes(pem(stage.certificate))
    (tmp_path / "request.der").write_bytes(stage.ask(nonce=NONCE))
    (tmp_path / "response.der").write_bytes(response)
    command = [openssl, "ocsp", "-CAfile", "ca.pem", "-issuer", "ca.pem", "-cert", "ee.pem", "-attime", seconds(NOW)]
    # -attime moves the certificates' time only; the response's own is compared with the machine's, hence the decades.
    read = ["-respin", "response.der", "-validity_period", "1000000000", "-no_nonce"]
    done = subprocess.run([*command, *read], cwd=tmp_path, capture_output=True, check=False)
    assert b"Response verify OK" in done.stderr
    assert word in done.stdout
    reason = refusal(stage, stage.certificate, Status(ocsp=response, nonce=NONCE), NOW)
    assert (reason is None) is (status is ocsp.OCSPCertStatus.GOOD)
    asked = [openssl, "ocsp", "-reqin", "request.der", "-req_text"]
    text = subprocess.run(asked, cwd=tmp_path, capture_output=True, check=True).stdout
    assert b"Serial Number: 1267" in text
    assert b"OCSP Nonce" in text
    assert NONCE.hex().upper().encode() in text


def test_openssl_answers_and_the_verifier_reads_it(openssl: str, stage: Scene, tmp_path: Path) -> None:
    """Its responder, fed from an index file, answers our request offline; the answer passes all our checks.

    It stamps its answer with the machine's clock, so everybody here lives long, and the verifier is asked at that time.
    """
    authority = Authority(Kind.SIGNING, stage.authority.key, not_before=BIRTH, not_after=DEATH)
    certificate = authority.issue(stage.key, not_before=BIRTH, not_after=DEATH)
    there = Scene(authority, stage.key, certificate, TrustStore.of({Kind.SIGNING: [authority.der]}))
    key = SoftwareKey.generate(Algorithm.EC_P256)
    responder = authority.responder(key, not_before=BIRTH, not_after=DEATH)
    (tmp_path / "ca.pem").write_bytes(pem(authority.der))
    (tmp_path / "key.pem").write_bytes(_private_pem(key))
    (tmp_path / "responder.pem").write_bytes(responder.public_bytes(Encoding.PEM))
    (tmp_path / "request.der").write_bytes(there.ask(nonce=NONCE))
    command = [openssl, "ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "responder.pem", "-rkey", "key.pem"]
    files = ["-reqin", "request.der", "-respout", "response.der", "-nmin", "15"]
    for line, reason in (("V\t301123030000Z\t", None), ("R\t301123030000Z\t201101000000Z,superseded", SUPERSEDED)):
        (tmp_path / "index.txt").write_text(f"{line}\t1267\tunknown\t/C=JP/CN=x\n")
        subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, check=True)
        response = (tmp_path / "response.der").read_bytes()
        now = next(iter(ocsp.load_der_ocsp_response(response).responses)).this_update_utc + MINUTE
        assert refusal(there, certificate, Status(ocsp=response, nonce=NONCE), now) == reason


def test_openssl_signs_and_the_verifier_reads_it(openssl: str, stage: Scene, tmp_path: Path) -> None:
    """`openssl dgst -sign` makes the signature that the verifier accepts for the certificate's kind of key."""
    (tmp_path / "key.pem").write_bytes(_private_pem(stage.key))
    (tmp_path / "document").write_bytes(b"a contract\n")
    hash_name = Scheme.default(stage.key.algorithm).hash_name
    command = [openssl, "dgst", f"-{hash_name}", "-sign", "key.pem", "-out", "signature", "document"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    verdict = stage.judge_data(b"a contract\n", (tmp_path / "signature").read_bytes())
    assert verdict.carrier is Carrier.PHONE


def _private_pem(key: SoftwareKey) -> bytes:
    return private(key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
