# SPDX-License-Identifier: Apache-2.0
"""A small world for enrolment: an authority that issues real certificates, a card, phones, one wire between them.

The authority keeps its books in memory and signs with the verifier's test authority; whatever it certifies it first
checks for possession, as the real one does.  The wire can be cut, or can lose an answer after the act was done.
"""

import functools
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.x509 import ocsp

from tegata.card import Card, CardImage
from tegata.clock import SetClock
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.enrolment.config import Config
from tegata.enrolment.http import create_app
from tegata.enrolment.service import Service
from tegata.jpki import Carrier, Kind
from tegata.phone.app import App
from tegata.phone.device import Phone
from tegata.reader import JpkiSession, personalise, run
from tegata.reader.script import Script
from tegata.wire import b64, unb64
from unit.verify import kit as certificates

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
AUTHORITY, ENROLMENT = "http://authority.test", "http://enrolment.test"
TOKENS = {"enrolment": "enrolment-token", "hotline": "hotline-token"}
CARD_PASSWORD, AUTH_PIN, PASSWORD = "CARDPASS1", "2468", "PHONE9X"
FINGER = "right thumb"


@functools.cache
def key(number: int) -> SoftwareKey:
    """Return the n-th RSA key of a stock that all tests share."""
    return SoftwareKey.generate(Algorithm.RSA_2048)


STOCK = 10


def find(spki: bytes) -> SoftwareKey:
    """Return the key of the stock with this public half."""
    return next(key(number) for number in range(STOCK) if key(number).spki == spki)


def key_source(first: int = 2) -> Callable[[Algorithm], SoftwareKey]:
    """Return a source of keys that goes through the stock; the first two are the card's."""
    numbers = itertools.count(first)
    return lambda _: key(2 + (next(numbers) - 2) % (STOCK - 2))


@functools.cache
def authority(kind: Kind) -> certificates.Authority:
    """Return the certification authority of a kind, with a quick key."""
    return certificates.Authority(kind, SoftwareKey.generate(Algorithm.EC_P384))


ANCHORS = {kind: (authority(kind).der,) for kind in Kind}


def issuer_key(serial: str) -> bytes:
    """Return the issuer key of an element; `LookupError` for one that is nobody's."""
    if not serial.startswith("PHONE"):
        raise LookupError(serial)
    return serial.encode().ljust(16, b".")[:16]


@dataclass
class Pair:
    """What the authority keeps of one request."""

    person: str
    answer: dict[str, Any]
    serials: dict[Kind, int]
    status: str = "good"
    told: list[str] = field(default_factory=list)


@dataclass
class FakeAuthority:
    """The authority towards the enrolment service, in memory.  `refuse` makes it say no with that reason."""

    cards: dict[int, str] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    revoked: dict[tuple[Kind, int], x509.ReasonFlags] = field(default_factory=dict)
    der: dict[tuple[Kind, int], bytes] = field(default_factory=dict)
    refuse: str | None = None
    serials: Iterator[int] = field(default_factory=lambda: itertools.count(1000))
    clock: SetClock = field(default_factory=lambda: SetClock(NOW))

    def certify_card(self, kind: Kind, spki: bytes, person: str) -> bytes:
        """Issue a card's certificate outside of this test's subject."""
        serial = next(self.serials)
        self.cards[serial] = person
        return self._issue(kind, serial, find(spki), Carrier.CARD)

    def _issue(self, kind: Kind, serial: int, subject: SoftwareKey, carrier: Carrier) -> bytes:
        made = authority(kind).issue(subject, serial=serial, carrier=carrier)
        self.der[kind, serial] = made
        return made

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one HTTP request."""
        path = request.url.path
        if path.startswith("/ocsp/"):
            kind = Kind(path.removeprefix("/ocsp/"))
            return httpx.Response(200, content=self._status(kind, request.content))
        body = json.loads(request.content)
        role = "hotline" if path.endswith("/holds") else "enrolment"
        assert request.headers["authorization"] == f"Bearer {TOKENS[role]}"
        if self.refuse:
            return problem(422, self.refuse)
        path = path.removeprefix("/authority/v1/")
        if path == "phone-certificates":
            return self._certify(body)
        if path == "holds":
            return self._end(body["issue_request_id"], "held", x509.ReasonFlags.certificate_hold)
        _, request_id, act = path.split("/")
        reason = x509.ReasonFlags.cessation_of_operation if act == "discarded" else None
        return self._end(request_id, act, reason)

    def _status(self, kind: Kind, request: bytes) -> bytes:
        asked = ocsp.load_der_ocsp_request(request)
        reason = self.revoked.get((kind, asked.serial_number))
        nonce = asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        return authority(kind).respond(
            self.der[kind, asked.serial_number],
            status=ocsp.OCSPCertStatus.REVOKED if reason else ocsp.OCSPCertStatus.GOOD,
            reason=reason,
            revoked_at=self.clock.now(),
            this_update=self.clock.now(),
            next_update=self.clock.now() + timedelta(minutes=15),
            nonce=nonce,
        )

    def _certify(self, body: dict[str, Any]) -> httpx.Response:
        done = self.pairs.get(body["request_id"])
        if done is None:
            person = self.cards[int(body["parent_serial"])]
            superseded = [i for i, p in self.pairs.items() if p.person == person and p.status == "good"]
            for request_id in superseded:
                self._end(request_id, "superseded", x509.ReasonFlags.superseded)
            done = self.pairs[body["request_id"]] = self._new(person, body, superseded)
        return httpx.Response(200, json=done.answer)

    def _new(self, person: str, body: dict[str, Any], superseded: list[str]) -> Pair:
        answer: dict[str, Any] = {"superseded_requests": superseded}
        serials = {}
        for kind in Kind:
            serials[kind] = next(self.serials)
            spki = possessed(unb64(body[f"{kind.value}_csr"]))
            made = self._issue(kind, serials[kind], find(spki), Carrier.PHONE)
            answer[kind.value] = {"certificate": b64(made), "serial": str(serials[kind])}
        return Pair(person, answer, serials)

    def _end(self, request_id: str, act: str, reason: x509.ReasonFlags | None) -> httpx.Response:
        pair = self.pairs.get(request_id)
        if pair is None:
            return problem(404, "authority.unknown_request")
        pair.told.append(act)
        if reason is not None and pair.status == "good":
            pair.status = act
            self.revoked.update({(kind, serial): reason for kind, serial in pair.serials.items()})
        return httpx.Response(200, json={"held": [str(serial) for serial in pair.serials.values()]})

    def live(self) -> list[Pair]:
        """Return the pairs whose certificates are good."""
        return [pair for pair in self.pairs.values() if pair.status == "good"]


def problem(status: int, reason: str) -> httpx.Response:
    """Return a problem document."""
    return httpx.Response(status, json={"reason": reason, "detail": f"What: {reason}", "next": "Next."})


def possessed(request: bytes) -> bytes:
    """Return the public key of a certification request that was signed with its private half."""
    info, identifier, bits = der.read(request).children()
    spki = info.children()[2].raw
    assert identifier.raw == signatures.algorithm_identifier(Scheme.RSA_PKCS1_SHA256)
    signatures.verify(spki, Scheme.RSA_PKCS1_SHA256, info.raw, bits.value[1:])
    return spki


class Wire(httpx.AsyncBaseTransport):
    """Carries requests by host name.  Hosts in `cut` do not answer; `lose` names calls whose answer is lost, once."""

    def __init__(self) -> None:
        self.hosts: dict[str, httpx.AsyncBaseTransport] = {}
        self.cut: set[str] = set()
        self.lose: list[str] = []
        self.calls: list[str] = []
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request."""
        host = request.url.host
        self.calls.append(f"{request.method} {request.url.path}")
        self.bodies.append(request.content)
        if host in self.cut:
            raise httpx.ConnectError("cut", request=request)
        response = await self.hosts[host].handle_async_request(request)
        lost = next((part for part in self.lose if part in request.url.path), None)
        if lost is not None:
            self.lose.remove(lost)
            raise httpx.ReadError("lost", request=request)
        return response


class Killed(BaseException):
    """The process dies here."""


class World:
    """A clock, an authority, one enrolment service on a file, and whatever phones and cards a test makes."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.path = folder / "enrolment.sqlite"
        self.clock = SetClock(NOW)
        self.authority = FakeAuthority(clock=self.clock)
        self.wire = Wire()
        self.wire.hosts["authority.test"] = httpx.MockTransport(self.authority.handle)
        self.http = httpx.AsyncClient(transport=self.wire)
        self.config = Config(
            authority_url=AUTHORITY,
            enrolment_token=TOKENS["enrolment"],
            hotline_token=TOKENS["hotline"],
            anchors=ANCHORS,
            tokens={"hotline": "call-centre"},
            **settings,
        )
        self.on_commit: Callable[[str], None] = lambda _: None
        self.service = self.start()

    def start(self) -> Service:
        """Start the service, or start it again after `stop` or a kill."""
        self.service = Service.open(
            self.config, self.clock, self.http, self.path, issuer_key=issuer_key, on_commit=lambda n: self.on_commit(n)
        )
        self.wire.hosts["enrolment.test"] = httpx.ASGITransport(create_app(self.service))
        return self.service

    def restart(self) -> Service:
        """Lose everything that was only in memory."""
        self.service.close()
        return self.start()

    def card(self, person: str = "hanako") -> Card:
        """Issue a person's card."""
        keys = iter((key(0), key(1)))
        card = Card(CardImage.blank("card", bytes(16), f"CARD{person}"), keys=lambda _: next(keys))
        run(self._personalise(person), card.transmit)
        card.reset()
        return card

    def _personalise(self, person: str) -> Script[None]:
        yield from personalise.open_issuer_session(bytes(16))
        issued = {}
        for kind in Kind:
            spki = yield from personalise.generate_key(kind)
            issued[kind] = self.authority.certify_card(kind, spki, person)
        yield from personalise.install(issued, {kind: anchor[0] for kind, anchor in ANCHORS.items()})
        yield from personalise.set_pins(personalise.Pins("1234", CARD_PASSWORD, "1234", "1234"))
        yield from personalise.finish()

    def phone(self, number: int = 1, model: str = "TG-A1") -> "Pocket":
        """Return a new phone, set up by its owner."""
        return Pocket(self, number, model)

    def serial(self, card: Card) -> int:
        """Return the serial number of a card's signing certificate."""
        session = JpkiSession(card.transmit)
        session.verify(Kind.SIGNING, CARD_PASSWORD)
        certificate = session.certificate(Kind.SIGNING)
        card.reset()
        return x509.load_der_x509_certificate(certificate).serial_number


class Pocket:
    """A phone with its app and with what it has written to its memory."""

    def __init__(self, world: World, number: int, model: str) -> None:
        self._world = world
        self.before_persist: Callable[[], None] = lambda: None
        self.after_persist: Callable[[], None] = lambda: None
        self._keys = key_source(2 + 2 * number)
        serial = f"PHONE{number:04}"
        self.image = Phone.make(
            serial,
            maker="Tegata",
            model=model,
            platform="android",
            issuer_key=issuer_key(serial),
            passcode="4711",
            fingers=frozenset({FINGER}),
        )
        self.start()

    def start(self) -> "Pocket":
        """Switch the phone on, from what it last wrote."""
        self.phone = Phone.load(self.image, on_persist=self._persist, keys=self._keys)
        self.app = App(self.phone, self._world.http, ENROLMENT, self._world.clock)
        return self

    def _persist(self, image: bytes) -> None:
        self.before_persist()
        self.image = image
        self.after_persist()

    async def enrol(self, card: Card, finger: str | None = FINGER) -> Any:
        """Enrol with the usual secrets."""
        card.reset()
        return await self.app.enrol(
            card.transmit,
            card_password=CARD_PASSWORD,
            auth_pin=AUTH_PIN,
            signing_password=PASSWORD,
            finger=finger,
        )
