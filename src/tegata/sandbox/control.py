# SPDX-License-Identifier: Apache-2.0
"""What the country's hands can do: people, cards, phones, events, the kiosk's reader, clients, the hotline.

Hands have no rules: they put a card on a reader, press a finger on a sensor, fill in a form at a town hall.
Whether that leads anywhere is decided by the card, the phone and the parties, which are asked the way everybody
asks them. Method names are those of the operations in `openapi`.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tegata.clock import Clock
from tegata.codecs import pem
from tegata.jpki import Kind, municipalities
from tegata.phone.app import App
from tegata.phone.device import Phone
from tegata.reader import Element, JpkiSession, ReaderError
from tegata.reader.memory import insert
from tegata.sandbox.errors import NotFound, Refused
from tegata.sandbox.gateway import Gateway
from tegata.sandbox.population import Population
from tegata.sandbox.things import Person, Thing, Things, utc
from tegata.wire import b64, unb64

PASSCODE: Final = "135790"
"""Screen lock of every phone of the country."""
FINGER: Final = "right-index"
"""The finger that every owner enrols."""
MODEL: Final = "TG-A1"


@dataclass(slots=True)
class Reader:
    """The contactless reader of the kiosk, and what lies on it."""

    element: Element | None = None
    facts: dict[str, str] = field(default_factory=dict)

    def put(self, element: Element, facts: dict[str, str]) -> None:
        """Put something on it, which powers it anew."""
        element.reset()
        self.element, self.facts = element, facts

    def clear(self) -> None:
        """Take away whatever lies on it."""
        self.element, self.facts = None, {}


class Control:
    """The hands.  `phone_http` is what phones reach the world with."""

    def __init__(
        self,
        things: Things,
        gateway: Gateway,
        population: Population,
        clock: Clock,
        reader: Reader,
        phone_http: httpx.AsyncClient,
        enrolment_url: str,
    ) -> None:
        self._things = things
        self._gateway = gateway
        self._population = population
        self._clock = clock
        self._reader = reader
        self._phone_http = phone_http
        self._enrolment_url = enrolment_url
        self._apps: dict[str, App] = {}

    # -- people ---------------------------------------------------------------------------------------------------

    def people(self, limit: int = 100, after: str | None = None) -> dict[str, Any]:
        """Return who lives here, in the order they came."""
        found = self._things.people(after, limit + 1)
        shown = found[:limit]
        return {
            "people": [self._listed(person) for person in shown],
            "total": self._things.counted()[1],
            "next": shown[-1].slug if len(found) > limit else None,
        }

    def personas(self) -> dict[str, Any]:
        """Return who could come."""
        return {"personas": [self._persona(slug) for slug in self._population.personas]}

    def _persona(self, slug: str) -> dict[str, Any]:
        persona = self._population.personas[slug]
        place = municipalities.by_code(persona.municipality_code)
        return {
            "persona": slug,
            "name": persona.name,
            "romaji": persona.romaji,
            "municipality": f"{place.prefecture_ja}{place.name_ja}",
            "municipality_code": persona.municipality_code,
            "note_ja": persona.note_ja,
            "note_en": persona.note_en,
        }

    def _listed(self, person: Person) -> dict[str, Any]:
        known = person.persona in self._population.personas
        return {
            **(self._persona(person.persona) if known else {"persona": person.persona}),
            "slug": person.slug,
            "settled": person.settled,
            "cards": [card.thing_id for card in self._things.listed("card", person.slug)],
            "phones": [phone.thing_id for phone in self._things.listed("phone", person.slug)],
        }

    async def admit(self, persona: str, slug: str | None = None) -> dict[str, Any]:
        """Let a persona move in, register her and issue her card."""
        person = self._population.admit(persona, slug)
        await self._population.settle(person.slug)
        return await self.person(person.slug)

    async def person(self, slug: str) -> dict[str, Any]:
        """Return a person with register entry, carriers and certificates."""
        person = self._things.person(slug)
        shown = self._listed(person)
        if person.resident_code is None:
            return {**shown, "register": None, "certificates": []}
        register = await self._gateway.get(f"/municipality/v1/residents/{person.resident_code}")
        listed = await self._gateway.get("/authority/v1/certificates", params={"resident_code": person.resident_code})
        return {**shown, "register": register, "certificates": [_with_pem(one) for one in listed["certificates"]]}

    async def happen(self, slug: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Tell the town hall that something happened to a person."""
        person = self._things.person(slug)
        if person.resident_code is None:
            raise Refused("sandbox.not_settled", person=slug)
        content = {"request_id": secrets.token_hex(12), **body}
        return await self._gateway.post(f"/municipality/v1/residents/{person.resident_code}/events", content)

    # -- cards ----------------------------------------------------------------------------------------------------

    def cards(self) -> dict[str, Any]:
        """Return all cards."""
        return {"cards": [_thing(card, "card_id") for card in self._things.listed("card")]}

    def card(self, card_id: str) -> dict[str, Any]:
        """Return what a card tells everyone."""
        found = self._things.find("card", card_id)
        card = self._things.looked_at(card_id)
        return {**_thing(found, "card_id"), "atr": card.atr.hex().upper(), **_public_facts(card)}

    def apdu(self, card_id: str, apdu: str) -> dict[str, Any]:
        """Send a command to a card."""
        try:
            command = unb64(apdu)
        except ValueError as error:
            raise Refused("sandbox.bad_apdu") from error
        return {"response": b64(self._things.card(card_id).transmit(command))}

    def reset_card(self, card_id: str) -> dict[str, Any]:
        """Reset a card."""
        self._things.card(card_id).reset()
        return {}

    # -- phones ---------------------------------------------------------------------------------------------------

    def phones(self) -> dict[str, Any]:
        """Return all phones."""
        return {"phones": [_thing(phone, "phone_id") for phone in self._things.listed("phone")]}

    async def models(self) -> dict[str, Any]:
        """Return the models that can be bought."""
        return await self._gateway.get("/enrolment/v1/devices")

    async def buy_phone(self, holder: str, model: str = MODEL) -> dict[str, Any]:
        """Give a person a new phone."""
        self._things.person(holder)
        sold = {entry["model"]: entry for entry in (await self.models())["models"]}
        if model not in sold:
            raise NotFound("sandbox.unknown_model", model=model[:40])
        phone_id = self._things.next_id("phone")
        image = Phone.make(
            phone_id,
            maker=sold[model]["maker"],
            model=model,
            platform=sold[model]["platform"],
            issuer_key=self._population.issuer_key(phone_id),
            passcode=PASSCODE,
            fingers=frozenset({FINGER}),
        )
        self._things.add(Thing(phone_id, "phone", holder, utc(self._clock.now())), image)
        return self.phone(phone_id)

    def phone(self, phone_id: str) -> dict[str, Any]:
        """Return what a phone shows."""
        found = self._things.find("phone", phone_id)
        return {**_thing(found, "phone_id"), **self._things.phone(phone_id).describe()}

    def touch(self, phone_id: str, finger: str = FINGER) -> dict[str, Any]:
        """Put a finger on the sensor."""
        self._things.phone(phone_id).touch(finger)
        return self.phone(phone_id)

    def passcode(self, phone_id: str, passcode: str) -> dict[str, Any]:
        """Type the passcode."""
        self._things.phone(phone_id).enter(passcode)
        return self.phone(phone_id)

    def sleep(self, phone_id: str) -> dict[str, Any]:
        """Turn the screen off."""
        self._things.phone(phone_id).sleep()
        return self.phone(phone_id)

    async def enrol(
        self,
        phone_id: str,
        card_password: str,
        auth_pin: str,
        signing_password: str,
        card_id: str | None = None,
        finger: str = FINGER,
    ) -> dict[str, Any]:
        """Tap a card and have certificates put into the phone."""
        card = self._things.card(card_id or self._newest_card(phone_id))
        await self._app(phone_id).enrol(
            insert(card),
            card_password=card_password,
            auth_pin=auth_pin,
            signing_password=signing_password,
            finger=finger,
        )
        return self.phone(phone_id)

    def _newest_card(self, phone_id: str) -> str:
        holder = self._things.find("phone", phone_id).holder
        cards = self._things.listed("card", holder)
        if not cards:
            raise NotFound("sandbox.no_card", person=holder)
        return cards[-1].thing_id

    async def resume(self, phone_id: str) -> dict[str, Any]:
        """Go on with what was broken off."""
        await self._app(phone_id).resume()
        return self.phone(phone_id)

    async def stop_phone(self, phone_id: str) -> dict[str, Any]:
        """Stop using a phone."""
        await self._app(phone_id).stop()
        return self.phone(phone_id)

    async def signing_request(self, phone_id: str, url: str) -> dict[str, Any]:
        """Read what is to be signed."""
        request = await self._app(phone_id).signing_request(url)
        return {
            "service": request.service,
            "title": request.title,
            "document": b64(request.document),
            "media_type": request.media_type,
            "expires_at": utc(request.expires_at),
        }

    async def sign(self, phone_id: str, url: str, password: str) -> dict[str, Any]:
        """Sign it."""
        return {"answer": await self._app(phone_id).sign(url, password=password)}

    async def sign_in_request(self, phone_id: str, url: str) -> dict[str, Any]:
        """Read who asks to sign in."""
        request = await self._app(phone_id).sign_in_request(url)
        return {
            "service": request.service,
            "scopes": list(request.scopes),
            "expires_at": utc(request.expires_at),
        }

    async def sign_in(
        self, phone_id: str, url: str, finger: str | None = None, pin: str | None = None
    ) -> dict[str, Any]:
        """Approve a sign-in."""
        by_finger = None if pin is not None else finger or FINGER
        return {"answer": await self._app(phone_id).sign_in(url, finger=by_finger, pin=pin)}

    def _app(self, phone_id: str) -> App:
        if phone_id not in self._apps:
            phone = self._things.phone(phone_id)
            self._apps[phone_id] = App(phone, self._phone_http, self._enrolment_url, self._clock)
        return self._apps[phone_id]

    # -- the kiosk's reader, the hotline, clients -----------------------------------------------------------------

    def on_reader(self) -> dict[str, Any]:
        """Return what lies on the kiosk's reader."""
        return dict(self._reader.facts)

    def put_on_reader(self, card_id: str | None = None, phone_id: str | None = None) -> dict[str, Any]:
        """Put a card or a phone on the kiosk's reader."""
        if (card_id is None) == (phone_id is None):
            raise Refused("sandbox.one_thing")
        if card_id is not None:
            self._reader.put(self._things.card(card_id), {"card_id": card_id})
        elif phone_id is not None:
            self._reader.put(self._things.phone(phone_id).antenna(), {"phone_id": phone_id})
        return self.on_reader()

    def clear_reader(self) -> dict[str, Any]:
        """Take it away."""
        self._reader.clear()
        return {}

    async def hotline(self, phone_id: str, request_id: str | None = None) -> dict[str, Any]:
        """Report a phone as lost."""
        self._things.find("phone", phone_id)
        body = {"request_id": request_id or secrets.token_hex(12), "element": phone_id}
        return await self._gateway.post("/enrolment/v1/holds", body, role="hotline")

    async def clients(self) -> dict[str, Any]:
        """Return the services that may use sign-in."""
        return await self._gateway.get("/signin/v1/clients")

    async def add_client(self, **body: Any) -> dict[str, Any]:
        """Register a service with the sign-in service."""
        return await self._gateway.post("/signin/v1/clients", body)


def _thing(thing: Thing, name: str) -> dict[str, str]:
    return {name: thing.thing_id, "holder": thing.holder, "made_at": thing.made_at}


def _with_pem(listed: Mapping[str, Any]) -> dict[str, Any]:
    return {**listed, "certificate": pem.encode(unb64(listed["certificate"]))}


def _public_facts(element: Element) -> dict[str, Any]:
    element.reset()
    session = JpkiSession(element.transmit)
    try:
        present = session.certificates_present()
        tries = {kind.value: session.retries(kind) for kind in Kind}
        return {"token": session.token(), "certificates": sorted(kind.value for kind in present), "tries_left": tries}
    except ReaderError as error:
        return {"unreadable": error.reason}
