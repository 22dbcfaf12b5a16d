# SPDX-License-Identifier: Apache-2.0
"""pkilint, a linter for RFC 5280 and RFC 6960, reads everything that the authority signs.

It finds nothing but what JPKI's profile itself holds; each such finding stands in `INHERENT` with its reason.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pkilint.bin import lint_crl, lint_ocsp_response, lint_pkix_cert, lint_pkix_signer_signee_cert_chain

from tegata.authority import profiles
from tegata.authority.model import Cause
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, Scheme
from tegata.jpki import Carrier, Kind, names, oids
from unit.authority.kit import SHIBUYA, World, new_key, opened
from unit.authority.test_status import cert_id, request

# pkilint leaves the files open that it is given.
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")]

INHERENT = {
    "pkix.subject_key_identifier_method_1_identified": "a remark: the profile's SHA-1 style key identifier",
    "pkix.certificate_policies_policy_has_qualifier": "the genuine certificates carry the CPS URI as a qualifier",
}
"""Findings that the profile asks for, and why."""
OF_A_ROOT = {
    **INHERENT,
    "pkix.authority_key_id_extension_missing": "genuine roots have none; RFC 5280 §4.2.1.1 excuses self-signed ones",
}

Lint = Callable[..., set[str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return an authority of today's algorithm."""
    with opened(tmp_path_factory.mktemp("authority"), algorithm=Algorithm.RSA_2048) as one:
        one.make_key = lambda: new_key(Algorithm.RSA_2048)
        yield one


@pytest.fixture
def lint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Return a function that runs one of pkilint's programs over DER and gives the codes of its findings."""

    def run(program: Callable[[list[str]], int], *documents: bytes, options: tuple[str, ...] = ()) -> set[str]:
        files = []
        for number, document in enumerate(documents):
            file = tmp_path / f"{number}.der"
            file.write_bytes(document)
            files.append(str(file))
        capsys.readouterr()
        form = ["--document-format", "DER"] if len(documents) == 1 else []
        program(["lint", "-f", "JSON", "-s", "INFO", *form, *options, *files])
        results = json.loads(capsys.readouterr().out)["results"]
        return {finding["code"] for result in results for finding in result["finding_descriptions"]}

    return run


def certificate(world: World, which: str, kind: Kind) -> bytes:
    """Return the DER of one of the kinds of certificate that there are."""
    if which == "ca":
        return world.authority.ca_certificate(kind)
    if which == "responder":
        return world.authority._signers.responder(kind, world.clock.now()).own.der
    found = [one for one in world.authority.certificates("10000000001") if (one.carrier, one.kind) == (which, kind)]
    if not found:
        world.phone(world.card())
        return certificate(world, which, kind)
    assert found[-1].der is not None
    return found[-1].der


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("which", ["ca", Carrier.CARD, Carrier.PHONE, "responder"])
def test_certificates_are_clean(world: World, lint: Lint, which: str, kind: Kind) -> None:
    """Of the authorities, on cards, on phones, of responders."""
    assert lint(lint_pkix_cert.main, certificate(world, which, kind)) <= set(INHERENT)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("which", ["ca", Carrier.CARD, Carrier.PHONE, "responder"])
def test_issuer_and_subject_fit(world: World, lint: Lint, which: str, kind: Kind) -> None:
    """Names chain, key identifiers agree, and the signature verifies."""
    pair = (certificate(world, "ca", kind), certificate(world, which, kind))
    assert lint(lint_pkix_signer_signee_cert_chain.main, *pair) <= set(OF_A_ROOT if which == "ca" else INHERENT)


@pytest.mark.parametrize("kind", list(Kind))
def test_lists_are_clean(world: World, lint: Lint, kind: Kind) -> None:
    """Empty and not, of a municipality and of the authorities."""
    empty = world.authority.status.revocation_list(kind, "29201").der
    assert lint(lint_crl.main, empty, options=("-t", "CRL", "-p", "PKIX")) <= set(INHERENT)
    own = world.authority.status.revocation_list(kind, "ca").der
    assert lint(lint_crl.main, own, options=("-t", "ARL", "-p", "PKIX")) <= set(INHERENT)
    card = world.card("10000000009")
    world.authority.discarded(Carrier.CARD, card.request.request_id)
    for number, cause in enumerate((Cause.MOVED, Cause.CARD_LOST, Cause.DIED)):
        world.card(f"2000000000{number}{kind.value[0]}")
        world.authority.happen(world.event(cause, f"2000000000{number}{kind.value[0]}"))
    full = world.authority.status.revocation_list(kind, SHIBUYA).der
    assert lint(lint_crl.main, full, options=("-t", "CRL", "-p", "PKIX")) <= set(INHERENT)


@pytest.mark.parametrize("nonce", [None, b"n" * 32])
def test_ocsp_answers_are_clean(world: World, lint: Lint, nonce: bytes | None) -> None:
    """Good, revoked and unknown in one answer, with and without a nonce; and the errors."""
    good = world.card("10000000007").signing
    ended = world.card("10000000006")
    world.authority.discarded(Carrier.CARD, ended.request.request_id)
    assert good is not None
    assert ended.signing is not None
    questions = [cert_id(world, serial) for serial in (good.serial, ended.signing.serial, 9999)]
    answer = world.authority.status.answer(Kind.SIGNING, request(*questions, nonce=nonce))
    assert lint(lint_ocsp_response.main, answer.der) <= set(INHERENT)


def test_the_linter_would_notice(world: World, lint: Lint) -> None:
    """A fault of each kind, so that silence above means something."""
    key = new_key(Algorithm.RSA_2048)
    issuer = world.authority._signers.ca(Kind.SIGNING).issuer
    start, end = world.clock.now(), issuer.not_after
    dn = names.name((oids.COUNTRY, "JP"), (oids.ORGANIZATIONAL_UNIT, "x" * 65))
    constraints = profiles.extension(oids.BASIC_CONSTRAINTS, der.sequence(der.boolean(True)))  # not critical
    tbs = profiles._tbs(1, Scheme.RSA_PKCS1_SHA256, dn, (start, end), dn, key.spki, (constraints,))
    identifier = signatures.algorithm_identifier(Scheme.RSA_PKCS1_SHA256)
    bad = der.sequence(tbs, identifier, der.bit_string(key.sign(Scheme.RSA_PKCS1_SHA256, tbs)))
    found = lint(lint_pkix_cert.main, bad)
    assert {"itu.invalid_asn1_syntax", "pkix.basic_constraints_extension_not_critical"} <= found, found

    listed = der.sequence(
        der.integer(1), identifier, names.ca_dn(Kind.SIGNING), der.x509_time(start), der.x509_time(end)
    )
    crl = der.sequence(listed, identifier, der.bit_string(key.sign(Scheme.RSA_PKCS1_SHA256, listed)))
    assert lint(lint_crl.main, crl, options=("-t", "CRL", "-p", "PKIX")) - set(INHERENT)

    card = certificate(world, Carrier.CARD, Kind.SIGNING)
    wrong = (certificate(world, "ca", Kind.AUTHENTICATION), card)
    assert lint(lint_pkix_signer_signee_cert_chain.main, *wrong) - set(INHERENT)
