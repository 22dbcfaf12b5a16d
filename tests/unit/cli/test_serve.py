# SPDX-License-Identifier: Apache-2.0
"""`tegata serve`: what a service needs, and that each answers alone."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from journey.processes import TEGATA, environment
from tegata.cli.main import main
from tegata.jpki import Kind

PATIENCE = 60


class Serving:
    """One running service."""

    def __init__(self, stack: ExitStack, *arguments: object) -> None:
        command = [*TEGATA, "serve", *map(str, arguments), "--json"]
        self.process = stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        )
        stack.callback(self.process.kill)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=PATIENCE)
        self.said = json.loads(line)
        self.http = stack.enter_context(httpx.Client(base_url=self.said["url"], timeout=PATIENCE))

    def stop(self) -> int:
        """End it as a service manager does; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, Path]]:
    """Return a running authority, and a folder with what it gives to services that trust it."""
    folder = tmp_path_factory.mktemp("authority")
    with ExitStack() as stack:
        running = Serving(stack, "authority", "--data", folder / "data")
        for kind in Kind:
            answer = running.http.get(f"/authority/v1/ca/{kind.value}.cer")
            (folder / f"{kind.value}.cer").write_bytes(answer.content)
        yield running, folder
        assert running.stop() == 0


def trusting(running: Serving, folder: Path) -> list[object]:
    """Return the options of a service that trusts this authority."""
    anchors = [part for kind in Kind for part in (f"--{kind.value}-anchor", folder / f"{kind.value}.cer")]
    return ["--authority", running.said["url"], "--tokens", folder / "data" / "secrets.json", *anchors]


def test_the_authority_answers_alone(authority: tuple[Serving, Path]) -> None:
    """It says where it is; its status service judges its own certificate by OCSP."""
    running, folder = authority
    assert running.said["service"] == "authority"
    certificate = x509.load_der_x509_certificate((folder / "signing.cer").read_bytes())
    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, certificate, hashes.SHA256()).build()
    answer = running.http.post(
        "/ocsp/signing",
        content=asked.public_bytes(Encoding.DER),
        headers={"Content-Type": "application/ocsp-request"},
    )
    told = ocsp.load_der_ocsp_response(answer.content)
    assert (told.certificate_status, told.serial_number) == (ocsp.OCSPCertStatus.GOOD, certificate.serial_number)


def test_services_that_trust_it_answer_alone(authority: tuple[Serving, Path], tmp_path: Path) -> None:
    """Sign-in and enrolment start with what the authority gave out, and end cleanly."""
    with ExitStack() as stack:
        options = trusting(*authority)
        signin = Serving(stack, "signin", "--data", tmp_path / "s", "--url", "https://id.example", *options)
        enrolment = Serving(stack, "enrolment", "--data", tmp_path / "e", *options)
        assert signin.said["url"] == "https://id.example"
        assert enrolment.http.get("/enrolment/v1/devices").status_code == 200
        assert [one.stop() for one in (signin, enrolment)] == [0, 0]


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Return what a service says that does not start."""
    assert main(["serve", *map(str, arguments), "--json"]) == 1
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


@pytest.fixture
def options(tmp_path: Path) -> dict[str, object]:
    """Return options that would do, were the files good: tokens are, certificates are not looked at yet."""
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps({"tokens": {"signin": "s", "enrolment": "e", "hotline": "h"}}))
    (tmp_path / "anchor").write_bytes(b"\x30\x00")
    anchors = {f"--{kind.value}-anchor": tmp_path / "anchor" for kind in Kind}
    return {"--authority": "http://127.0.0.1:1", "--tokens": tokens, **anchors, "--data": tmp_path / "data"}


def flat(options: dict[str, object]) -> list[object]:
    """Return options as a command line."""
    return [part for pair in options.items() for part in pair]


@pytest.mark.parametrize("service", ["signin", "enrolment"])
@pytest.mark.parametrize("missing", ["--authority", "--tokens", "--signing-anchor", "--authentication-anchor"])
def test_a_missing_option_is_named_before_anything_is_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: dict[str, object], service: str, missing: str
) -> None:
    """No directory, no keys, no port: only the name of what is missing."""
    told = refused(capsys, service, *flat({name: value for name, value in options.items() if name != missing}))
    assert told["error"] == "serve.missing_option"
    assert missing in told["what"]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("option", ["--authority", "--url"])
@pytest.mark.parametrize("address", ["127.0.0.1:8441", "ftp://x", "http://[", "http://"])
def test_what_is_no_address_is_named(
    capsys: pytest.CaptureFixture[str], options: dict[str, object], option: str, address: str
) -> None:
    """The same for addresses that no client could use."""
    told = refused(capsys, "signin", *flat({**options, option: address}))
    assert told["error"] == "serve.bad_option"
    assert option in told["what"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "[" * 100_000, '{"tokens": []}', '{"tokens": {}}', '{"tokens": {"signin": 7}}', "{}"]
)
def test_a_tokens_file_without_the_token_is_named(
    capsys: pytest.CaptureFixture[str], options: dict[str, object], content: str
) -> None:
    """A service never starts with an empty token."""
    Path(str(options["--tokens"])).write_text(content)
    told = refused(capsys, "signin", *flat(options))
    assert told["error"] == "serve.bad_file"
    assert "tokens.json" in told["what"]


def test_tokens_that_cannot_be_read_are_named(capsys: pytest.CaptureFixture[str], options: dict[str, object]) -> None:
    """A path that leads nowhere."""
    told = refused(capsys, "enrolment", *flat({**options, "--tokens": "/nowhere/tokens.json"}))
    assert told["error"] == "serve.bad_file"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "serve.bad_file"), (b"no certificate", "serve.bad_file"), (b"\x30\x00", "verify.")],
)
def test_an_anchor_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], options: dict[str, object], content: bytes, reason: str
) -> None:
    """What is no certificate, or none of an authority, is never trusted."""
    Path(str(options["--signing-anchor"])).write_bytes(content)
    assert refused(capsys, "signin", *flat(options))["error"].startswith(reason)


def test_a_directory_in_use_is_refused(capsys: pytest.CaptureFixture[str], authority: tuple[Serving, Path]) -> None:
    """One directory, one service."""
    assert refused(capsys, "authority", "--data", authority[1] / "data")["error"] == "sandbox.data_locked"
