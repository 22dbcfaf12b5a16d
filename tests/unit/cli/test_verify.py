# SPDX-License-Identifier: Apache-2.0
"""`tegata verify`: verdicts on files, and questions that cannot be asked."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509 import ReasonFlags
from cryptography.x509.ocsp import OCSPCertStatus

from tegata.cli.main import main
from tegata.codecs import pem
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.jpki import Kind
from unit.verify import kit

DOCUMENT = b"a mobile contract"
AT = ["--at", kit.NOW.isoformat()]


@dataclass(frozen=True, slots=True)
class Case:
    """Files about one certificate, and what the command says about them."""

    folder: Path
    scene: kit.Scene
    capsys: pytest.CaptureFixture[str]

    def file(self, name: str, content: bytes | str) -> str:
        """Write a file; return its path."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def options(self, status: str = "ocsp", kind: Kind = Kind.SIGNING) -> list[str]:
        """Return the options for the certificate with good status."""
        certificate, authority = self.scene.certificate, self.scene.authority
        found = authority.respond(certificate) if status == "ocsp" else authority.revocation_list()
        return [
            *("--certificate", self.file("certificate.der", certificate)),
            *("--anchor", self.file("anchor.der", authority.der)),
            *(f"--{status}", self.file(f"status.{status}", found)),
            *("--kind", kind.value),
            *AT,
        ]

    def signed(self, signature: bytes) -> list[str]:
        """Return the arguments for a document and its signature."""
        return [self.file("document", DOCUMENT), "--signature", self.file("signature", signature)]

    def told(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Return exit code and JSON."""
        code = main(["verify", *arguments, "--json"])
        out, err = self.capsys.readouterr()
        assert err == ""
        assert out.count("\n") == 1
        return code, json.loads(out)


@pytest.fixture(scope="module")
def signing(rsa_keys: Sequence[SoftwareKey]) -> kit.Scene:
    """Return a card's signing certificate."""
    return kit.scene(Kind.SIGNING, rsa_keys[0], rsa_keys[1])


@pytest.fixture
def case(tmp_path: Path, signing: kit.Scene, capsys: pytest.CaptureFixture[str]) -> Case:
    """Return a folder for the files of a case."""
    return Case(tmp_path, signing, capsys)


def test_a_good_signature_is_accepted(case: Case) -> None:
    """The verdict names serial, attributes and every check."""
    signature = case.scene.key.sign(Scheme.RSA_PKCS1_SHA256, DOCUMENT)
    code, told = case.told(*case.signed(signature), *case.options())
    assert (code, told["accepted"]) == (0, True)
    assert [check["outcome"] for check in told["checks"]] == ["passed"] * 6


@pytest.mark.parametrize("status", ["ocsp", "crl"])
def test_a_certificate_alone_is_accepted(case: Case, status: str) -> None:
    """Without a document the certificate is judged, by an OCSP answer or a list."""
    code, told = case.told(*case.options(status))
    assert (code, told["accepted"], told["status"]["source"]) == (0, True, status)


def test_pem_and_der_are_the_same(case: Case) -> None:
    """Certificate, anchor and list may be text."""
    options = [
        *("--certificate", case.file("c.pem", pem.encode(case.scene.certificate))),
        *("--anchor", case.file("a.pem", "# our anchor\n" + pem.encode(case.scene.authority.der))),
        *("--crl", case.file("l.pem", pem.encode(case.scene.authority.revocation_list(), "X509 CRL"))),
        *AT,
    ]
    assert case.told(*options)[0] == 0


def test_for_people_it_lists_each_check(case: Case) -> None:
    """One line for each, with the clause."""
    assert main(["verify", *case.options()]) == 0
    out, err = case.capsys.readouterr()
    assert err == ""
    assert out.count("✓") == 5
    assert "RFC 5280" in out


def test_a_refusal_shows_how_far_it_came(case: Case) -> None:
    """A wrong signature: exit code 1, the reason, the checks; for people the next step on standard error."""
    arguments = [*case.signed(bytes(256)), *case.options()]
    code, told = case.told(*arguments)
    assert (code, told["accepted"], told["error"]) == (1, False, "verify.bad_signature")
    assert [check["outcome"] for check in told["checks"]] == [*["passed"] * 5, "failed"]
    assert told["what"]
    assert told["next"]
    assert main(["verify", *arguments]) == 1
    out, err = case.capsys.readouterr()
    assert (out.count("✓"), out.count("✗")) == (5, 1)
    assert "→" in err


def test_a_revoked_certificate_says_so(case: Case) -> None:
    """The reason in the revocation list's own words, and what is not looked at any more."""
    answer = case.scene.authority.respond(
        case.scene.certificate, status=OCSPCertStatus.REVOKED, reason=ReasonFlags.affiliation_changed
    )
    options = [*case.options(), "--ocsp", case.file("revoked.ocsp", answer)]
    code, told = case.told(*case.signed(bytes(256)), *options)
    assert (code, told["error"]) == (1, "verify.revoked.affiliation_changed")
    assert told["checks"][-1]["outcome"] == "not_reached"


@pytest.mark.parametrize("missing", ["--ocsp", "--anchor", "--certificate"])
def test_nothing_is_assumed_that_was_not_given(case: Case, missing: str) -> None:
    """No status is no verdict; without certificate or anchor there is no question."""
    options = case.options()
    del options[options.index(missing) : options.index(missing) + 2]
    if missing == "--ocsp":
        assert case.told(*options)[1]["error"] == "verify.status_missing"
        return
    with pytest.raises(SystemExit) as ended:
        main(["verify", *options])
    assert ended.value.code == 2


def test_half_a_signature_is_no_question(case: Case) -> None:
    """A forgotten --signature must not look like an accepted document."""
    document, option, signature = case.signed(bytes(256))
    assert case.told(document, *case.options())[1]["error"] == "verify.half_a_signature"
    assert case.told(option, signature, *case.options())[1]["error"] == "verify.half_a_signature"


def test_the_scheme_is_the_keys_usual_one_unless_said(case: Case) -> None:
    """PSS is accepted when it was asked for, and refused when it was not; so the other way round."""
    with_pss = kit.private(case.scene.key).sign(  # type: ignore[call-arg, union-attr]  # an RSA key
        DOCUMENT, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
    )
    plain = case.scene.key.sign(Scheme.RSA_PKCS1_SHA256, DOCUMENT)
    for signature, scheme, accepted in (
        (with_pss, "rsa-pss-sha256", True),
        (with_pss, None, False),
        (plain, None, True),
        (plain, "rsa-pkcs1-sha256", True),
        (plain, "rsa-pss-sha256", False),
    ):
        more = [] if scheme is None else ["--scheme", scheme]
        assert case.told(*case.signed(signature), *case.options(), *more)[1]["accepted"] is accepted


def test_an_elliptic_key_needs_no_scheme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next card's keys sign in their own way."""
    keys = [SoftwareKey.generate(Algorithm.EC_P384) for _ in range(2)]
    case = Case(tmp_path, kit.scene(Kind.SIGNING, *keys), capsys)
    signature = keys[1].sign(Scheme.ECDSA_SHA384, DOCUMENT)
    code, told = case.told(*case.signed(signature), *case.options())
    assert (code, told["scheme"]) == (0, "ecdsa-sha384")


def test_bare_padding_cannot_be_asked_for(case: Case) -> None:
    """It signs whatever it is given, so it proves nothing about a document."""
    with pytest.raises(SystemExit):
        main(["verify", *case.options(), "--scheme", "rsa-pkcs1-bare"])


def test_the_kind_matters(case: Case) -> None:
    """A signing certificate is no proof for a login."""
    code, told = case.told(*case.options(kind=Kind.AUTHENTICATION))
    assert (code, told["accepted"]) == (1, False)


@pytest.mark.parametrize(
    ("moment", "accepted"),
    [
        ("2026-11-24T12:00:00+09:00", True),
        ("2026-11-24T03:00:00", True),
        ("2026-11-24T03:00:00Z", True),
        ("2026-11-25", False),
        ("2046-01-01T00:00:00Z", False),
    ],
)
def test_the_moment_decides(case: Case, moment: str, accepted: bool) -> None:
    """Any ISO 8601 time; one without a zone is UTC."""
    assert case.told(*case.options(), "--at", moment)[1]["accepted"] is accepted


@pytest.mark.parametrize("moment", ["yesterday", "", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_moment_is_refused(case: Case, moment: str) -> None:
    """The error says how to write one."""
    assert case.told(*case.options(), "--at", moment)[1]["error"] == "verify.bad_time"


@pytest.mark.parametrize("option", ["--certificate", "--anchor", "--ocsp", "--crl", "--signature"])
@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_named(case: Case, option: str, kind: str) -> None:
    """Each file by its path."""
    path = case.folder if kind == "folder" else case.folder / "nothing"
    arguments = [*case.signed(b""), *case.options(), option, str(path)]
    code, told = case.told(*arguments)
    assert (code, told["error"]) == (2, "verify.unreadable_file")
    assert str(path) in told["what"]


@pytest.mark.parametrize("option", ["--certificate", "--anchor", "--ocsp", "--crl"])
@pytest.mark.parametrize("content", [b"", b"\x30", b"\x30\x80\x00\x00", b"-----BEGIN X-----", b"\xff" * 1000])
def test_whatever_is_in_the_files_it_is_a_refusal(case: Case, option: str, content: bytes) -> None:
    """Garbage of any kind ends with a reason, never with a traceback: 1 where it is the evidence, else 2."""
    options = [part for part in case.options("crl" if option == "--crl" else "ocsp")]
    code, told = case.told(*options, option, case.file("garbage", content))
    assert code == (1 if option == "--certificate" and told["error"] == "verify.malformed" else 2)
    assert told["error"].startswith("verify.")


def test_what_cannot_be_judged_is_not_refused(case: Case) -> None:
    """Stale status and an unknown policy end with 2: nothing is said against the evidence."""
    code, told = case.told(*case.options(), "--at", "2026-11-25")
    assert (code, told["error"]) == (2, "verify.status_stale")
    code, told = case.told(*case.options(), "--policy", "lenient")
    assert (code, told["error"]) == (2, "verify.unknown_policy")


def test_the_failed_step_comes_first(case: Case) -> None:
    """Whoever reads one line reads what went wrong."""
    assert main(["verify", *case.signed(bytes(256)), *case.options()]) == 1
    assert case.capsys.readouterr().out.splitlines()[0].strip().startswith("✗ signature.value")


def test_files_are_recognised_by_what_is_in_them(case: Case) -> None:
    """In any order, DER or PEM; only the anchor has to be named."""
    signature = case.scene.key.sign(Scheme.RSA_PKCS1_SHA256, DOCUMENT)
    anchor = ["--anchor", case.file("anchor.der", case.scene.authority.der), *AT]
    files = [
        case.file("contract.pdf", DOCUMENT),
        case.file("contract.sig", signature),
        case.file("response", case.scene.authority.respond(case.scene.certificate)),
        case.file("hanako", pem.encode(case.scene.certificate)),
    ]
    code, told = case.told(*files, *anchor)
    assert (code, len(told["checks"])) == (0, 6)
    listed = case.file("list", case.scene.authority.revocation_list())
    certificate = case.file("hanako.der", case.scene.certificate)
    code, told = case.told(listed, certificate, *anchor)
    assert (code, told["status"]["source"]) == (0, "crl")
    code, told = case.told(certificate, listed, files[3], *anchor)
    assert (code, told["error"]) == (2, "verify.two_of_a_kind")


def test_a_bundle_is_judged_again_from_one_file(case: Case) -> None:
    """Written once, judged alone; with the right anchor as well; altered or of another authority it is refused."""
    signature = case.scene.key.sign(Scheme.RSA_PKCS1_SHA256, DOCUMENT)
    out = case.folder / "evidence.bundle"
    code, first = case.told(*case.signed(signature), *case.options(), "--bundle", str(out), "--policy", "standard")
    assert code == 0
    assert case.told(str(out)) == (0, first)
    assert case.told(str(out), "--anchor", case.file("anchor.der", case.scene.authority.der)) == (0, first)
    altered = case.file("altered", out.read_bytes().replace(b'"serial":"4711"', b'"serial":"4712"'))
    assert case.told(altered)[0] == 1
    assert case.told(altered)[1]["error"] == "verify.bundle_damaged"


def test_a_refusal_is_bundled_too(case: Case) -> None:
    """Why somebody was turned away can be shown years later."""
    out = case.folder / "evidence.bundle"
    first = case.told(*case.signed(bytes(256)), *case.options(), "--bundle", str(out))
    assert first[0] == 1
    assert case.told(str(out)) == first


def test_a_redacted_bundle_cannot_be_judged(case: Case) -> None:
    """It says so, and ends with 2."""
    out = case.folder / "evidence.bundle"
    assert case.told(*case.options(), "--bundle", str(out), "--redacted")[0] == 0
    code, told = case.told(str(out))
    assert (code, told["error"]) == (2, "verify.bundle_redacted")
    code, told = case.told(*case.options(), "--bundle", str(case.folder / "no" / "folder"))
    assert (code, told["error"]) == (2, "verify.unwritable_file")


def test_policies_are_listed_and_used(case: Case) -> None:
    """Each with its version; the one chosen decides which status counts."""
    code, told = case.told("--policy", "list")
    assert (code, told["strict"]["version"]) == (0, 1)
    assert case.told(*case.options("crl"), "--policy", "offline-crl")[0] == 0
    code, told = case.told(*case.options("crl"), "--policy", "strict")
    assert (code, told["error"]) == (2, "verify.status_source")
    assert main(["verify", "--policy", "list"]) == 0
    assert "offline-crl (1)" in case.capsys.readouterr().out
