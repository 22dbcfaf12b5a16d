# SPDX-License-Identifier: Apache-2.0
"""Enrolment with the real authority and a card that the real municipality issued."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import tegata.authority.http
from tegata.authority.config import Config as AuthorityConfig
from tegata.authority.service import Authority
from tegata.card import Card, CardImage
from tegata.clock import SetClock
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.enrolment.config import Config
from tegata.enrolment.model import State
from tegata.jpki import Kind
from tegata.municipality.config import Config as TownConfig
from tegata.municipality.model import Happening, Pins
from tegata.municipality.service import Municipality
from tegata.phone.errors import ServiceError
from tegata.reader.memory import insert
from tegata.reader.script import Transmit
from unit.enrolment.kit import AUTHORITY, CARD_PASSWORD, NOW, TOKENS, Killed, Pocket, Wire, World, key
from unit.municipality.kit import HANAKO

CARD = "CARD0001"
MUNICIPALITY, OPERATOR = "municipality-token", "operator-token"


class Country(World):
    """A world whose authority and town hall are the real ones."""

    def __init__(self, folder: Path, keys: Iterator[SoftwareKey]) -> None:
        self.folder, self.path = folder, folder / "enrolment.sqlite"
        self.clock, self.vault, self.keys = SetClock(NOW), Vault(bytes(32)), keys
        self.wire = Wire()
        self.http = httpx.AsyncClient(transport=self.wire)
        self.on_commit = lambda _: None
        self.open_authority()
        self.config = Config(
            authority_url=AUTHORITY,
            enrolment_token=TOKENS["enrolment"],
            hotline_token=TOKENS["hotline"],
            anchors={kind: (self.real.ca_certificate(kind),) for kind in Kind},
            tokens={"hotline": "call-centre"},
        )
        self.service = self.start()
        self.blank = Card(CardImage.blank("card", bytes(16), CARD), keys=lambda _: next(self.keys))
        self.town = Municipality.open(
            TownConfig(AUTHORITY, MUNICIPALITY),
            self.clock,
            self.http,
            self.vault,
            folder / "municipality.sqlite",
            card_on_counter=self._counter,
            issuer_key=lambda _: bytes(16),
        )
        self.resident = self.town.register("entry", HANAKO).code
        asyncio.run(self.town.issue_card("issue", self.resident, CARD, Pins("1234", CARD_PASSWORD, "4321")))

    def open_authority(self) -> None:
        """Start the authority, or start it again."""
        tokens = TOKENS | {"municipality": MUNICIPALITY, "operator": OPERATOR}
        self.real = Authority.open(
            AuthorityConfig(AUTHORITY, tokens),
            self.clock,
            self.vault,
            self.folder / "authority.sqlite",
            keys=self._key,
            on_commit=lambda name: self.on_commit(name),
        )
        self.wire.hosts["authority.test"] = httpx.ASGITransport(tegata.authority.http.create_app(self.real))

    def _key(self, algorithm: Algorithm) -> SoftwareKey:
        return next(self.keys) if algorithm is Algorithm.RSA_2048 else SoftwareKey.generate(algorithm)

    def _counter(self, _: str) -> Transmit:
        return insert(self.blank)

    def restart_all(self) -> None:
        """Both services die and come back."""
        self.real.close()
        self.open_authority()
        asyncio.run(self.real.recover())
        self.restart()
        asyncio.run(self.service.recover())

    def certificates(self, carrier: str = "phone") -> list[dict[str, Any]]:
        """Ask the authority for the person's certificates on cards or phones."""
        response = asyncio.run(
            self.http.get(
                f"{AUTHORITY}/authority/v1/certificates",
                params={"resident_code": self.resident},
                headers={"Authorization": f"Bearer {OPERATOR}"},
            )
        )
        return [one for one in response.json()["certificates"] if one["carrier"] == carrier]

    def statuses(self) -> list[tuple[str, str, str | None]]:
        """Return kind, status and reason of each phone certificate, in the order of issue."""
        return [(one["kind"], one["status"], one["reason"]) for one in self.certificates()]

    def pocket(self, number: int = 1) -> Pocket:
        """Return a new phone whose element makes keys that nobody has seen."""
        made = self.phone(number)
        made._keys = lambda _: next(self.keys)
        return made.start()

    def close(self) -> None:
        """Close every file."""
        self.service.close()
        self.real.close()
        self.town.close()


def stock() -> Iterator[SoftwareKey]:
    """Yield the keys of the stock, each once."""
    return (key(number) for number in range(40))


@pytest.fixture
def country(tmp_path: Path) -> Iterator[Country]:
    """Return a country in which Hanako has her card."""
    made = Country(tmp_path, stock())
    yield made
    made.close()


def test_the_phones_certificates_hang_on_the_cards(country: Country) -> None:
    """Two certificates, each the child of the card's of its kind, with its end."""
    assert asyncio.run(country.pocket().enrol(country.blank)).ready
    parents = {one["kind"]: one for one in country.certificates("card")}
    children = country.certificates()
    assert {one["kind"] for one in children} == {"signing", "authentication"}
    for child in children:
        parent = parents[child["kind"]]
        assert (child["parent_serial"], child["not_after"]) == (parent["serial"], parent["not_after"])
        assert child["status"] == "good"


def test_a_second_phone_supersedes_the_first_at_the_authority_and_here(country: Country) -> None:
    """In one act there, marked here, erased there where it happened."""
    first, second = country.pocket(1), country.pocket(2)
    asyncio.run(first.enrol(country.blank))
    asyncio.run(second.enrol(country.blank))
    assert sorted(country.statuses(), key=str) == [
        ("authentication", "good", None),
        ("authentication", "revoked", "superseded"),
        ("signing", "good", None),
        ("signing", "revoked", "superseded"),
    ]
    assert [a.state for a in country.service._store.by_element("PHONE0001")] == [State.SUPERSEDED]
    assert asyncio.run(first.app.resume()).reason == "enrolment.superseded"


def test_stopping_and_losing_end_the_certificates(country: Country) -> None:
    """Stopped: no longer needed.  Reported lost: on hold."""
    pocket = country.pocket()
    asyncio.run(pocket.enrol(country.blank))
    asyncio.run(pocket.app.stop())
    assert {(status, reason) for _, status, reason in country.statuses()} == {("revoked", "cessationOfOperation")}
    asyncio.run(pocket.enrol(country.blank))
    assert len(asyncio.run(country.service.hold("call-1", "PHONE0001"))) == 2
    assert len(asyncio.run(country.service.hold("call-1", "PHONE0001"))) == 2
    assert sorted(status for _, status, _ in country.statuses()) == ["held", "held", "revoked", "revoked"]


def test_who_has_moved_enrols_with_the_card_only_after_its_certificate_is_new(country: Country) -> None:
    """The card's signing certificate ended with the old address: the reason reaches the owner's screen."""
    members = {"address": "東京都渋谷区手形町二丁目１番１号", "municipality_code": "13113"}
    asyncio.run(country.town.happen("moved", country.resident, Happening.MOVE, members))
    with pytest.raises(ServiceError) as refused:
        asyncio.run(country.pocket().enrol(country.blank))
    assert refused.value.service_reason == "verify.revoked.affiliation_changed"
    assert country.certificates() == []


def test_the_parent_can_end_between_proof_and_issue(country: Country) -> None:
    """The authority has the last word, and says why; the element keeps nothing that works."""
    pocket, moved = country.pocket(), False
    members = {"address": "東京都渋谷区手形町二丁目１番１号", "municipality_code": "13113"}

    async def between(request: httpx.Request) -> None:
        nonlocal moved
        if request.url.path.endswith("/step") and not moved:
            moved = True
            await country.town.happen("moved", country.resident, Happening.MOVE, members)

    country.http.event_hooks = {"request": [between]}
    with pytest.raises(ServiceError) as refused:
        asyncio.run(pocket.enrol(country.blank))
    assert refused.value.service_reason == "authority.parent_not_good"
    assert country.certificates() == []
    assert [a.state for a in country.service._store.by_element("PHONE0001")] == [State.REFUSED]


def test_both_services_killed_at_every_commit_end_in_one_good_pair(tmp_path: Path) -> None:
    """Authority and enrolment die together, wherever it is; the same call afterwards gets through."""
    for number in range(1, 40):
        folder = tmp_path / str(number)
        folder.mkdir()
        country = Country(folder, stock())
        pocket, count = country.pocket(), 0

        def trap(_: str, number: int = number) -> None:
            nonlocal count
            count += 1
            if count == number:
                raise Killed

        country.on_commit = trap
        try:
            asyncio.run(pocket.enrol(country.blank))
            killed = False
        except Killed:
            killed = True
            country.on_commit = lambda _: None
            country.restart_all()
            asyncio.run(pocket.enrol(country.blank))
        good = [one for one in country.certificates() if one["status"] == "good"]
        assert sorted(one["kind"] for one in good) == ["authentication", "signing"], number
        assert pocket.app.enrolment.ready
        assert country.service._store.debts() == []
        country.close()
        if not killed:
            assert number > 6
            return
    raise AssertionError("there is no end to it")
