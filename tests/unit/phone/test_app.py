# SPDX-License-Identifier: Apache-2.0
"""Signing and signing in with the app, against a service that checks what it gets."""

import asyncio
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tegata.crypto import signatures
from tegata.crypto.keys import Scheme
from tegata.messages import TegataError
from tegata.phone.app import sign_in_bytes
from tegata.phone.app_http import origin
from tegata.phone.errors import AppError, Locked, ServiceError
from tegata.reader import BadPinFormat, Blocked, WrongPin
from tegata.reader.files import certificate_spki
from tegata.wire import b64, unb64
from unit.enrolment.kit import AUTH_PIN, FINGER, PASSWORD, Pocket, World, problem

DOCUMENT, CHALLENGE = b"%PDF-1.7 contract", bytes(range(32))
SIGNING, SIGN_IN = "http://shop.test/signing/1", "http://signin.test:8440/requests/r1"


class Shop:
    """A service that asks for a signature and for a sign-in, and keeps what it was sent.  `answer` replaces a reply."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes, bytes]] = []
        self.answer: Callable[[httpx.Request], httpx.Response | None] = lambda _: None
        self.expires_at = "2026-11-24T03:10:00Z"

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        replaced = self.answer(request)
        if replaced is not None:
            return replaced
        if request.method == "GET":
            return httpx.Response(200, json=self.request(request.url.host))
        body = json.loads(request.content)
        self.received.append((str(request.url), unb64(body["certificate"]), unb64(body["signature"])))
        return httpx.Response(200, json={"state": "approved"})

    def request(self, host: str) -> dict[str, Any]:
        """Return what the service asks."""
        common = {"service": "Shop", "expires_at": self.expires_at}
        if host == "shop.test":
            return common | {"title": "Contract", "document": b64(DOCUMENT), "media_type": "application/pdf"}
        return common | {"request_id": "r1", "challenge": b64(CHALLENGE), "scopes": ["openid"]}


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the image of an enrolled phone, made once."""
    world = World(tmp_path_factory.mktemp("enrolled"))
    pocket = world.phone()
    asyncio.run(pocket.enrol(world.card()))
    world.service.close()
    return pocket.image


@pytest.fixture
def shop() -> Shop:
    """Return the service."""
    return Shop()


@pytest.fixture
def pocket(enrolled: bytes, shop: Shop, tmp_path: Path) -> Pocket:
    """Return an enrolled phone that reaches the service under two names."""
    world = World(tmp_path)
    for host in ("shop.test", "signin.test", "evil.test"):
        world.wire.hosts[host] = httpx.MockTransport(shop.handle)
    pocket = world.phone()
    pocket.image = enrolled
    return pocket.start()


def check(shop: Shop, data: bytes) -> None:
    """The one thing received is a signature over `data` by the certificate that came with it."""
    ((_, certificate, signature),) = shop.received
    signatures.verify(certificate_spki(certificate), Scheme.RSA_PKCS1_SHA256, data, signature)


def test_signs_exactly_the_document(pocket: Pocket, shop: Shop) -> None:
    """With the signing key, its password given, and the service's answer handed back."""
    request = asyncio.run(pocket.app.signing_request(SIGNING))
    assert (request.service, request.title, request.document) == ("Shop", "Contract", DOCUMENT)
    assert asyncio.run(pocket.app.sign(SIGNING, password=PASSWORD.lower())) == {"state": "approved"}
    check(shop, DOCUMENT)


def test_a_wrong_signing_password_is_counted_until_it_is_blocked(pocket: Pocket, shop: Shop) -> None:
    """Five tries, then none; nothing was sent."""
    for left in (4, 3, 2, 1):
        with pytest.raises(WrongPin) as wrong:
            asyncio.run(pocket.app.sign(SIGNING, password="WRONG1"))
        assert wrong.value.tries_left == left
    for _ in range(2):
        with pytest.raises(Blocked):
            asyncio.run(pocket.app.sign(SIGNING, password="WRONG1"))
    with pytest.raises(Blocked):
        asyncio.run(pocket.app.sign(SIGNING, password=PASSWORD))
    assert shop.received == []


def test_what_cannot_be_a_password_costs_no_try(pocket: Pocket) -> None:
    """Refused before the element sees it."""
    with pytest.raises(BadPinFormat):
        asyncio.run(pocket.app.sign(SIGNING, password="x"))
    assert pocket.phone.describe()["tries_left"]["signing"] == 5


@pytest.mark.parametrize("by", ["finger", "pin"])
def test_signs_in_with_the_origin_that_was_contacted(pocket: Pocket, shop: Shop, by: str) -> None:
    """By finger or by PIN: the signed bytes are prefix, origin, request and challenge."""
    secret: dict[str, str] = {"finger": FINGER} if by == "finger" else {"pin": AUTH_PIN}
    request = asyncio.run(pocket.app.sign_in_request(SIGN_IN))
    assert (request.service, request.scopes, request.challenge) == ("Shop", ("openid",), CHALLENGE)
    assert asyncio.run(pocket.app.sign_in(SIGN_IN, **secret)) == {"state": "approved"}
    check(shop, b"tegata sign-in v1\0http://signin.test:8440\0r1\0" + CHALLENGE)


def test_a_look_alike_gets_a_signature_that_names_the_look_alike(pocket: Pocket, shop: Shop) -> None:
    """It passes on the honest service's challenge; the phone signs whom it spoke to."""
    asyncio.run(pocket.app.sign_in("http://evil.test/requests/r1", pin=AUTH_PIN))
    with pytest.raises(signatures.BadSignature):
        check(shop, sign_in_bytes("http://signin.test:8440", "r1", CHALLENGE))
    check(shop, sign_in_bytes("http://evil.test", "r1", CHALLENGE))


def test_a_finger_opens_the_screen_and_serves_once(pocket: Pocket, shop: Shop) -> None:
    """The match that signed in is used up for the antenna too."""
    pocket.phone.sleep()
    asyncio.run(pocket.app.sign_in(SIGN_IN, finger=FINGER))
    assert pocket.phone.unlocked
    assert pocket.phone._match is None


@pytest.mark.parametrize("secrets", [{}, {"finger": FINGER, "pin": AUTH_PIN}])
def test_a_sign_in_wants_one_secret(pocket: Pocket, secrets: dict[str, str]) -> None:
    """Not none, not two."""
    with pytest.raises(AppError, match=r"phone\.finger_or_pin"):
        asyncio.run(pocket.app.sign_in(SIGN_IN, **secrets))


def test_a_locked_phone_signs_nothing(pocket: Pocket, shop: Shop) -> None:
    """Neither with the password nor with the PIN; the tries stay."""
    pocket.phone.sleep()
    with pytest.raises(Locked, match=r"phone\.locked"):
        asyncio.run(pocket.app.sign(SIGNING, password=PASSWORD))
    with pytest.raises(Locked, match=r"phone\.locked"):
        asyncio.run(pocket.app.sign_in(SIGN_IN, pin=AUTH_PIN))
    assert shop.received == []


def test_a_phone_without_certificates_signs_nothing(pocket: Pocket) -> None:
    """The app says so before it asks anybody."""
    fresh = pocket._world.phone(3)
    with pytest.raises(AppError, match=r"phone\.not_enrolled"):
        asyncio.run(fresh.app.sign(SIGNING, password=PASSWORD))
    assert pocket._world.wire.calls == []


def test_an_expired_request_is_not_signed(pocket: Pocket, shop: Shop) -> None:
    """By the country's clock, to the second."""
    shop.expires_at = "2026-11-24T03:00:00Z"
    with pytest.raises(AppError, match=r"phone\.request_expired"):
        asyncio.run(pocket.app.sign(SIGNING, password=PASSWORD))
    with pytest.raises(AppError, match=r"phone\.request_expired"):
        asyncio.run(pocket.app.sign_in(SIGN_IN, pin=AUTH_PIN))
    assert shop.received == []


def test_a_refusal_carries_the_services_own_words(pocket: Pocket, shop: Shop) -> None:
    """Reason, what and next are there for a screen, and in the error's own text."""
    shop.answer = lambda request: (
        problem(422, "verify.revoked.affiliation_changed") if request.method == "POST" else None
    )
    with pytest.raises(ServiceError) as refused:
        asyncio.run(pocket.app.sign(SIGNING, password=PASSWORD))
    error = refused.value
    assert (error.service_reason, error.facts["status"]) == ("verify.revoked.affiliation_changed", 422)
    assert "What: verify.revoked.affiliation_changed" in error.text("ja").what
    assert error.text("en").next == "Next."


def test_a_refusal_carries_the_services_facts_but_cannot_pose_as_the_phones_own(pocket: Pocket, shop: Shop) -> None:
    """A screen words the refusal in its reader's language; no long ones, none under our names."""
    said = {
        "revoked_at": "2026-11-24",
        "left": 2,
        "deep": {},
        "long": "x" * 500,
        "status": 1,
        "clause": "x",
        "service_reason": "x",
    }
    refusal = httpx.Response(422, json={"reason": "verify.held", "detail": "What.", "next": "Next.", "facts": said})
    shop.answer = lambda request: refusal if request.method == "POST" else None
    with pytest.raises(ServiceError) as refused:
        asyncio.run(pocket.app.sign(SIGNING, password=PASSWORD))
    ours = {"service_reason": "verify.held", "service_what": "What.", "service_next": "Next.", "status": 422}
    assert refused.value.facts == {"revoked_at": "2026-11-24", "left": 2} | ours
    assert refused.value.clause is None


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=["no", "object"]),
        httpx.Response(302, headers={"location": "http://evil.test/"}),
        httpx.Response(502, text="Bad gateway"),
        httpx.Response(200, json={"service": "Shop"}),
        httpx.Response(200, json=Shop().request("shop.test") | {"document": "%%%"}),
        httpx.Response(200, json=Shop().request("shop.test") | {"expires_at": "2026-11-24T03:10:00"}),
        httpx.Response(404, text="Not found"),
    ],
)
def test_an_answer_that_is_none_is_a_service_error(pocket: Pocket, shop: Shop, reply: httpx.Response) -> None:
    """Broken JSON, redirects, gateways' pages, missing members, times without a zone: the phone signs nothing."""
    shop.answer = lambda _: copy.copy(reply)
    with pytest.raises(ServiceError):
        asyncio.run(pocket.app.sign(SIGNING, password=PASSWORD))
    assert shop.received == []
    assert pocket._world.wire.calls == ["GET /signing/1"]


def test_a_service_that_is_away_can_be_asked_again(pocket: Pocket, shop: Shop) -> None:
    """Nothing is lost but the call; the signature afterwards is the same."""
    pocket._world.wire.lose = ["/signing/1", "/signing/1"]
    for _ in range(2):
        with pytest.raises(ServiceError, match=r"phone\.service_unreachable"):
            asyncio.run(pocket.app.sign(SIGNING, password=PASSWORD))
    asyncio.run(pocket.app.sign(SIGNING, password=PASSWORD))
    assert len({signature for _, _, signature in shop.received}) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8440/a/b?c", "http://127.0.0.1:8440"),
        ("HTTPS://Example.JP/x", "https://example.jp"),
        ("https://example.jp:443/x", "https://example.jp"),
        ("http://example.jp:443", "http://example.jp:443"),
        ("http://[::1]:8440/", "http://[::1]:8440"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, expected: str) -> None:
    """A default port is left out (RFC 6454 §6.1)."""
    assert origin(url) == expected


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x/", "javascript:alert(1)", "http://user@host/", "http:///x", "http://host:port/", "http://例え.jp/"],
)
def test_an_address_that_is_none_is_refused(pocket: Pocket, url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(AppError, match=r"phone\.bad_url"):
        asyncio.run(pocket.app.sign_in(url, pin=AUTH_PIN))


def test_errors_of_the_app_carry_no_secret(pocket: Pocket, shop: Shop) -> None:
    """Whatever fails, PIN and password stand in no error."""
    shop.answer = lambda request: problem(422, "shop.no") if request.method == "POST" else None
    for act in (pocket.app.sign(SIGNING, password=PASSWORD), pocket.app.sign_in(SIGN_IN, pin=AUTH_PIN)):
        with pytest.raises(TegataError) as refused:
            asyncio.run(act)
        assert PASSWORD not in repr(refused.value.__dict__)
        assert AUTH_PIN not in repr(refused.value.__dict__)


def test_the_element_forgets_what_was_verified_after_each_act(pocket: Pocket) -> None:
    """A reader that comes by afterwards finds nothing open."""
    asyncio.run(pocket.app.sign(SIGNING, password=PASSWORD))
    assert pocket.phone.element._state.session.verified == frozenset()
