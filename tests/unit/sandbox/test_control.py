# SPDX-License-Identifier: Apache-2.0
"""The country's hands in a real, small country: alone, in a hurry, and all at once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tegata.codecs import pem
from tegata.crypto.keys import SoftwareKey
from tegata.jpki import Kind
from tegata.reader import JpkiSession
from tegata.sandbox.openapi import BASE
from tegata.wire import b64, unb64
from unit.sandbox import kit
from unit.sandbox.kit import CARD, PHONE, SECRETS, Town


@pytest.fixture
def fresh(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> Any:
    """Return a country for one test, in which 花子 holds a card and two phones."""
    with kit.town(tmp_path, kit.over_and_over(rsa_keys)) as opened:
        opened.post("/people", {"persona": "hanako"})
        opened.post("/phones", {"holder": "hanako"})
        opened.post("/phones", {"holder": "hanako"})
        yield opened


def refused(town: Town, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
    """Return status and reason of a refusal."""
    answer = town.send(method, BASE + path, **({} if body is None else {"json": body}))
    assert answer.is_error
    return answer.status_code, answer.json()["reason"]


def transmit(town: Town, card_id: str = CARD) -> Callable[[bytes], bytes]:
    """Return what carries APDUs to a card."""
    return lambda command: unb64(town.post(f"/cards/{card_id}/apdu", {"apdu": b64(command)})["response"])


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("GET", "/people/nobody", None, "sandbox.unknown_person"),
        ("POST", "/people/nobody/events", {"kind": "move"}, "sandbox.unknown_person"),
        ("POST", "/people", {"persona": "nobody"}, "sandbox.unknown_persona"),
        ("GET", "/people?after=nobody", None, "sandbox.unknown_person"),
        ("GET", "/cards/none", None, "sandbox.unknown_card"),
        ("GET", f"/cards/{PHONE}", None, "sandbox.unknown_card"),
        ("POST", "/cards/none/apdu", {"apdu": "AKQEAAA="}, "sandbox.unknown_card"),
        ("POST", "/cards/none/reset", {}, "sandbox.unknown_card"),
        ("POST", "/phones", {"holder": "nobody"}, "sandbox.unknown_person"),
        ("POST", "/phones", {"holder": "hanako", "model": "Brick"}, "sandbox.unknown_model"),
        ("GET", "/phones/none", None, "sandbox.unknown_phone"),
        ("GET", f"/phones/{CARD}", None, "sandbox.unknown_phone"),
        ("POST", "/phones/none/touch", {}, "sandbox.unknown_phone"),
        ("POST", "/phones/none/enrol", SECRETS, "sandbox.unknown_phone"),
        ("POST", f"/phones/{PHONE}/enrol", {**SECRETS, "card_id": "none"}, "sandbox.unknown_card"),
        ("POST", "/phones/none/resume", {}, "sandbox.unknown_phone"),
        ("POST", "/phones/none/sign", {"url": "http://127.0.0.1/", "password": "x"}, "sandbox.unknown_phone"),
        ("PUT", "/reader", {"card_id": "none"}, "sandbox.unknown_card"),
        ("PUT", "/reader", {"phone_id": "none"}, "sandbox.unknown_phone"),
        ("POST", "/hotline", {"phone_id": "none"}, "sandbox.unknown_phone"),
    ],
)
def test_who_and_what_is_not_here_is_not_found(
    town: Town, method: str, path: str, body: dict[str, Any] | None, reason: str
) -> None:
    """Each unknown person, card, phone or model is 404 with a reason of its own."""
    assert refused(town, method, path, body) == (404, reason)


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("PUT", "/reader", {}, "sandbox.one_thing"),
        ("PUT", "/reader", {"card_id": CARD, "phone_id": PHONE}, "sandbox.one_thing"),
        ("POST", f"/cards/{CARD}/apdu", {"apdu": "no base64"}, "sandbox.bad_apdu"),
        ("POST", f"/cards/{CARD}/apdu", {"apdu": "カード"}, "sandbox.bad_apdu"),
        ("POST", "/people", {"persona": "hanako", "slug": "../up"}, "sandbox.bad_slug"),
        ("POST", "/people", {"persona": "hanako", "slug": "Hanako"}, "sandbox.bad_slug"),
        ("POST", "/people", {"persona": "taro", "slug": "hanako"}, "sandbox.slug_taken"),
        ("POST", f"/phones/{PHONE}/touch", {"finger": "left-toe"}, "phone.wrong_finger"),
        ("POST", f"/phones/{PHONE}/sign-in", {"url": "ftp://127.0.0.1/"}, "phone.biometrics_not_set_up"),
        ("POST", f"/phones/{PHONE}/signing-request", {"url": "ftp://127.0.0.1/"}, "phone.bad_url"),
        ("POST", f"/phones/{PHONE}/signing-request", {"url": "http://["}, "phone.bad_url"),
        ("POST", f"/phones/{PHONE}/sign-in-request", {"url": kit.URL + "/healthz"}, "phone.bad_request"),
    ],
)
def test_what_cannot_be_done_is_refused(town: Town, method: str, path: str, body: dict[str, Any], reason: str) -> None:
    """A wish that fits no thing, or that the thing itself refuses, is 422 with the reason."""
    assert refused(town, method, path, body) == (422, reason)


def test_a_refused_slug_leaves_nobody_behind(town: Town) -> None:
    """Somebody whom no register would take is not let in: she would keep the country from ever being settled."""
    before = town.get("/people")["total"]
    assert refused(town, "POST", "/people", {"persona": "hanako", "slug": "花子"})[1] == "sandbox.bad_slug"
    assert town.get("/people")["total"] == before


def test_a_person_shows_register_carriers_and_certificates(town: Town) -> None:
    """What the register says, and each certificate in PEM."""
    person = town.get("/people/hanako")
    assert person["settled"]
    assert person["cards"] == [CARD]
    assert person["phones"] == [PHONE]
    assert person["register"]["basic_four"]["name"] == person["name"]
    assert {(one["kind"], one["carrier"], one["status"]) for one in person["certificates"]} == {
        ("signing", "card", "good"),
        ("authentication", "card", "good"),
    }
    for one in person["certificates"]:
        assert pem.decode(one["certificate"].encode())[0][0] == 0x30


def test_nothing_that_anybody_may_read_tells_a_secret(town: Town) -> None:
    """No answer about people, cards and phones holds a PIN, password or passcode of theirs."""
    paths = ("/people", "/people/hanako", "/cards", f"/cards/{CARD}", "/phones", f"/phones/{PHONE}")
    shown = "".join(town.send("GET", BASE + path).text for path in paths)
    for secret in ("ABC123", '"1234"', "135790"):
        assert secret not in shown


def test_looking_at_a_card_does_not_disturb_it(town: Town) -> None:
    """Somebody is using the card, another looks what it tells everyone: the first one goes on."""
    session = JpkiSession(transmit(town))
    session.verify(Kind.AUTHENTICATION, "1234")
    shown = town.get(f"/cards/{CARD}")
    assert shown["certificates"] == ["authentication", "signing"]
    assert shown["tries_left"] == {"authentication": 3, "signing": 5}
    assert shown["atr"] == "3BE000FF8131FE4514"
    assert session.sign(Kind.AUTHENTICATION, b"still verified")


def test_resetting_a_card_ends_what_was_verified(town: Town) -> None:
    """Out of the field and back: what was verified is forgotten, counters are not."""
    session = JpkiSession(transmit(town))
    session.verify(Kind.AUTHENTICATION, "1234")
    town.post(f"/cards/{CARD}/reset", {})
    assert (
        unb64(town.post(f"/cards/{CARD}/apdu", {"apdu": b64(bytes.fromhex("00B0000001"))})["response"])[:2]
        != b"\x90\x00"
    )


@pytest.mark.parametrize("command", [b"\x00", b"\x00\xa4", bytes(4), b"\xff" * 300, bytes(65_544)])
def test_a_card_answers_every_command(town: Town, command: bytes) -> None:
    """However short, long or strange, the card itself says no with a status word."""
    assert len(transmit(town)(command)) >= 2


def test_the_reader_holds_one_thing(town: Town) -> None:
    """A thing lies there until another is put there or it is taken away; taking away twice is nothing."""
    assert town.get("/reader") == {}
    town.send("PUT", f"{BASE}/reader", json={"card_id": CARD}).raise_for_status()
    assert town.get("/reader") == {"card_id": CARD}
    town.send("PUT", f"{BASE}/reader", json={"phone_id": PHONE}).raise_for_status()
    assert town.get("/reader") == {"phone_id": PHONE}
    for _ in range(2):
        assert town.send("DELETE", f"{BASE}/reader").json() == {}
    assert town.get("/reader") == {}


def test_people_are_listed_page_by_page(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Following `next` shows everybody once, in the order they came."""
    with kit.town(tmp_path, kit.over_and_over(rsa_keys), people=5) as town:
        everybody = [one["slug"] for one in town.get("/people")["people"]]
        assert len(everybody) == 5
        seen, after = [], ""
        while after is not None:
            page = town.get("/people?limit=2" + (f"&after={after}" if after else ""))
            assert page["total"] == 5
            seen += [one["slug"] for one in page["people"]]
            after = page["next"]
        assert seen == everybody


def test_an_event_of_somebody_not_registered_yet_waits(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Nothing can happen to whom no town hall knows; she is shown all the same."""
    with kit.town(tmp_path, kit.over_and_over(rsa_keys), people=1) as town:
        (person,) = town.get("/people")["people"]
        shown = town.get(f"/people/{person['slug']}")
        assert (shown["settled"], shown["register"], shown["certificates"]) == (False, None, [])
        happening = {"kind": "death"}
        assert refused(town, "POST", f"/people/{person['slug']}/events", happening) == (422, "sandbox.not_settled")
        town.post("/phones", {"holder": person["slug"]})
        assert refused(town, "POST", f"/phones/{PHONE}/enrol", SECRETS) == (404, "sandbox.no_card")


def test_repeating_an_event_changes_nothing(fresh: Town) -> None:
    """The same request identifier is answered the same, and happens once."""
    event = {"kind": "name_change", "name": "手形　花子", "kana": "テガタ　ハナコ", "request_id": "wedding"}
    first, second = (fresh.post("/people/hanako/events", event) for _ in range(2))
    assert first == second
    assert len(fresh.get("/people/hanako")["register"]["events"]) == 1


def test_a_refusal_of_a_party_passes_through(fresh: Town) -> None:
    """What the municipality says to nonsense is what the caller reads, status and reason unchanged."""
    status, reason = refused(fresh, "POST", "/people/hanako/events", {"kind": "fly"})
    assert 400 <= status < 500
    assert reason.split(".")[0] in ("municipality", "wire")


def test_enrolling_one_phone_many_times_at_once_is_enrolling_it_once(fresh: Town) -> None:
    """Impatient taps: each is answered, the phone ends up ready, and one pair of certificates is good."""
    answers = fresh.together(*[("POST", f"/phones/{PHONE}/enrol", SECRETS)] * 3)
    assert [answer.status_code for answer in answers] == [200] * 3, [answer.text for answer in answers]
    assert fresh.get(f"/phones/{PHONE}")["enrolment"]["state"] == "installed"
    listed = [one for one in fresh.get("/people/hanako")["certificates"] if one["carrier"] == "phone"]
    assert sorted(one["kind"] for one in listed if one["status"] == "good") == ["authentication", "signing"]


def test_two_phones_cannot_tap_one_card_at_once_and_lose_nothing(fresh: Town) -> None:
    """One card on two phones: whatever is answered, nothing breaks, and afterwards one phone can be enrolled."""
    other = "TGTP000000000002"
    answers = fresh.together(*[("POST", f"/phones/{phone}/enrol", SECRETS) for phone in (PHONE, other)])
    assert {answer.status_code for answer in answers} <= {200, 422, 409}
    assert fresh.post(f"/phones/{other}/enrol", SECRETS)["enrolment"]["state"] in ("installed", "superseded")
    good = [
        one
        for one in fresh.get("/people/hanako")["certificates"]
        if (one["carrier"], one["status"]) == ("phone", "good")
    ]
    assert sorted(one["kind"] for one in good) == ["authentication", "signing"]


def test_buying_many_phones_at_once_gives_each_its_own_number(fresh: Town) -> None:
    """No two phones share a number, however close together they are bought."""
    answers = fresh.together(*[("POST", "/phones", {"holder": "hanako"})] * 4)
    assert len({answer.json()["phone_id"] for answer in answers}) == 4


def test_admitting_the_same_person_at_once_admits_her_once(fresh: Town) -> None:
    """The same slug asked for twice at the same time is one person with one card."""
    answers = fresh.together(*[("POST", "/people", {"persona": "taro", "slug": "taro-x"})] * 2)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["cards"] == answers[1].json()["cards"]
    assert len(fresh.get("/people/taro-x")["register"]["cards"]) == 1


def test_two_countries_in_one_process_do_not_meet(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Each has its own people, cards and authorities; what happens in one leaves the other as it was."""
    keys, other_url = kit.over_and_over(rsa_keys), "http://127.0.0.1:9000"
    with kit.town(tmp_path / "a", keys) as one, kit.town(tmp_path / "b", keys, url=other_url) as two:
        one.post("/people", {"persona": "hanako"})
        assert two.get("/people")["total"] == 0
        assert two.send("GET", f"{BASE}/cards/{CARD}").status_code == 404
        two.post("/people", {"persona": "taro"})
        assert one.get("/people/hanako")["cards"] == two.get("/people/taro")["cards"] == [CARD]
        transmit(one)(bytes.fromhex("00A4040C0AD392F000260100000001"))
        assert [person["slug"] for person in one.get("/people")["people"]] == ["hanako"]
        anchors = {town.send("GET", "/authority/v1/ca/signing.cer").content for town in (one, two)}
        assert len(anchors) == 2
