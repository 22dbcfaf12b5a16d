# SPDX-License-Identifier: Apache-2.0
"""How people come to live in the country: a town hall enters them in its register and issues each a card.

Every step names a request that depends on the person alone, so settling somebody may be broken off anywhere and
repeated: what was done is found done.  PINs are the same for everybody and no secret; they are the country's toys,
chosen in `PINS`.
"""

import asyncio
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Final

from tegata.card.image import CardImage
from tegata.clock import Clock
from tegata.sandbox.errors import NotFound, Refused
from tegata.sandbox.gateway import Gateway
from tegata.sandbox.keypool import KeyPool
from tegata.sandbox.personas import Persona
from tegata.sandbox.things import Person, Thing, Things, utc

PINS: Final = {"auth_pin": "1234", "signing_password": "ABC123", "card_pin": "1234"}
"""What every person of the country chooses at the counter: for the authentication certificate, for the signing
certificate, and for the card's other applications.
"""

_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{0,47}")
"""As long as a persona's own slug (40) and a number behind it."""

Progress = Callable[[int, int], None]
"""Told how many of how many people are settled."""


class Population:
    """Lets people into the country and sees to it that each ends up registered, with a card."""

    def __init__(
        self,
        things: Things,
        gateway: Gateway,
        clock: Clock,
        pool: KeyPool | None,
        personas: Mapping[str, Persona],
        issuer_key: Callable[[str], bytes],
    ) -> None:
        self._things = things
        self._gateway = gateway
        self._clock = clock
        self._pool = pool
        self.issuer_key = issuer_key
        self._lock = asyncio.Lock()
        self.personas = personas

    def admit(self, persona: str, slug: str | None = None) -> Person:
        """Let a persona into the country under `slug`, by default her own or the next free `name-2`.

        Who is there already as the same persona is returned.  Raises `NotFound` (`sandbox.unknown_persona`), `Refused`
        (`sandbox.bad_slug`; `sandbox.slug_taken` when somebody else has it).
        """
        if persona not in self.personas:
            raise NotFound("sandbox.unknown_persona", persona=persona[:40])
        wanted = self._free(persona) if slug is None else slug
        if not _SLUG.fullmatch(wanted):
            raise Refused("sandbox.bad_slug")
        if (found := self._things.known(wanted)) is not None and found.persona != persona:
            raise Refused("sandbox.slug_taken", slug=wanted)
        self._things.add_people({wanted: persona})
        return self._things.person(wanted)

    def admit_first(self, count: int) -> None:
        """Let the first `count` personas into a new country, all at once; one that has people stays as it is."""
        if count and not self._things.counted()[1]:
            self._things.add_people({slug: slug for slug in list(self.personas)[:count]})

    def _free(self, persona: str) -> str:
        numbered = (f"{persona}-{number}" if number > 1 else persona for number in itertools.count(1))
        return next(slug for slug in numbered if self._things.known(slug) is None)

    async def settle_all(self, progress: Progress) -> None:
        """Settle everybody who is not settled yet, in the order they came."""
        people = self._things.people()
        waiting = [person for person in people if not person.settled]
        for done, person in enumerate(waiting, len(people) - len(waiting)):
            progress(done, len(people))
            await self.settle(person.slug)
        progress(len(people), len(people))

    async def settle(self, slug: str) -> Person:
        """Register a person and issue her card; returns at once when both is done.  Raises `PartyProblem`."""
        async with self._lock:
            return await self._settle(slug)

    async def _settle(self, slug: str) -> Person:
        person = self._things.person(slug)
        if person.settled:
            return person
        code = person.resident_code or await self._register(person)
        await self._issue_card(person.slug, code)
        self._things.settled(slug)
        return self._things.person(slug)

    async def _register(self, person: Person) -> str:
        persona = self.personas.get(person.persona)
        if persona is None:
            raise NotFound("sandbox.unknown_persona", persona=person.persona)
        entry = persona.registration(f"register.{person.slug}", await self._head(person, persona))
        code = str((await self._gateway.post("/municipality/v1/residents", entry))["resident_code"])
        self._things.registered(person.slug, code)
        return code

    async def _head(self, person: Person, persona: Persona) -> str | None:
        """Return the register's code of the head of the household; whoever came without her is the head of her own."""
        head = self._things.known(persona.household)
        if head is None or head.slug == person.slug or person.slug != person.persona:
            return None
        return (await self._settle(head.slug)).resident_code

    async def _issue_card(self, slug: str, code: str) -> None:
        cards = self._things.listed("card", slug)
        card_id = cards[0].thing_id if cards else self.blank_card(slug)
        if self._pool is not None:
            await asyncio.to_thread(self._pool.wait, 2)
        body = {"request_id": f"card.{card_id}", "card_id": card_id, **PINS}
        await self._gateway.post(f"/municipality/v1/residents/{code}/card", body)

    def blank_card(self, slug: str) -> str:
        """Put a blank card with the person's name on the pile, as its maker delivers it; returns its number."""
        card_id = self._things.next_id("card")
        image = CardImage.blank("card", self.issuer_key(card_id), card_id)
        self._things.add(Thing(card_id, "card", slug, utc(self._clock.now())), image.to_bytes())
        return card_id
