# SPDX-License-Identifier: Apache-2.0
"""Browser and phone at the desk: who may approve, who may continue, and how a sign-in ends otherwise."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from tegata.crypto.keys import Scheme, SoftwareKey
from tegata.signin import rules
from tegata.signin.errors import Conflict
from tegata.signin.model import RequestAct, RequestState, Session, SessionAct, SessionState, Wish
from tegata.signin.proof import signed_bytes
from tegata.verify import Rejected, StatusUnavailable
from tegata.wire import b64, unb64
from unit.signin.kit import BASE, NOW, Phone, World, answer


@pytest.fixture
def phone(world: World, rsa_keys: Sequence[SoftwareKey]) -> Phone:
    """Return a phone that may sign in."""
    return world.phone(rsa_keys[0])


# -- the browser ------------------------------------------------------------------------------------------------------


def test_the_cookie_is_closed_to_scripts_and_bound_to_one_request(world: World) -> None:
    """HttpOnly, SameSite=Lax, only below this request's address, and as long-lived as the request."""
    response = asyncio.run(world.http.get(world.party.wish()))
    cookie = response.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Max-Age=600", "Path=/signin/v1/requests/"):
        assert part in cookie
    assert "Secure" not in cookie  # this country has no TLS


def test_only_the_browser_that_began_may_continue_or_cancel(world: World, phone: Phone) -> None:
    """Whoever reads the code over somebody's shoulder gets no session; another request's cookie does not help."""

    async def story() -> None:
        url = await world.begin()
        await phone.approve(world.http, url)
        stranger = world.browser()
        await stranger.get(world.party.wish())
        for attempt in (stranger.get(f"{url}/continue"), stranger.post(f"{url}/cancel")):
            refused = await attempt
            assert refused.status_code == 422
            assert "location" not in refused.headers
            assert "別のブラウザー" in refused.text
        other = next(iter(stranger.cookies.values()))
        forced = await stranger.get(f"{url}/continue", headers={"Cookie": f"tegata_sign_in={other}"})
        assert forced.status_code == 422
        assert "code" in answer(await world.http.get(f"{url}/continue"))

    asyncio.run(story())


def test_continuing_too_early_shows_the_page_again(world: World, phone: Phone) -> None:
    """Without JavaScript the person asks by hand; nothing is lost, and the same code is shown."""

    async def story() -> None:
        url = await world.begin()
        early = await world.http.get(f"{url}/continue")
        assert early.status_code == 200
        assert "まだ承認されていません" in early.text
        assert f'href="{url}"' in early.text
        await phone.approve(world.http, url)
        assert "code" in answer(await world.http.get(f"{url}/continue"))

    asyncio.run(story())


def test_continuing_twice_gives_the_same_answer(world: World, phone: Phone) -> None:
    """A browser that lost the answer gets it again: no second code comes into the world."""

    async def story() -> None:
        url = await world.begin()
        await phone.approve(world.http, url)
        first = answer(await world.http.get(f"{url}/continue"))
        world.clock.advance(seconds=5)
        assert answer(await world.http.get(f"{url}/continue")) == first
        assert (await world.token(world.party.form(first["code"]))).status_code == 200

    asyncio.run(story())


def test_continuing_again_does_not_prolong_the_code(world: World, phone: Phone) -> None:
    """Its sixty seconds began with the first answer."""

    async def story() -> int:
        url = await world.begin()
        await phone.approve(world.http, url)
        await world.http.get(f"{url}/continue")
        world.clock.advance(seconds=60)
        code = answer(await world.http.get(f"{url}/continue"))["code"]
        return (await world.token(world.party.form(code))).status_code

    assert asyncio.run(story()) == 400


def test_cancelling_tells_the_service(world: World, phone: Phone) -> None:
    """`access_denied`, the same at every repeat; the phone comes too late."""
    told = {"error": "access_denied", "error_description": "User cancelled authentication", "state": "s-1"}

    async def story() -> None:
        url = await world.begin()
        assert answer(await world.http.post(f"{url}/cancel")) == told
        assert answer(await world.http.post(f"{url}/cancel")) == told
        assert answer(await world.http.get(f"{url}/continue")) == told
        late = await world.http.get(url)
        assert (late.status_code, late.json()["reason"]) == (409, "signin.request_cancelled")
        assert (await world.http.get(f"{url}/state")).json()["state"] == "cancelled"

    asyncio.run(story())


def test_an_approved_sign_in_can_still_be_cancelled_but_not_a_finished_one(world: World, phone: Phone) -> None:
    """Until the code is out."""

    async def story() -> None:
        url = await world.begin()
        await phone.approve(world.http, url)
        assert answer(await world.http.post(f"{url}/cancel"))["error"] == "access_denied"
        assert answer(await world.http.get(f"{url}/continue"))["error"] == "access_denied"
        url = await world.begin()
        await phone.approve(world.http, url)
        await world.http.get(f"{url}/continue")
        assert (await world.http.post(f"{url}/cancel")).status_code == 409

    asyncio.run(story())


def test_ten_minutes_are_all_there_is(world: World, phone: Phone) -> None:
    """Then the phone is told so, and the browser goes back with a description of its own."""

    async def story() -> None:
        waiting, approved = await world.begin(), await world.begin()
        await phone.approve(world.http, approved)
        world.clock.advance(seconds=599)
        assert (await world.http.get(waiting)).status_code == 200
        world.clock.advance(seconds=1)
        late = await world.http.get(waiting)
        assert (late.status_code, late.json()["reason"]) == (410, "signin.request_expired")
        for url in (waiting, approved):
            told = answer(await world.http.get(f"{url}/continue"))
            assert told == {
                "error": "access_denied",
                "error_description": "Authentication request expired",
                "state": "s-1",
            }

    asyncio.run(story())


def test_an_ended_request_is_forgotten_after_an_hour(world: World, phone: Phone) -> None:
    """With all that tied a person to it; the tokens of a session live on."""

    async def story() -> None:
        url = await world.begin()
        await phone.approve(world.http, url)
        code = answer(await world.http.get(f"{url}/continue"))["code"]
        tokens = (await world.token(world.party.form(code))).json()
        for _ in range(4):
            world.clock.advance(seconds=1200)
            tokens = (await world.token(world.party.refresh(tokens["refresh_token"]))).json()
            await world.http.get(world.party.wish())
        assert (await world.http.get(url)).status_code == 404
        gone = await world.http.get(f"{url}/continue")
        assert (gone.status_code, gone.headers["content-type"]) == (404, "text/html; charset=utf-8")

    asyncio.run(story())


def test_nobody_has_such_a_request(world: World) -> None:
    """An identifier that was never given, or that is no text at all."""
    for name in ("x", "A" * 24, "%00", "..%2fx", "あ"):
        assert asyncio.run(world.http.get(f"/signin/v1/requests/{name}")).status_code == 404
        assert asyncio.run(world.http.get(f"/signin/v1/requests/{name}/state")).status_code == 404
        assert asyncio.run(world.http.get(f"/signin/v1/requests/{name}/continue")).status_code == 404


@pytest.mark.parametrize("act", ["continue", "state", ""])
def test_a_preview_of_a_link_ends_nothing(world: World, phone: Phone, act: str) -> None:
    """HEAD is not allowed."""

    async def story() -> int:
        url = await world.begin()
        return (await world.http.head(f"{url}/{act}".rstrip("/"))).status_code

    assert asyncio.run(story()) == 405


# -- the phone --------------------------------------------------------------------------------------------------------


def test_the_phone_reads_what_it_approves(world: World) -> None:
    """Service, request, 32 bytes of challenge, scope, end; and not the client's state or nonce."""

    async def story() -> None:
        asked = await world.http.get(await world.begin())
        told = asked.json()
        assert sorted(told) == ["challenge", "expires_at", "request_id", "scopes", "service"]
        assert len(unb64(told["challenge"])) == 32
        assert told["expires_at"] == "2026-11-24T03:10:00Z"
        assert asked.headers["cache-control"] == "no-store"
        assert "s-1" not in asked.text
        assert "n-1" not in asked.text

    asyncio.run(story())


def test_the_phone_may_say_it_twice(world: World, phone: Phone) -> None:
    """One that lost the answer repeats the call, before and after the browser went on."""

    async def story() -> None:
        url = await world.begin()
        for _ in range(2):
            assert (await phone.approve(world.http, url)).json() == {"state": "approved"}
        await world.http.get(f"{url}/continue")
        assert (await phone.approve(world.http, url)).json() == {"state": "approved"}

    asyncio.run(story())


def test_the_first_person_stays(world: World, phone: Phone, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Somebody else who reads the same code later is told so, and is not signed in."""
    other = world.phone(rsa_keys[1], 1002, "person-taro")

    async def story() -> None:
        url = await world.begin()
        await phone.approve(world.http, url)
        late = await other.approve(world.http, url)
        assert (late.status_code, late.json()["reason"]) == (409, "signin.already_approved")

    asyncio.run(story())


def test_two_phones_at_once_make_one_sign_in(world: World, phone: Phone, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Whoever is second hears it, however the two calls interleave."""
    other = world.phone(rsa_keys[1], 1002, "person-taro")

    async def story() -> list[int]:
        url = await world.begin()
        both = await asyncio.gather(phone.approve(world.http, url), other.approve(world.http, url))
        return sorted(response.status_code for response in both)

    assert asyncio.run(story()) == [200, 409]


def test_a_signature_is_good_for_one_request_at_one_service(world: World, phone: Phone) -> None:
    """One made for another request, another origin or another challenge is refused."""

    async def story() -> None:
        first, second = await world.begin(), await world.begin()
        asked = (await world.http.get(first)).json()
        data = signed_bytes(BASE, asked["request_id"], unb64(asked["challenge"]))
        signature = phone.key.sign(Scheme.RSA_PKCS1_SHA256, data)
        body = {"certificate": b64(phone.key.spki), "signature": b64(signature)}
        stolen = await world.http.post(second, json=body)
        assert (stolen.status_code, stolen.json()["reason"]) == (422, "verify.bad_signature")
        elsewhere = await phone.approve(world.http, second, origin="https://evil.example")
        assert elsewhere.json()["reason"] == "verify.bad_signature"
        assert (await world.http.get(f"{second}/state")).json()["state"] == "waiting"
        assert (await world.http.post(first, json=body)).status_code == 200

    asyncio.run(story())


def test_the_signed_bytes_are_those_of_the_protocol() -> None:
    """Prefix, origin, request and challenge, with a zero byte between."""
    assert signed_bytes("http://h:1", "r", b"\x01\x02") == b"tegata sign-in v1\0http://h:1\0r\0\x01\x02"


REFUSALS = {
    "verify.revoked.affiliation_changed": "Certificate revoked",
    "verify.revoked.key_compromise": "Certificate revoked",
    "verify.held": "Certificate on hold",
    "verify.expired": "Certificate expired",
    "verify.untrusted": "Certificate refused",
    "verify.wrong_kind": "Certificate refused",
}


@pytest.mark.parametrize(("reason", "words"), REFUSALS.items())
def test_a_refused_certificate_is_explained_to_phone_browser_and_service(
    world: World, phone: Phone, reason: str, words: str
) -> None:
    """The phone gets the verdict, the page words without dates, the service a description when the person gives up."""
    world.judge.refusals[phone.key.spki] = Rejected(reason, revoked_at="2026-11-01T00:00:00Z")

    async def story() -> None:
        url = await world.begin()
        refused = await phone.approve(world.http, url)
        assert (refused.status_code, refused.json()["reason"]) == (422, reason)
        seen = (await world.http.get(f"{url}/state")).json()
        assert seen["state"] == "waiting"
        assert "<" not in seen["refusal"]
        assert seen["refusal"] in (await world.http.get(f"{url}/continue")).text
        told = answer(await world.http.post(f"{url}/cancel"))
        assert told == {"error": "access_denied", "error_description": words, "state": "s-1"}

    asyncio.run(story())


def test_a_refused_person_may_try_with_another_certificate(
    world: World, phone: Phone, rsa_keys: Sequence[SoftwareKey]
) -> None:
    """The card instead of the lost phone; then nothing is left of the refusal."""
    world.judge.refusals[phone.key.spki] = Rejected("verify.held")
    card = world.phone(rsa_keys[1], 1003, phone.person)

    async def story() -> None:
        url = await world.begin()
        assert (await phone.approve(world.http, url)).status_code == 422
        assert (await card.approve(world.http, url)).status_code == 200
        assert (await world.http.get(f"{url}/state")).json() == {"state": "approved"}
        assert "code" in answer(await world.http.get(f"{url}/continue"))

    asyncio.run(story())


def test_nothing_is_decided_while_another_party_is_silent(world: World, phone: Phone) -> None:
    """No status, or no authority: try again, with the same signature; the page hears nothing of it."""

    async def story() -> None:
        url = await world.begin()
        world.judge.refusals[phone.key.spki] = StatusUnavailable("verify.status_stale")
        assert (await phone.approve(world.http, url)).status_code == 503
        world.judge.refusals.clear()
        world.authority_answers = False
        silent = await phone.approve(world.http, url)
        assert (silent.status_code, silent.json()["reason"]) == (503, "signin.authority_unavailable")
        assert (await world.http.get(f"{url}/state")).json() == {"state": "waiting"}
        world.authority_answers = True
        assert (await phone.approve(world.http, url)).status_code == 200

    asyncio.run(story())


def test_a_certificate_that_the_authority_does_not_know(world: World, phone: Phone) -> None:
    """It is refused, like one of another country."""
    world.persons.clear()

    async def story() -> None:
        url = await world.begin()
        refused = await phone.approve(world.http, url)
        assert (refused.status_code, refused.json()["reason"]) == (422, "signin.unknown_certificate")

    asyncio.run(story())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"certificate": "!", "signature": "AA=="}',
        b'{"certificate": "AA=="}',
        b'{"certificate": 1}',
    ],
)
def test_a_malformed_approval(world: World, body: bytes) -> None:
    """400, and what member."""

    async def story() -> int:
        return (await world.http.post(await world.begin(), content=body)).status_code

    assert asyncio.run(story()) == 400


def test_a_huge_approval(world: World) -> None:
    """The body is bounded."""

    async def story() -> int:
        return (await world.http.post(await world.begin(), content=b"{" + b" " * 70_000)).status_code

    assert asyncio.run(story()) == 413


def test_somebodys_camera_is_sent_to_the_app(world: World) -> None:
    """Opened in a browser, the address of a request explains itself."""

    async def story() -> None:
        url = await world.begin()
        page = await world.http.get(url, headers={"Accept": "text/html,*/*", "Accept-Language": "en"})
        assert page.status_code == 200
        assert "the app on your phone" in page.text

    asyncio.run(story())


def test_the_list_is_taken_where_it_is_asked_for_if_the_profile_says_so(
    make_world: Callable[..., World], rsa_keys: Sequence[SoftwareKey]
) -> None:
    """`acr_values=aal3 crl`: by default OCSP all the same."""
    for status, expected in (("ocsp", [False, False]), ("as_requested", [True, False])):
        world = make_world()
        world.switches = {"status": status}
        world.restart()
        phone = world.phone(rsa_keys[0])
        asyncio.run(world.code(phone, acr_values="aal3 crl"))
        asyncio.run(world.code(phone, acr_values="aal3"))
        assert [proof.by_list for proof in world.judge.seen] == expected
        world.service.close()
        (world.folder / "signin.db").unlink()


# -- who somebody is --------------------------------------------------------------------------------------------------


def subjects(world: World, phones: Sequence[Phone]) -> list[str]:
    """Return the subject of each phone's holder."""

    async def story() -> list[str]:
        found = []
        for phone in phones:
            tokens = await world.tokens(phone)
            found.append(world.service.tokens.userinfo(tokens["access_token"])["sub"])
        return found

    return asyncio.run(story())


def test_a_person_keeps_her_subject_over_renewal_and_restart(world: World, rsa_keys: Sequence[SoftwareKey]) -> None:
    """The same for card and phone, another for another person."""
    card = world.phone(rsa_keys[0], 1, "hanako")
    phone = world.phone(rsa_keys[1], 2, "hanako")
    other = world.phone(rsa_keys[2], 3, "taro")
    first, second, third = subjects(world, [card, phone, other])
    world.restart()
    assert first == second == subjects(world, [card])[0]
    assert first != third


def test_the_subject_may_follow_the_certificate_to_test_clients(
    make_world: Callable[..., World], rsa_keys: Sequence[SoftwareKey]
) -> None:
    """A switch breaks the stability on purpose."""
    world = make_world(subject="certificate")
    card, phone = world.phone(rsa_keys[0], 1, "hanako"), world.phone(rsa_keys[1], 2, "hanako")
    first, second = subjects(world, [card, phone])
    assert first != second


def test_the_sector_may_be_the_host(make_world: Callable[..., World], rsa_keys: Sequence[SoftwareKey]) -> None:
    """Then two clients on one host see the same person (OpenID Connect Core §8.1)."""
    world = make_world(sector="redirect_host")
    phone = world.phone(rsa_keys[0])
    first = subjects(world, [phone])
    entry = world.party.registration() | {"client_id": "RP00000002"}
    world.service.register(entry, "RP00000002")
    world.party.client_id = "RP00000002"
    assert subjects(world, [phone]) == first


# -- the tables -------------------------------------------------------------------------------------------------------


def test_the_tables_have_no_way_back() -> None:
    """An ended request and a dead session never live again."""
    for state in rules.OVER:
        assert not [act for act in RequestAct if (state, act) in rules.REQUESTS]
    dead = {SessionState.SPENT, SessionState.REVOKED}
    assert {rules.SESSIONS[state, act] for state, act in rules.SESSIONS if state in dead} <= dead
    reached = {RequestState.WAITING, *rules.REQUESTS.values()}
    assert reached == set(RequestState)
    assert {SessionState.CODE, *rules.SESSIONS.values()} == set(SessionState)


def test_what_the_table_does_not_name_cannot_happen() -> None:
    """A code is redeemed once."""
    wish = Wish("RP1", "https://rp.example/", ("openid",), "s", "n", "c")
    session = Session("sid", wish, "sub", NOW, "digest", NOW, NOW)
    opened = rules.after(session, SessionAct.REDEEM)
    with pytest.raises(Conflict):
        rules.after(opened, SessionAct.REDEEM)
