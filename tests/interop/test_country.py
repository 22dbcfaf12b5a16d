# SPDX-License-Identifier: Apache-2.0
"""Other people's software on one running country: OpenSC, openssl and openid-client, each through its front door.

The country is a process of its own (`tegata up`); everything here reaches it as an outsider would, over HTTP or the
virtual reader.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from interop.pcsc import MODULES, Run, port_open, seen, until
from interop.tls import Door, door
from journey import processes
from journey.processes import Up, up
from tegata.codecs import pem

pytestmark = pytest.mark.interop
JS = Path(__file__).resolve().parents[1] / "js"
PHONE = {"card_password": "ABC123", "auth_pin": "2580", "signing_password": "TEGATA2026"}


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Run a country with three people."""
    with up(tmp_path_factory.mktemp("country"), "--people", 3) as running:
        running.settled()
        yield running


def certificate(country: Up, slug: str, kind: str) -> str:
    """Return the PEM of somebody's card certificate."""
    listed = country.get(f"/control/v1/people/{slug}")["certificates"]
    return str(next(one["certificate"] for one in listed if (one["kind"], one["carrier"]) == (kind, "card")))


def anchor(country: Up, kind: str) -> str:
    """Return the PEM of an authority's certificate."""
    return pem.encode(country.http.get(f"/authority/v1/ca/{kind}.cer").content)


@pytest.fixture
def files(country: Up, tmp_path: Path) -> Path:
    """Lay out what openssl reads: certificates of 太郎 and of the authority, and today's list of his ward."""
    (tmp_path / "taro.pem").write_text(certificate(country, "taro", "signing"))
    (tmp_path / "ca.pem").write_text(anchor(country, "signing"))
    lay_out_list(country, tmp_path)
    return tmp_path


def lay_out_list(country: Up, folder: Path) -> None:
    """Fetch the revocation list of Shibuya as it stands now."""
    (folder / "list.crl").write_bytes(country.http.get("/crl/signing/13113.crl").content)


def openssl_verify(run: Run, files: Path) -> str:
    """Return what `openssl verify -crl_check` says of 太郎's signing certificate."""
    options = ["-CAfile", files / "ca.pem", "-crl_check", "-CRLfile", files / "list.crl"]
    done = run("openssl", "verify", *options, files / "taro.pem", check=False)
    return (done.stdout + done.stderr).decode()


def openssl_ocsp(run: Run, files: Path, country: Up) -> str:
    """Return what `openssl ocsp` says, asking the country live and checking the answer against the authority."""
    options = ["-issuer", files / "ca.pem", "-cert", files / "taro.pem", "-CAfile", files / "ca.pem"]
    done = run("openssl", "ocsp", *options, "-url", f"{country.said['url']}/ocsp/signing")
    return (done.stdout + done.stderr).decode()


def test_openssl_sees_a_move_in_list_and_answer(country: Up, run: Run, files: Path) -> None:
    """Before the move openssl accepts certificate, list and OCSP answer; afterwards it sees the revocation in both."""
    assert "taro.pem: OK" in openssl_verify(run, files)
    before = openssl_ocsp(run, files, country)
    assert "Response verify OK" in before
    assert "taro.pem: good" in before
    move = {"kind": "move", "address": "神奈川県鎌倉市手形ガ谷１丁目２番３号", "municipality_code": "14204"}
    assert country.post("/control/v1/people/taro/events", move)["delivered"]
    lay_out_list(country, files)
    assert "certificate revoked" in openssl_verify(run, files)
    after = openssl_ocsp(run, files, country)
    assert "Response verify OK" in after
    assert "taro.pem: revoked" in after
    assert "affiliationChanged" in after


@pytest.fixture
def node(require_tool: Callable[[str], str]) -> str:
    """Return Node.js, with openid-client installed beside the script."""
    if not (JS / "node_modules" / "openid-client").is_dir():
        pytest.fail("openid-client is missing: run make js", pytrace=False)
    return require_tool("node")


def test_openid_client_logs_in_with_a_phone_of_the_country(country: Up, node: str) -> None:
    """npm's certified client completes the login; the phone is driven over the control API alone."""
    phone = country.post("/control/v1/phones", {"holder": "hanako"})["phone_id"]
    country.post(f"/control/v1/phones/{phone}/enrol", PHONE)
    key = ECKey.generate_key("P-256")
    public = {**key.as_dict(private=False), "kid": key.thumbprint(), "alg": "ES256"}
    wish = {"name": "Interop", "redirect_uris": ["https://rp.example/callback"], "jwks": {"keys": [public]}}
    client_id = country.post("/control/v1/clients", wish)["client_id"]
    told = {
        "issuer": f"{country.said['url']}/api/realms/main",
        "client_id": client_id,
        "redirect_uri": "https://rp.example/callback",
        "jwk": {**key.as_dict(private=True), "kid": key.thumbprint(), "alg": "ES256"},
        "alg": "ES256",
    }
    seen = logged_in(node, told, lambda url: country.post(f"/control/v1/phones/{phone}/sign-in", {"url": url}))
    assert seen["claims"]["aud"] == client_id
    assert seen["userinfo"] == {"sub": seen["claims"]["sub"]}
    assert seen["replay"] == "invalid_grant: Code not valid"


def logged_in(node: str, told: dict[str, Any], approve: Callable[[str], Any]) -> dict[str, Any]:
    """Run `login.mjs`, approve what it asks for, and return what it saw."""
    with subprocess.Popen([node, "login.mjs"], cwd=JS, stdin=-1, stdout=-1, stderr=-1, text=True) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        print(json.dumps(told), file=script.stdin, flush=True)
        page = json.loads(script.stdout.readline())
        assert approve(page["request_url"]) == {"answer": {"state": "approved"}}
        output, errors = script.communicate("{}\n", timeout=60)
        assert script.returncode == 0, errors
        seen: dict[str, Any] = json.loads(output)
        return seen


@pytest.fixture
def served(country: Up, vpcd_port: int, run: Run) -> Iterator[None]:
    """Put 花子's card on the virtual reader, as `tegata card serve hanako --reader` does."""
    until(lambda: port_open(vpcd_port), "the driver to listen")
    command = [*processes.TEGATA, "card", "serve", "hanako", "--reader", "--port", str(vpcd_port), "--json"]
    command += ["--data", country.said["data"]]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=processes.environment()) as cable:
        assert cable.stdout is not None
        line = cable.stdout.readline()
        assert line, cable.communicate(timeout=10)
        assert json.loads(line)["card"]
        until(lambda: seen(run), "the card to be seen")
        yield
        cable.terminate()
        cable.communicate(timeout=10)
    until(lambda: not seen(run), "the card to be gone")


@pytest.mark.opensc
@pytest.mark.usefixtures("served")
def test_opensc_uses_the_card_that_is_served(country: Up, run: Run, tmp_path: Path) -> None:
    """opensc-tool names it, pkcs15-tool dumps it, pkcs11-tool signs; openssl verifies with what was read from it."""
    assert b"jpki" in run("opensc-tool", "-n").stdout
    dump = run("pkcs15-tool", "--dump").stdout.decode()
    assert dump.count("X.509 Certificate [") == 4
    data, signature, read, public = (tmp_path / name for name in ("data", "signature", "read.pem", "public.pem"))
    data.write_bytes(b"signed by OpenSC")
    login = ["--module", MODULES[0], "--slot-index", 0, "--login", "--pin", "1234"]
    run("pkcs11-tool", *login, "--sign", "-m", "SHA256-RSA-PKCS", "-i", data, "-o", signature)
    run("pkcs15-tool", "--read-certificate", "1", "-o", read)
    assert pem.decode(read.read_bytes()) == pem.decode(certificate(country, "hanako", "authentication").encode())
    public.write_bytes(run("openssl", "x509", "-in", read, "-noout", "-pubkey").stdout)
    verified = run("openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, data)
    assert verified.stdout.strip() == b"Verified OK"
    (tmp_path / "ca.pem").write_text(anchor(country, "authentication"))
    assert b"OK" in run("openssl", "verify", "-CAfile", tmp_path / "ca.pem", read).stdout


TOKEN = "JPKI%20%28User%20Authentication%20PIN%29"
# OpenSC's driver signs with PKCS#1 v1.5 alone; without this, OpenSSL would ask it for PSS.
OPENSSL = """openssl_conf = tegata
[tegata]
engines = engines
ssl_conf = ssl
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
MODULE_PATH = {module}
init = 0
[ssl]
system_default = tls
[tls]
SignatureAlgorithms = RSA+SHA256
"""


@pytest.fixture
def guarded(country: Up, run: Run, tmp_path: Path) -> Iterator[Door]:
    """Run a server that wants a certificate of the country's authority."""
    (tmp_path / "authority.pem").write_text(anchor(country, "authentication"))
    with door(tmp_path, tmp_path / "authority.pem", run) as found:
        yield found


def on_card(country: Up) -> bytes:
    """Return the DER certificate on 花子's card with which she shows who she is."""
    return pem.decode(certificate(country, "hanako", "authentication").encode())[0]


def curl(run: Run, guarded: Door, folder: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Run Debian's curl with the card as its client certificate; the PIN comes from a file."""
    (folder / "pin").write_text("1234")
    (folder / "openssl.cnf").write_text(OPENSSL.format(module=MODULES[0]))
    token = f"pkcs11:token={TOKEN};id=%01"
    card = ["--engine", "pkcs11", "--cert-type", "ENG", "--cert", f"{token};type=cert"]
    card += ["--key-type", "ENG", "--key", f"{token};type=private;pin-source=file:{folder / 'pin'}"]
    command = ["env", f"OPENSSL_CONF={folder / 'openssl.cnf'}", "curl", "--silent", "--show-error", "--max-time", "30"]
    where = ["--cacert", guarded.certificate, f"https://localhost:{guarded.port}/"]
    return run(*command, *(card if "--no-card" not in options else ()), "--tls-max", "1.2", *where, check=False)


@pytest.mark.opensc
@pytest.mark.usefixtures("served")
def test_curl_shows_the_card_to_a_tls_server(country: Up, guarded: Door, run: Run, tmp_path: Path) -> None:
    """The server lets the card in whose certificate the country's authority made, and nobody without one."""
    refused = curl(run, guarded, tmp_path, "--no-card")
    assert refused.returncode != 0
    assert guarded.visitors == []
    done = curl(run, guarded, tmp_path)
    assert done.stdout == b"hello\n", done.stderr.decode()
    assert guarded.visitors == [(on_card(country), "TLSv1.2")]


@pytest.mark.opensc
@pytest.mark.usefixtures("served")
def test_the_library_of_browsers_shows_the_card(country: Up, guarded: Door, run: Run, tmp_path: Path) -> None:
    """NSS, through which Firefox and Chromium reach PKCS#11, lists the card's certificate and shows it to a server."""
    base = f"sql:{tmp_path}"
    run("certutil", "-N", "-d", base, "--empty-password")
    run("modutil", "-force", "-add", "OpenSC", "-libfile", MODULES[0], "-dbdir", base)
    run("certutil", "-A", "-d", base, "-n", "server", "-t", "C,,", "-i", guarded.certificate)
    (tmp_path / "pin").write_text("1234")
    name = "JPKI (User Authentication PIN):User Authentication Certificate"
    listed = run("certutil", "-L", "-d", base, "-h", "all", "-f", tmp_path / "pin").stdout.decode()
    assert name in listed
    command = [
        "tstclnt",
        "-4",
        "-h",
        "localhost",
        "-p",
        guarded.port,
        "-d",
        base,
        "-V",
        "tls1.2:tls1.2",
        "-n",
        name,
        "-w",
        "1234",
    ]
    (tmp_path / "request").write_bytes(b"GET / HTTP/1.0\r\n\r\n")
    done = run(*command, check=False, stdin=tmp_path / "request")
    assert b"hello" in done.stdout, done.stderr.decode()
    assert guarded.visitors == [(on_card(country), "TLSv1.2")]
