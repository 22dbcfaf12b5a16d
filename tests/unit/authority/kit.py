# SPDX-License-Identifier: Apache-2.0
"""An authority for tests: its own file, a clock that is set, keys that are quick to make, orders for invented people.

P-256 stands for RSA-2048 where the algorithm does not matter, because a key is then made in microseconds.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import httpx

from tegata.authority.config import Config
from tegata.authority.http import create_app
from tegata.authority.model import CardOrder, Cause, Event, Issued, PhoneOrder
from tegata.authority.service import Authority
from tegata.clock import SetClock
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, PrivateKey, Scheme, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.jpki.attributes import BasicFour, BirthDate, Sex

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
URL = "http://country.test"
ROLES = ("municipality", "enrolment", "hotline", "signin", "relying", "delivery", "operator")
TOKENS = {role: f"token-of-{role}" for role in ROLES}
VAULT = Vault(bytes(range(32)))
HANAKO, TARO = "10000000001", "10000000002"
SHIBUYA = "13113"
BIRTH = BirthDate.of(1990, 2, 28)


def four(birth: BirthDate = BIRTH, name: str = "山田　花子") -> BasicFour:
    """Return the attributes of an invented person."""
    address = "東京都渋谷区神南一丁目２番３号"
    return BasicFour(name, "0" * len(name), address, "0" * len(address), birth, Sex.FEMALE)


def new_key(algorithm: Algorithm = Algorithm.EC_P256) -> SoftwareKey:
    """Return a key that nobody has."""
    return SoftwareKey.generate(algorithm)


def csr(key: PrivateKey, *, signer: PrivateKey | None = None) -> bytes:
    """Return a PKCS#10 request for a key, signed by it, or by another to try the authority."""
    info = der.sequence(der.integer(0), der.sequence(), key.spki, der.context(0, b""))
    signing = signer or key
    scheme = Scheme.default(signing.algorithm)
    return der.sequence(info, signatures.algorithm_identifier(scheme), der.bit_string(signing.sign(scheme, info)))


@dataclass
class World:
    """An authority at work, and counters for identifiers and events."""

    authority: Authority
    clock: SetClock
    path: Path
    make_key: Callable[[], SoftwareKey] = new_key
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    sequences: dict[str, int] = field(default_factory=dict)
    on_commit: Callable[[str], None] | None = None

    def card_order(
        self,
        resident: str = HANAKO,
        *,
        request_id: str | None = None,
        birth: BirthDate = BIRTH,
        card_expires: date = date(2036, 2, 28),
        municipality: str = SHIBUYA,
        with_signing: bool = True,
    ) -> CardOrder:
        """Return an order for new keys of a card."""
        return CardOrder(
            request_id=request_id or f"card-{next(self.numbers)}",
            resident_code=resident,
            municipality_code=municipality,
            basic_four=four(birth),
            birth=birth,
            card_expires=card_expires,
            signing=csr(self.make_key()) if with_signing else None,
            authentication=csr(self.make_key()),
        )

    def card(self, resident: str = HANAKO, *, deliver: bool = True, **changes: object) -> Issued:
        """Issue a card, and hand it over."""
        issued = self.authority.certify_card(self.card_order(resident, **changes))  # type: ignore[arg-type]
        if deliver:
            self.authority.delivered(issued.request.carrier, issued.request.request_id)
        return issued

    def phone_order(self, card: Issued, request_id: str | None = None) -> PhoneOrder:
        """Return an order for new keys of a phone under a card."""
        assert card.signing is not None
        name = request_id or f"phone-{next(self.numbers)}"
        return PhoneOrder(name, card.signing.serial, csr(self.make_key()), csr(self.make_key()))

    def phone(self, card: Issued) -> Issued:
        """Issue to a phone, and install."""
        issued = self.authority.certify_phone(self.phone_order(card))
        self.authority.delivered(issued.request.carrier, issued.request.request_id)
        return issued

    def event(self, cause: Cause, resident: str = HANAKO) -> Event:
        """Return the resident's next event, not yet told."""
        sequence = self.sequences[resident] = self.sequences.get(resident, 0) + 1
        return Event(f"event-{next(self.numbers)}", sequence, resident, cause, self.clock.now())

    def http(self, role: str | None = None) -> httpx.AsyncClient:
        """Return a client of the authority's routes, with the token of a role."""
        headers = {"Authorization": f"Bearer {TOKENS[role]}"} if role else {}
        transport = httpx.ASGITransport(create_app(self.authority))
        return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers)


def reopened(world: World) -> World:
    """Close the authority's file and open it again, as a restart does."""
    world.authority.close()
    config = world.authority.config
    world.authority = Authority.open(config, world.clock, VAULT, world.path, on_commit=world.on_commit)
    return world


@contextmanager
def opened(
    folder: Path,
    *,
    algorithm: Algorithm = Algorithm.EC_P256,
    keys: Callable[[Algorithm], SoftwareKey] = SoftwareKey.generate,
    on_commit: Callable[[str], None] | None = None,
) -> Iterator[World]:
    """Open an authority in a folder."""
    path, clock = folder / "authority.sqlite", SetClock(NOW)
    authority = Authority.open(Config(URL, TOKENS, algorithm), clock, VAULT, path, keys=keys, on_commit=on_commit)
    world = World(authority, clock, path, on_commit=on_commit)
    try:
        yield world
    finally:
        world.authority.close()
