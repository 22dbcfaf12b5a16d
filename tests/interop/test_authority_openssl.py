# SPDX-License-Identifier: Apache-2.0
"""OpenSSL accepts the certificates, lists and answers of the authority, before and after each thing that can happen.

`openssl verify -crl_check` gets the list of the one municipality; `openssl ocsp` asks a server on a loopback socket, by
POST and, through its own request files, by GET.  OpenSSL reads the machine's clock, so `-attime` and `-validity_period`
bridge to the clock of the tests.
"""

import base64
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import uvicorn

from tegata.authority.http import create_app
from tegata.authority.model import Cause, Certificate, Issued
from tegata.crypto.keys import Algorithm
from tegata.jpki import Carrier, Kind
from unit.authority.kit import HANAKO, NOW, SHIBUYA, TARO, World, new_key, opened

pytestmark = pytest.mark.interop

ATTIME = ("-attime", str(int(NOW.timestamp())))
CENTURY = str(100 * 366 * 86400)


@pytest.fixture(scope="module")
def openssl(require_tool: Callable[[str], str]) -> str:
    """Return the program."""
    return require_tool("openssl")


@pytest.fixture(params=[Algorithm.RSA_2048, Algorithm.EC_P384])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """Return an authority, with today's algorithm and with the next card's."""
    with opened(tmp_path, algorithm=request.param) as one:
        one.make_key = lambda: new_key(request.param)
        yield one


class Desk:
    """OpenSSL at work in a folder."""

    def __init__(self, program: str, world: World, folder: Path) -> None:
        self._program = program
        self._world = world
        self._folder = folder

    def run(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
        """Run one command and return what it prints, on whichever stream."""
        command = [self._program, *arguments]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)
        assert done.returncode in allowed, done.stdout + done.stderr
        return done.stdout + done.stderr

    def pem(self, name: str, der: bytes | None, kind: str = "x509") -> str:
        """Write DER as a PEM file; returns its name."""
        assert der is not None
        (self._folder / f"{name}.der").write_bytes(der)
        self.run(kind, "-inform", "DER", "-in", f"{name}.der", "-out", f"{name}.pem")
        return f"{name}.pem"

    def ca(self, kind: Kind) -> str:
        """Return the file of a CA's certificate."""
        return self.pem(f"ca-{kind.value}", self._world.authority.ca_certificate(kind))

    def verify(self, one: Certificate | None, *options: str) -> str:
        """Verify one certificate against the list of its municipality, strictly, at the time of the tests."""
        assert one is not None
        crl = self._world.authority.status.revocation_list(one.kind, one.municipality_code).der
        files = ("-CAfile", self.ca(one.kind), "-CRLfile", self.pem("list", crl, "crl"), "-crl_check")
        checks = ("-x509_strict", "-check_ss_sig", *ATTIME, *options)
        return self.run("verify", *files, *checks, self.pem("one", one.der), allowed=(0, 2))


@pytest.fixture
def desk(openssl: str, world: World, tmp_path: Path) -> Desk:
    """Return OpenSSL, ready."""
    return Desk(openssl, world, tmp_path)


def everything(*pairs: Issued) -> list[Certificate]:
    """Return the certificates of pairs."""
    return [one for pair in pairs for one in (pair.signing, pair.authentication) if one]


def test_verify_accepts_and_then_sees_the_revocation(world: World, desk: Desk) -> None:
    """Step 6 of the story: she moves; signing dies on card and phone, login goes on.  Step 7: the phone is lost."""
    card = world.card()
    phone = world.phone(card)
    for one in everything(card, phone):
        assert desk.verify(one).strip() == "one.pem: OK"
    world.authority.happen(world.event(Cause.MOVED))
    for one in everything(card, phone):
        expected = "certificate revoked" if one.kind is Kind.SIGNING else "one.pem: OK"
        assert expected in desk.verify(one)
    world.authority.hold("call-1", phone.request.request_id)
    assert "one.pem: OK" in desk.verify(card.authentication)
    assert "certificate revoked" in desk.verify(phone.authentication)


def test_verify_wants_the_list_of_the_right_municipality(world: World, desk: Desk) -> None:
    """Another's list has another distribution point: it says nothing of this certificate."""
    card = world.card()
    elsewhere = world.authority.status.revocation_list(Kind.AUTHENTICATION, "29201").der
    files = ("-CAfile", desk.ca(Kind.AUTHENTICATION), "-CRLfile", desk.pem("other", elsewhere, "crl"))
    answer = desk.run("verify", *files, "-crl_check", *ATTIME, desk.pem("one", card.authentication.der), allowed=(2,))
    assert "different CRL scope" in answer


def test_verify_with_the_authoritys_own_list(world: World, desk: Desk) -> None:
    """`-crl_check_all` asks for the root's list, too: it is where the root's own distribution point leads."""
    card = world.card()
    own = world.authority.status.revocation_list(Kind.AUTHENTICATION, "ca").der
    options = ("-CRLfile", desk.pem("own", own, "crl"), "-crl_check_all")
    assert desk.verify(card.authentication, *options).strip() == "one.pem: OK"


@pytest.mark.parametrize(("purpose", "good"), [("sslclient", True), ("ocsphelper", True), ("sslserver", False)])
def test_an_authentication_certificate_is_for_clients(world: World, desk: Desk, purpose: str, good: bool) -> None:
    """Extended key usage clientAuth, nothing else."""
    answer = desk.verify(world.card().authentication, "-purpose", purpose)
    assert ("one.pem: OK" in answer) is good


def test_verify_finds_the_policy_of_the_test_arm(world: World, desk: Desk) -> None:
    """And not that of the production arm."""
    card = world.card()
    for policy, good in (("1.2.392.200149.8.5.1.0.20", True), ("1.2.392.200149.8.5.1.1.20", False)):
        answer = desk.verify(card.signing, "-policy", policy, "-explicit_policy")
        assert ("one.pem: OK" in answer) is good


# -- OCSP --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """Serve the authority on a loopback socket; gives its address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(world.authority), log_level="error", lifespan="off", http="h11", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.005)  # a thread of another library: there is nothing else to wait for
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


def ask(desk: Desk, url: str, one: Certificate | None, *options: str) -> str:
    """Ask the server about a certificate with `openssl ocsp`, which also checks the answer."""
    assert one is not None
    issuer, certificate = desk.ca(one.kind), desk.pem("one", one.der)
    where = ("-url", f"{url}/ocsp/{one.kind.value}", "-CAfile", issuer, "-issuer", issuer)
    bridge = (*ATTIME, "-validity_period", CENTURY)
    return desk.run("ocsp", *where, *bridge, *options, "-cert", certificate)


@pytest.mark.parametrize("options", [(), ("-no_nonce",), ("-sha256",)])
def test_ocsp_accepts_and_then_sees_the_revocation(
    world: World, desk: Desk, url: str, options: tuple[str, ...]
) -> None:
    """With a nonce and without, named by SHA-1 and by SHA-256; the next answer after an event shows it."""
    card = world.card()
    phone = world.phone(card)
    for one in everything(card, phone):
        answer = ask(desk, url, one, *options)
        assert "Response verify OK" in answer
        assert "one.pem: good" in answer
        assert "WARNING" not in answer
    world.authority.happen(world.event(Cause.MOVED))
    for ended in (card.signing, phone.signing):
        answer = ask(desk, url, ended, *options)
        assert "Response verify OK" in answer
        assert "one.pem: revoked" in answer
        assert "Reason: affiliationChanged" in answer
        assert "Revocation Time: Nov 24 03:00:00 2026 GMT" in answer
    assert "one.pem: good" in ask(desk, url, phone.authentication, *options)
    world.authority.hold("call-1", phone.request.request_id)
    answer = ask(desk, url, phone.authentication, *options)
    assert "Reason: certificateHold" in answer
    assert "one.pem: good" in ask(desk, url, card.authentication, *options)


def test_ocsp_of_many_at_once(world: World, desk: Desk, url: str) -> None:
    """Several certificates and numbers in one request."""
    one, two = world.card(HANAKO), world.card(TARO)
    world.authority.discarded(Carrier.CARD, two.request.request_id)
    second = desk.pem("two", two.authentication.der)
    answer = ask(desk, url, one.authentication, "-cert", second, "-serial", "0x7777")
    assert "Response verify OK" in answer
    assert "one.pem: good" in answer
    assert "two.pem: revoked" in answer
    assert "0x7777: unknown" in answer


def test_ocsp_by_get(world: World, desk: Desk, url: str, tmp_path: Path) -> None:
    """OpenSSL writes the request and reads the answer; the path in between carries base64."""
    card = world.card()
    issuer, certificate = desk.ca(Kind.AUTHENTICATION), desk.pem("one", card.authentication.der)
    common = ("-issuer", issuer, "-cert", certificate)
    desk.run("ocsp", *common, "-no_nonce", "-reqout", "request.der")
    path = base64.b64encode((tmp_path / "request.der").read_bytes()).decode()
    with urlopen(f"{url}/ocsp/authentication/{path}") as response:
        assert response.headers["content-type"] == "application/ocsp-response"
        (tmp_path / "response.der").write_bytes(response.read())
    bridge = (*ATTIME, "-validity_period", CENTURY)
    answer = desk.run("ocsp", *common, "-CAfile", issuer, "-respin", "response.der", *bridge)
    assert "Response verify OK" in answer
    assert "one.pem: good" in answer


def test_ocsp_of_the_wrong_authority(world: World, desk: Desk, url: str) -> None:
    """Asked at the other address, the certificate is unknown, and the answer is of another root."""
    card = world.card()
    issuer, certificate = desk.ca(Kind.AUTHENTICATION), desk.pem("one", card.authentication.der)
    common = ("-issuer", issuer, "-cert", certificate, "-CAfile", issuer, *ATTIME, "-validity_period", CENTURY)
    answer = desk.run("ocsp", "-url", f"{url}/ocsp/signing", *common, allowed=(0, 1))
    assert "Response Verify Failure" in answer
    assert "good" not in answer


def test_the_loopback_server_serves_lists(world: World, desk: Desk, url: str) -> None:
    """OpenSSL reads what the address gives."""
    world.card()
    world.authority.happen(world.event(Cause.MOVED))
    with urlopen(f"{url}/crl/signing/{SHIBUYA}.crl") as response:
        name = desk.pem("fetched", response.read(), "crl")
    shown = desk.run("crl", "-in", name, "-noout", "-text", "-CAfile", desk.ca(Kind.SIGNING))
    assert "verify OK" in shown
    assert "Affiliation Changed" in shown
    assert "Only User Certificates" in shown
