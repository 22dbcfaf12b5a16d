# SPDX-License-Identifier: Apache-2.0
"""The judge in service: real certificates of a real authority, status by OCSP or list, nothing faked."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tegata.authority.model import Cause, Issued
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.jpki import Kind
from tegata.phone.app_http import origin as phone_origin
from tegata.signin.authority import Authority
from tegata.signin.config import Config
from tegata.signin.errors import Refused, SignInError, Unavailable
from tegata.signin.proof import Proof, Verifier
from tegata.verify import Rejected, StatusUnavailable, VerifyError
from tegata.wire.status import StatusClient
from unit.authority.kit import HANAKO, TARO, TOKENS, URL, World, opened
from unit.refusal import refused

DATA = b"what was to be signed"


class Judged:
    """An authority, a judge that trusts it, and a card with its keys."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keys: list[SoftwareKey] = []
        world.make_key = self._key
        self.card = world.card()
        self.http = world.http()
        anchors = {kind: (world.authority.ca_certificate(kind),) for kind in Kind}
        self.judge = Verifier(StatusClient(self.http, URL), anchors)
        self.authority = Authority(self.http, URL, TOKENS["signin"])

    def _key(self) -> SoftwareKey:
        self.keys.append(SoftwareKey.generate(Algorithm.EC_P256))
        return self.keys[-1]

    def sign(self, issued: Issued, number: int, *, data: bytes = DATA, by_list: bool = False) -> Proof:
        """Sign with the `number`-th key of the card (0 signing, 1 authentication)."""
        certificate = issued.authentication if number % 2 else issued.signing
        assert certificate is not None
        return Proof(DATA, certificate.der, self.keys[number].sign(Scheme.ECDSA_SHA256, data), by_list)

    def serial(self, proof: Proof) -> int:
        """Let the judge judge."""
        return asyncio.run(self.judge.serial(proof, self.world.clock.now()))


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    """Return a judge with its authority."""
    with opened(tmp_path) as world:
        yield Judged(world)


@pytest.mark.parametrize("by_list", [False, True], ids=["OCSP", "CRL"])
def test_a_good_certificate(judged: Judged, *, by_list: bool) -> None:
    """The serial number comes back, and the authority knows whose it is."""
    serial = judged.serial(judged.sign(judged.card, 1, by_list=by_list))
    assert serial == judged.card.authentication.serial
    person = asyncio.run(judged.authority.person(serial))
    assert HANAKO not in person


def test_a_person_is_one_over_cards(judged: Judged) -> None:
    """The authority's identifier is the person's; another person has another."""
    first = asyncio.run(judged.authority.person(judged.card.authentication.serial))
    again = asyncio.run(judged.authority.person(judged.world.card().authentication.serial))
    other = asyncio.run(judged.authority.person(judged.world.card(TARO).authentication.serial))
    assert first == again != other


@pytest.mark.parametrize("by_list", [False, True], ids=["OCSP", "CRL"])
def test_a_lost_card_is_refused(judged: Judged, *, by_list: bool) -> None:
    """On hold, from the next answer on."""
    judged.world.authority.happen(judged.world.event(Cause.CARD_LOST))
    judged.world.clock.advance(days=1 if by_list else 0, minutes=1)
    with refused("verify.held", Rejected):
        judged.serial(judged.sign(judged.card, 1, by_list=by_list))


def test_a_signing_certificate_does_not_sign_in(judged: Judged) -> None:
    """Each certificate has its one purpose."""
    with refused("verify.wrong_kind", Rejected):
        judged.serial(judged.sign(judged.card, 0))


def test_a_signature_over_something_else(judged: Judged) -> None:
    """The certificate is good, the signature is not."""
    with refused("verify.bad_signature", Rejected):
        judged.serial(judged.sign(judged.card, 1, data=b"something else"))


def test_a_certificate_of_another_country(judged: Judged, tmp_path: Path) -> None:
    """Names are the same, keys are not."""
    (tmp_path / "other").mkdir()
    with opened(tmp_path / "other") as other:
        other.make_key = judged._key
        card = other.card()
        with refused("verify.untrusted", Rejected):
            judged.serial(judged.sign(card, 3))


@pytest.mark.parametrize("certificate", [b"", b"0", b"0\x03\x02\x01\x01", b"\xff" * 100])
def test_junk_is_no_certificate(judged: Judged, certificate: bytes) -> None:
    """Refused, whatever it is."""
    with pytest.raises(VerifyError):
        judged.serial(Proof(DATA, certificate, b"x"))


def test_a_silent_status_service(judged: Judged) -> None:
    """Try again later."""
    broken = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(503)))
    anchors = {kind: (judged.world.authority.ca_certificate(kind),) for kind in Kind}
    judged.judge = Verifier(StatusClient(broken, URL), anchors)
    with refused("signin.status_unavailable", Unavailable):
        judged.serial(judged.sign(judged.card, 1))


def test_an_old_answer_does_not_pass_for_a_new_one(judged: Judged) -> None:
    """The nonce binds the answer to this very sign-in."""
    kept: list[bytes] = []

    async def replay(request: httpx.Request) -> httpx.Response:
        if not kept:
            answer = await judged.http.post(request.url, content=request.content, headers=dict(request.headers))
            kept.append(answer.content)
        return httpx.Response(200, content=kept[0])

    client = httpx.AsyncClient(transport=httpx.MockTransport(replay))
    anchors = {kind: (judged.world.authority.ca_certificate(kind),) for kind in Kind}
    judged.judge = Verifier(StatusClient(client, URL), anchors)
    judged.serial(judged.sign(judged.card, 1))
    with pytest.raises(StatusUnavailable):
        judged.serial(judged.sign(judged.card, 1))


ANSWERS: dict[str, tuple[httpx.Response, type[SignInError]]] = {
    "unknown": (httpx.Response(404, json={}), Refused),
    "broken": (httpx.Response(500), Unavailable),
    "forbidden": (httpx.Response(403, json={"person": "x"}), Unavailable),
    "no JSON": (httpx.Response(200, content=b"<"), Unavailable),
    "a list": (httpx.Response(200, json=[]), Unavailable),
    "nobody": (httpx.Response(200, json={"person": ""}), Unavailable),
    "no text": (httpx.Response(200, json={"person": 7}), Unavailable),
}


@pytest.mark.parametrize(("answer", "kind"), ANSWERS.values(), ids=ANSWERS.keys())
def test_what_the_authority_may_answer(answer: httpx.Response, kind: type[SignInError]) -> None:
    """Only a whole answer names a person."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: answer))
    with pytest.raises(kind):
        asyncio.run(Authority(client, URL, "token").person(1))


ORIGINS = {
    "http://127.0.0.1:8440": "http://127.0.0.1:8440",
    "http://127.0.0.1:8440/": "http://127.0.0.1:8440",
    "https://Sign-In.example:443": "https://sign-in.example",
    "http://country.test:80/base": "http://country.test",
    "http://[::1]:8440": "http://[::1]:8440",
}


@pytest.mark.parametrize(("url", "origin"), ORIGINS.items())
def test_service_and_phone_mean_the_same_origin(url: str, origin: str) -> None:
    """Both read it from the same address, however that is written."""
    config = Config(url, url, "token", {})
    assert config.origin == phone_origin(config.request_url("r")) == origin
