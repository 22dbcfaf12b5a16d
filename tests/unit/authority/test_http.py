# SPDX-License-Identifier: Apache-2.0
"""The wire: the real clients of the other parties are served, roles are kept apart, and errors say what and next."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tegata.authority import http_status, ocsp
from tegata.authority.model import Cause
from tegata.enrolment.authority import Authority as EnrolmentClient
from tegata.enrolment.errors import Refused as EnrolmentRefused
from tegata.enrolment.model import Act, Debt, Pair
from tegata.jpki import Kind
from tegata.kiosk.delivery.partners import Authority as DeliveryClient
from tegata.municipality.authority import Authority as MunicipalityClient
from tegata.municipality.errors import Refused as MunicipalityRefused
from tegata.municipality.model import CardIssue, Event, Requests, Resident
from tegata.signin.authority import Authority as SigninClient
from tegata.storage import StorageError
from tegata.wire import b64
from tegata.wire.status import StatusClient
from unit.authority.kit import BIRTH, HANAKO, NOW, SHIBUYA, TOKENS, URL, World, csr, four, new_key
from unit.authority.test_status import cert_id, request

BASE = "/authority/v1"


def talk(world: World, talking: Callable[[httpx.AsyncClient], Awaitable[Any]], role: str | None = None) -> Any:
    """Let somebody talk to the authority with the token of a role."""

    async def whole() -> Any:
        async with world.http(role) as http:
            return await talking(http)

    return asyncio.run(whole())


def call(world: World, role: str | None, method: str, path: str, body: Any = None) -> httpx.Response:
    """Make one call."""
    response = talk(world, lambda http: http.request(method, path, json=body), role)
    assert isinstance(response, httpx.Response)
    return response


def resident() -> Resident:
    """Return an invented person as the municipality knows her."""
    return Resident(
        code=HANAKO,
        municipality_code=SHIBUYA,
        name="山田　花子",
        kana="ヤマダ　ハナコ",
        address=four().address,
        birth=BIRTH,
        sex=four().sex,
        individual_number="",
        household=HANAKO,
        relationship="世帯主",
        since=date(2020, 1, 1),
    )


def issue(request_id: str = "issue-1") -> CardIssue:
    """Return a card on its way, with the requests of its new keys."""
    requests = Requests(csr(new_key()), csr(new_key()))
    return CardIssue(request_id, "card-0001", HANAKO, date(2036, 2, 28), requests=requests)


def test_the_municipalitys_client_is_served(world: World) -> None:
    """From the order to the event, each call twice."""

    async def talking(http: httpx.AsyncClient) -> None:
        client = MunicipalityClient(http, URL, TOKENS["municipality"])
        for kind in Kind:
            assert await client.ca_certificate(kind) == world.authority.ca_certificate(kind)
        order = issue()
        first, again = await client.certify(order, resident()), await client.certify(order, resident())
        assert first == again
        assert first.signing
        for _ in range(2):
            await client.delivered(order.request_id)
        event = Event("event-1", HANAKO, 1, "moved", NOW)
        assert (await client.tell(event))["revoked"] == [first.signing_serial]
        assert (await client.tell(event))["revoked"] == [first.signing_serial]
        for _ in range(2):
            await client.discarded(order.request_id)
        await client.discarded("never heard of")
        with pytest.raises(MunicipalityRefused) as caught:
            await client.tell(Event("event-3", HANAKO, 3, "died", NOW))
        assert caught.value.facts["because"] == "authority.event_out_of_order"

    talk(world, talking)
    assert [one.revocation is not None for one in world.authority.certificates(HANAKO)] == [True, True]


def test_a_minor_gets_one_certificate(world: World) -> None:
    """`signing_csr` is null, and so is the answer's signing member."""

    async def talking(http: httpx.AsyncClient) -> None:
        client = MunicipalityClient(http, URL, TOKENS["municipality"])
        order = issue()
        assert order.requests
        only = CardIssue(
            "issue-2", "c", HANAKO, order.card_expires, requests=Requests(None, order.requests.authentication)
        )
        got = await client.certify(only, resident())
        assert got.signing is None
        assert got.signing_serial is None
        assert got.authentication_serial == "2"

    talk(world, talking)


def test_the_enrolment_services_client_is_served(world: World) -> None:
    """Two phones of one person, installed, stopped, lost."""
    card = world.card()
    assert card.signing is not None
    parent = card.signing.serial

    async def talking(http: httpx.AsyncClient) -> None:
        client = EnrolmentClient(http, URL, TOKENS["enrolment"], TOKENS["hotline"])
        one, two = (Pair(csr(new_key()), csr(new_key())) for _ in range(2))
        first = await client.certify("one", parent, one)
        assert await client.certify("one", parent, one) == first
        await client.tell(Debt("one", Act.INSTALLED))
        second = await client.certify("two", parent, two)
        assert second.superseded == ("one",)
        held = await client.tell(Debt("two", Act.HELD, "call-1"))
        assert len(held) == 2
        await client.tell(Debt("two", Act.DISCARDED))
        with pytest.raises(EnrolmentRefused) as caught:
            await client.certify("three", 77, one)
        assert caught.value.reason == "authority.unknown_parent"

    talk(world, talking)


def test_the_holder_is_told_to_each_as_much_as_it_needs(world: World) -> None:
    """The delivery centre learns who; the sign-in service and relying parties an opaque identifier of their own."""
    card = world.card()
    phone = world.phone(card)

    async def talking(http: httpx.AsyncClient) -> None:
        delivery = DeliveryClient(http, URL, TOKENS["delivery"])
        holder = await delivery.holder(Kind.AUTHENTICATION, phone.authentication.serial)
        assert (holder.resident_code, holder.municipality_code) == (HANAKO, SHIBUYA)
        signin = SigninClient(http, URL, TOKENS["signin"])
        person = await signin.person(card.authentication.serial)
        assert person == await signin.person(phone.authentication.serial)
        assert HANAKO not in person
        body = {"kind": "signing", "serial": str(phone.signing and phone.signing.serial)}
        relying = await http.post(
            f"{BASE}/holders", json=body, headers={"Authorization": f"Bearer {TOKENS['relying']}"}
        )
        assert set(relying.json()) == {"person"}
        assert relying.json()["person"] != person

    talk(world, talking)
    missing = call(world, "signin", "POST", f"{BASE}/holders", {"kind": "signing", "serial": "99"})
    assert (missing.status_code, missing.json()["reason"]) == (404, "authority.unknown_certificate")


def test_the_status_client_is_served(world: World) -> None:
    """The same bytes as from the desk."""
    card = world.card()
    question = request(cert_id(world, card.authentication.serial, Kind.AUTHENTICATION))

    async def talking(http: httpx.AsyncClient) -> None:
        client = StatusClient(http, URL)
        answer = await client.ocsp("authentication", question)
        assert answer == world.authority.status.answer(Kind.AUTHENTICATION, question).der
        listed = await client.crl("authentication", SHIBUYA)
        assert listed == world.authority.status.revocation_list(Kind.AUTHENTICATION, SHIBUYA).der

    talk(world, talking)


def test_the_operator_sees_certificates_and_the_log(world: World) -> None:
    """Oldest first, with what they are worth now."""
    card = world.card()
    phone = world.phone(card)
    world.authority.happen(world.event(Cause.MOVED))
    listed = call(world, "operator", "GET", f"{BASE}/certificates?resident_code={HANAKO}").json()["certificates"]
    assert [(one["carrier"], one["kind"], one["status"]) for one in listed] == [
        ("card", "signing", "revoked"),
        ("card", "authentication", "good"),
        ("phone", "signing", "revoked"),
        ("phone", "authentication", "good"),
    ]
    first, last = listed[0], listed[-1]
    assert (first["reason"], first["revoked_at"]) == ("affiliationChanged", "2026-11-24T03:00:00Z")
    assert last["certificate"] == b64(phone.authentication.der or b"")
    assert (last["parent_serial"], last["request_id"]) == (str(card.authentication.serial), phone.request.request_id)
    assert (last["not_before"], last["not_after"]) == ("2026-11-24T03:00:00Z", "2031-02-28T14:59:59Z")

    log = call(world, "operator", "GET", f"{BASE}/audit").json()
    assert log["head"] == {"number": log["entries"][-1]["number"], "hash": log["entries"][-1]["hash"]}
    rest = call(world, "operator", "GET", f"{BASE}/audit?after=3").json()
    assert rest["entries"] == log["entries"][3:]
    assert call(world, "operator", "GET", f"{BASE}/audit?after=-1").status_code == 400


ROUTES = [
    ("POST", "/card-certificates", {"municipality"}),
    ("POST", "/card-certificates/1/delivered", {"municipality"}),
    ("POST", "/card-certificates/1/discarded", {"municipality"}),
    ("POST", "/events", {"municipality"}),
    ("POST", "/phone-certificates", {"enrolment"}),
    ("POST", "/phone-certificates/1/installed", {"enrolment"}),
    ("POST", "/phone-certificates/1/discarded", {"enrolment"}),
    ("POST", "/holds", {"hotline"}),
    ("POST", "/holders", {"signin", "relying", "delivery"}),
    ("GET", "/certificates", {"operator"}),
    ("GET", "/audit", {"operator"}),
]


@pytest.mark.parametrize(("method", "path", "roles"), ROUTES)
def test_each_role_has_its_own_doors(world: World, method: str, path: str, roles: set[str]) -> None:
    """No token: 401.  Another's token: 403.  Its own: anything else."""
    assert call(world, None, method, BASE + path, {}).status_code == 401
    for role in TOKENS:
        status = call(world, role, method, BASE + path, {}).status_code
        assert (status == 403) is (role not in roles), role


def good_order(world: World) -> dict[str, Any]:
    """Return the body of a good order."""
    return {
        "request_id": "issue-1",
        "resident_code": HANAKO,
        "municipality_code": SHIBUYA,
        "basic_four": four().to_json(),
        "birth_date": "1990-02-28",
        "card_expires": "2036-02-28",
        "signing_csr": b64(csr(world.make_key())),
        "authentication_csr": b64(csr(world.make_key())),
    }


@pytest.mark.parametrize(
    ("member", "value", "status", "reason"),
    [
        ("request_id", "", 400, "wire.bad_field"),
        ("request_id", "x" * 101, 400, "wire.bad_field"),
        ("resident_code", None, 400, "wire.bad_field"),
        ("municipality_code", "99999", 422, "jpki.unknown_municipality"),
        ("basic_four", [], 400, "wire.bad_field"),
        ("basic_four", {}, 422, "jpki.bad_attributes"),
        ("birth_date", "1990-2-28", 400, "wire.bad_field"),
        ("birth_date", "1990-02-30", 400, "wire.bad_field"),
        ("birth_date", "1990-00-28", 400, "wire.bad_field"),
        ("birth_date", "19900228", 400, "wire.bad_field"),
        ("birth_date", "1991-02-28", 422, "authority.birth_differs"),
        ("card_expires", "soon", 400, "wire.bad_field"),
        ("card_expires", "2026-11-24", 422, "authority.card_expired"),
        ("signing_csr", 1, 400, "wire.bad_field"),
        ("signing_csr", "!", 400, "wire.bad_field"),
        ("authentication_csr", None, 400, "wire.bad_field"),
        ("authentication_csr", "AAAA", 422, "authority.bad_request"),
    ],
)
def test_a_bad_order_is_refused_with_its_reason(
    world: World, member: str, value: Any, status: int, reason: str
) -> None:
    """And nothing of it is recorded; the value itself is not echoed."""
    body = good_order(world) | {member: value}
    response = call(world, "municipality", "POST", f"{BASE}/card-certificates", body)
    assert (response.status_code, response.json()["reason"]) == (status, reason)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["next"]
    assert world.authority.certificates(HANAKO) == []
    assert call(world, "municipality", "POST", f"{BASE}/card-certificates", good_order(world)).status_code == 201


def test_unknown_parts_of_a_birth_date_are_zeros(world: World) -> None:
    """`1990-02-00`: some day in February."""
    unknown = four(BIRTH.of(1990, 2, 0)).to_json()
    body = good_order(world) | {"birth_date": "1990-02-00", "basic_four": unknown}
    assert call(world, "municipality", "POST", f"{BASE}/card-certificates", body).status_code == 201


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"kind": "married"}, 422, "authority.unknown_event"),
        ({"kind": "reported_lost"}, 422, "authority.unknown_event"),  # a cause, but not of the municipality's
        ({"sequence": 0}, 400, "wire.bad_field"),
        ({"sequence": "1"}, 400, "wire.bad_field"),
        ({"sequence": True}, 400, "wire.bad_field"),
        ({"sequence": 2}, 409, "authority.event_out_of_order"),
        ({"occurred_at": "2026-11-24T03:00:00"}, 400, "wire.bad_field"),
        ({"occurred_at": "yesterday"}, 400, "wire.bad_field"),
        ({"event_id": ""}, 400, "wire.bad_field"),
    ],
)
def test_a_bad_event_is_refused_with_its_reason(world: World, change: dict[str, Any], status: int, reason: str) -> None:
    """Nothing happens by it."""
    body = {
        "event_id": "event-1",
        "sequence": 1,
        "resident_code": HANAKO,
        "kind": "moved",
        "occurred_at": "2026-11-24T03:00:00Z",
    }
    response = call(world, "municipality", "POST", f"{BASE}/events", body | change)
    assert (response.status_code, response.json()["reason"]) == (status, reason)
    assert call(world, "municipality", "POST", f"{BASE}/events", body).json() == {"revoked": [], "certificates": []}


def test_other_acts_and_kinds_are_not_found(world: World) -> None:
    """A phone is installed, a card delivered; there are two authorities."""
    for path in ("/card-certificates/1/installed", "/card-certificates/1/revoked"):
        assert call(world, "municipality", "POST", BASE + path).status_code == 404
    assert call(world, "enrolment", "POST", f"{BASE}/phone-certificates/1/delivered").status_code == 404
    for path in (f"{BASE}/ca/nothing.cer", "/crl/nothing/13113.crl", "/crl/signing/99999.crl", "/ocsp/nothing/AAAA"):
        assert call(world, None, "GET", path).status_code == 404


# -- status ------------------------------------------------------------------------------------------------------------


def test_a_question_may_be_asked_by_get(world: World) -> None:
    """Base64 in the path, escaped or not; with a nonce nothing is kept, without it for as long as the answer lives."""
    card = world.card()
    question = request(cert_id(world, card.authentication.serial, Kind.AUTHENTICATION))
    plain = base64.b64encode(question).decode()
    for form in (plain, quote(plain, safe="")):
        response = call(world, None, "GET", f"/ocsp/authentication/{form}")
        assert response.content == world.authority.status.answer(Kind.AUTHENTICATION, question).der
        assert response.headers["content-type"] == "application/ocsp-response"
        assert response.headers["cache-control"] == "max-age=900, public, no-transform, must-revalidate"
        assert response.headers["last-modified"] == "Tue, 24 Nov 2026 03:00:00 GMT"
        assert response.headers["expires"] == "Tue, 24 Nov 2026 03:15:00 GMT"
    with_nonce = request(cert_id(world, 1), nonce=b"n")
    response = call(world, None, "GET", f"/ocsp/authentication/{base64.b64encode(with_nonce).decode()}")
    assert response.headers["cache-control"] == "no-store"


def test_base64_with_slashes_and_pluses_is_read(world: World) -> None:
    """Both stand for themselves in a path; a serial number is found that has many of them."""
    question = request(cert_id(world, int.from_bytes(b"\x3f\xff\xfb\xff\xef\xbe" * 3, "big")))
    plain = base64.b64encode(question).decode()
    assert "//" in plain or "/" in plain
    assert "+" in plain
    response = call(world, None, "GET", f"/ocsp/signing/{plain}")
    assert response.content == world.authority.status.answer(Kind.SIGNING, question).der


def test_what_a_cache_knows_already_is_not_sent_again(world: World) -> None:
    """By its entity tag; a change sends the new list."""
    world.card()
    path = f"/crl/signing/{SHIBUYA}.crl"

    def again(etag: str) -> httpx.Response:
        found = talk(world, lambda http: http.get(path, headers={"If-None-Match": f'"other", {etag}'}))
        assert isinstance(found, httpx.Response)
        return found

    first = call(world, None, "GET", path)
    assert first.headers["content-type"] == "application/pkix-crl"
    assert first.headers["cache-control"] == "no-cache"
    unchanged = again(first.headers["etag"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == first.headers["etag"]
    world.authority.happen(world.event(Cause.MOVED))
    changed = again(first.headers["etag"])
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("body", [b"", b"junk", bytes(5000), bytes(100_000)])
def test_what_is_no_question_gets_an_ocsp_error(world: World, body: bytes) -> None:
    """HTTP is well; the answer says `malformedRequest`."""
    response = talk(world, lambda http: http.post("/ocsp/signing", content=body))
    assert (response.status_code, response.content) == (200, ocsp.MALFORMED)
    assert response.content == bytes.fromhex("30030a0101")
    assert response.headers["content-type"] == "application/ocsp-response"


@pytest.mark.parametrize("path", ["", "junk!", "AAA", "A" * 8000, "%FF%FE"])
def test_what_is_no_base64_gets_an_ocsp_error(world: World, path: str) -> None:
    """The same by GET."""
    response = call(world, None, "GET", f"/ocsp/signing/{path}")
    assert (response.status_code, response.content) == (200, ocsp.MALFORMED)
    assert response.headers["cache-control"] == "no-store"


def test_a_disk_that_fails_gets_try_later(world: World) -> None:
    """`tryLater` tells clients what a 503 would not; and nothing is said about the certificate."""

    class Failing:
        def answer(self, kind: Kind, data: bytes) -> None:
            raise StorageError("storage.io", file="authority")

    counter = http_status.StatusCounter(Failing())  # type: ignore[arg-type]
    response = counter._answer(Kind.SIGNING, b"")
    assert response.body == ocsp.TRY_LATER == bytes.fromhex("30030a0103")


def test_an_authority_past_its_end_says_internal_error(world: World) -> None:
    """It has no key left that anybody would trust."""
    world.clock.advance(days=365 * 12)
    response = talk(world, lambda http: http.post("/ocsp/signing", content=request(cert_id(world, 1))))
    assert (response.status_code, response.content) == (200, ocsp.INTERNAL_ERROR)


def test_the_index_of_lists(world: World) -> None:
    """Every municipality, by its address."""
    listed = call(world, None, "GET", "/crl/").json()["lists"]
    paths = [one["path"] for one in listed]
    assert f"/crl/signing/{SHIBUYA}.crl" in paths
    assert "/crl/authentication/ca.crl" in paths
    for path in paths[:3]:
        assert call(world, None, "GET", path).status_code == 200
    assert call(world, None, "GET", "/crl/").json()["lists"][0]["number"] == 1
