# SPDX-License-Identifier: Apache-2.0
"""Whatever happens, in whatever order, however often repeated and wherever interrupted: the authority's promises hold.

The machine plays municipality, enrolment service, hotline, owner, clock and power supply.  After each step everything
that was ever issued is looked at, as listed, on lists and by OCSP.
"""

import dataclasses
import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ocsp as other_ocsp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tegata.authority import ocsp
from tegata.authority.errors import AuthorityError, Conflict
from tegata.authority.model import CardOrder, Cause, Certificate, Event, Issued, PhoneOrder, Revocation, Status
from tegata.authority.rules import ENDS_RESIDENCE, TOLD_BY_MUNICIPALITY
from tegata.authority.service import Authority
from tegata.codecs import der
from tegata.jpki import Carrier, Kind, municipalities
from unit.authority.kit import HANAKO, NOW, TARO, World, opened, reopened
from unit.authority.test_status import cert_id, request

RESIDENTS = (HANAKO, TARO)
WHICH = st.integers(0, 20)
PHONE_ACTS = ("phone delivered", "phone discarded", "phone lost")
PLACES = ("13113", "29201")


class PowerCut(Exception):
    """The process is gone."""


Call = Callable[[Authority], Any]


class Life(RuleBasedStateMachine):
    """People, cards and phones."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="authority-")
        self.commits_left: int | None = None
        self.opening = opened(Path(self.folder.name), on_commit=self._committed)
        self.world: World = self.opening.__enter__()
        self.calls: list[tuple[Call, Any]] = []
        self.cards: list[CardOrder] = []
        self.phones: list[PhoneOrder] = []
        self.gone: set[str] = set()
        self.ended: dict[tuple[Kind, int], Revocation] = {}
        self.order: list[tuple[Kind, int]] = []
        self.numbers: dict[tuple[Kind, str], int] = {}

    def teardown(self) -> None:
        """Look at what the world is told, then close everything."""
        if self.cards:
            self.ocsp_tells_what_is_recorded()
            self.lists_tell_what_is_recorded()
        self.opening.__exit__(None, None, None)
        self.folder.cleanup()

    def _committed(self, _: str) -> None:
        if self.commits_left is not None:
            self.commits_left -= 1
            if self.commits_left == 0:
                self.commits_left = None
                raise PowerCut

    def _restart(self) -> None:
        self.commits_left = None
        reopened(self.world)

    def do(self, call: Call) -> Any:
        """Make a call; after a power cut, restart and repeat it, as its maker would."""
        try:
            try:
                answer = call(self.world.authority)
            except PowerCut:
                self._restart()
                answer = call(self.world.authority)
        except AuthorityError:
            return None
        self.calls.append((call, answer))
        return answer

    # -- what others do ------------------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        """A person has a card and a phone; otherwise little can happen."""
        self.order_card(HANAKO, "13113")
        self.deliver(Carrier.CARD, self.cards[-1].request_id)
        self.order_phone(0)

    @rule(resident=st.sampled_from(RESIDENTS), place=st.sampled_from(PLACES))
    def order_card(self, resident: str, place: str) -> None:
        """The municipality orders a card."""
        order = self.world.card_order(resident, municipality=place)
        issued = self.do(lambda a: a.certify_card(order))
        assert (issued is None) is (resident in self.gone)
        if issued is not None:
            self.cards.append(order)

    @rule(which=WHICH)
    def order_phone(self, which: int) -> None:
        """The enrolment service orders for a phone under any card."""
        issued = self.world.authority.certify_card(self.cards[which % len(self.cards)])
        assert issued.signing is not None
        statuses = [one.status(self.now()) for one in (issued.signing, issued.authentication)]
        order = self.world.phone_order(issued)
        phone = self.do(lambda a: a.certify_phone(order))
        assert (phone is not None) is (statuses == [Status.GOOD, Status.GOOD])
        if phone is not None:
            self.phones.append(order)

    def deliver(self, carrier: Carrier, request_id: str) -> None:
        """Say that a pair was delivered."""
        self.do(lambda a: a.delivered(carrier, request_id))

    @rule(which=WHICH, act=st.sampled_from(["card delivered", "card delivered", "card discarded", *PHONE_ACTS]))
    def report(self, which: int, act: str) -> None:
        """Any pair, also an old one, is reported as delivered, discarded or lost."""
        carrier, deed = act.split()
        orders = [one.request_id for one in (self.cards if carrier == "card" else self.phones)]
        request_id = orders[which % len(orders)]
        if deed == "lost":
            call_id = f"call-{next(self.world.numbers)}"
            assert self.do(lambda a: a.hold(call_id, request_id)) is not None
        elif deed == "discarded":
            self.do(lambda a: a.discarded(Carrier(carrier), request_id))
        else:
            self.deliver(Carrier(carrier), request_id)

    @rule(resident=st.sampled_from(RESIDENTS), cause=st.sampled_from([*sorted(TOLD_BY_MUNICIPALITY), Cause.MOVED]))
    def happen(self, resident: str, cause: Cause) -> None:
        """Something happens to a person; an event that overtakes it is refused and changes nothing."""
        event = self.world.event(cause, resident)
        early = Event(f"early-{event.event_id}", event.sequence + 1, resident, Cause.DIED, NOW)
        assert self.do(lambda a: a.happen(early)) is None
        assert self.do(lambda a: a.happen(event)) is not None
        if cause in ENDS_RESIDENCE:
            self.gone.add(resident)

    @rule(which=WHICH)
    def repeat(self, which: int) -> None:
        """Any earlier call comes again, late; orders, events and holds are answered as the first time."""
        call, first = self.calls[which % len(self.calls)]
        before = self.world.authority.entries()
        with suppress(Conflict):  # delivered after it was discarded
            again = call(self.world.authority)
            if isinstance(first, dict):
                assert again == first
            elif isinstance(first, Issued):
                pairs = [(one.signing, one.authentication, one.request.superseded) for one in (first, again)]
                assert [_bytes(pair) for pair in pairs[:1]] == [_bytes(pair) for pair in pairs[1:]]
        assert self.world.authority.entries() == before

    @precondition(lambda self: (self.now() - NOW).days < 2000)
    @rule(days=st.sampled_from([1, 100, 1500]))
    def wait(self, days: int) -> None:
        """Time passes; certificates may expire, responders are renewed."""
        self.world.clock.advance(days=days)

    @rule(commits=st.integers(0, 3))
    def pull_the_plug(self, commits: int) -> None:
        """The country is stopped and started; or the power will fail right after one of the next commits."""
        if commits:
            self.commits_left = commits
        else:
            self._restart()

    # -- what must hold ------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the country's time."""
        return self.world.clock.now()

    def everything(self) -> list[Certificate]:
        """Return whatever was issued to anybody."""
        return [one for resident in RESIDENTS for one in self.world.authority.certificates(resident)]

    def good(self, resident: str, carrier: Carrier) -> list[Certificate]:
        """Return a person's certificates that are good now."""
        found = self.world.authority.certificates(resident)
        return [one for one in found if one.carrier is carrier and one.status(self.now()) is Status.GOOD]

    @invariant()
    def one_phone_per_person(self) -> None:
        """What is good on phones belongs to one phone."""
        for resident in RESIDENTS:
            assert len({one.request_id for one in self.good(resident, Carrier.PHONE)}) <= 1

    @invariant()
    def a_phone_never_outlives_its_card(self) -> None:
        """A phone's certificate is good only while the card's of its kind, and the card's authentication, are."""
        for resident in RESIDENTS:
            cards = {(one.kind, one.serial): one for one in self.good(resident, Carrier.CARD)}
            for phone in self.good(resident, Carrier.PHONE):
                assert phone.parent is not None
                parent = cards[phone.kind, phone.parent]
                assert phone.not_after <= parent.not_after
                siblings = {one.kind for one in cards.values() if one.request_id == parent.request_id}
                assert Kind.AUTHENTICATION in siblings

    @invariant()
    def an_end_is_final(self) -> None:
        """Reason and time of a revocation never change, and nothing becomes good again."""
        for one in self.everything():
            known = self.ended.get((one.kind, one.serial))
            assert known in (None, one.revocation)
            if one.revocation is not None:
                self.ended[one.kind, one.serial] = one.revocation

    @invariant()
    def whoever_is_gone_has_nothing(self) -> None:
        """After death or departure no certificate is good."""
        for resident in self.gone:
            assert self.good(resident, Carrier.CARD) == self.good(resident, Carrier.PHONE) == []

    @invariant()
    def serial_numbers_only_rise(self) -> None:
        """In the order of issue, within each authority; none is used twice; keys neither."""
        for resident in RESIDENTS:
            for kind in Kind:
                serials = [one.serial for one in self.world.authority.certificates(resident) if one.kind is kind]
                assert serials == sorted(set(serials))
        everything = self.everything()
        assert len({(one.kind, one.serial) for one in everything}) == len(everything)
        ders = [x509.load_der_x509_certificate(one.der) for one in everything if one.der]
        assert len({one.public_key().public_numbers() for one in ders}) == len(ders)  # type: ignore[union-attr]

    @rule()
    def look(self) -> None:
        """A verifier asks about everything, in the middle of it all."""
        self.ocsp_tells_what_is_recorded()
        self.lists_tell_what_is_recorded()

    def ocsp_tells_what_is_recorded(self) -> None:
        """For every certificate, from this very moment."""
        for one in self.everything():
            answer = self.ask(one)
            if one.revocation is None:
                assert answer.certificate_status is other_ocsp.OCSPCertStatus.GOOD
            else:
                assert answer.certificate_status is other_ocsp.OCSPCertStatus.REVOKED
                assert answer.revocation_time_utc == one.revocation.at

    def ask(self, one: Certificate) -> other_ocsp.OCSPResponse:
        """Ask by OCSP; a power cut while a responder is made is a reason to ask again."""
        question = request(cert_id(self.world, one.serial, one.kind))
        for _ in range(3):
            with suppress(PowerCut):
                return other_ocsp.load_der_ocsp_response(self.world.authority.status.answer(one.kind, question).der)
            self._restart()
        raise AssertionError("the power fails too often")

    def lists_tell_what_is_recorded(self) -> None:
        """Each list has just the revoked certificates that name it, and its number never falls."""
        for kind in Kind:
            for place in PLACES:
                listed = self.list_of(kind, place)
                expected = {
                    one.serial
                    for one in self.everything()
                    if one.kind is kind and one.municipality_code == place and one.revocation
                }
                expired = {one.serial for one in self.everything() if one.kind is kind and one.not_after < self.now()}
                assert expected - expired <= {entry.serial_number for entry in listed} <= expected
                number = listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
                assert number >= self.numbers.get((kind, place), 0)
                self.numbers[kind, place] = number

    def list_of(self, kind: Kind, place: str) -> x509.CertificateRevocationList:
        """Fetch a list; a power cut while it is kept is a reason to ask again."""
        for _ in range(3):
            with suppress(PowerCut):
                return x509.load_der_x509_crl(self.world.authority.status.revocation_list(kind, place).der)
            self._restart()
        raise AssertionError("the power fails too often")

    @invariant()
    def the_audit_log_closes(self) -> None:
        """After each step."""
        self.world.authority.verify_audit()

    @invariant()
    def everything_is_signed(self) -> None:
        """Whoever was answered has a certificate; what a crash left is signed by the repeat."""
        assert all(one.der for one in self.everything())


def _bytes(answer: tuple[Any, ...]) -> tuple[object, ...]:
    signing, authentication, superseded = answer
    return signing and signing.der, authentication.der, superseded


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=10, stateful_step_count=25)


@pytest.mark.parametrize("seed", range(4))
def test_a_long_life(seed: int) -> None:
    """The same machine without hypothesis, which prefers short lives: a hundred steps by dice, always the same."""
    dice = random.Random(seed)  # noqa: S311 -- dice, not keys
    life = Life()
    try:
        life.begin()
        for _ in range(100):
            step(life, dice)
            for look in (life.one_phone_per_person, life.a_phone_never_outlives_its_card, life.an_end_is_final):
                look()
            life.whoever_is_gone_has_nothing()
            life.everything_is_signed()
        life.serial_numbers_only_rise()
        life.the_audit_log_closes()
    finally:
        life.teardown()


def step(life: Life, dice: random.Random) -> None:
    """Take one step; what ends everything is rare."""
    which, resident = dice.randrange(20), dice.choice(RESIDENTS)
    newest = len(life.cards) - 1
    causes = [*sorted(TOLD_BY_MUNICIPALITY - ENDS_RESIDENCE), *(Cause.MOVED, Cause.NAME_CHANGED) * 4]
    if dice.random() < 0.004:
        life.happen(resident=resident, cause=dice.choice(sorted(ENDS_RESIDENCE)))
        return
    steps: list[tuple[int, Callable[[], None]]] = [
        (3, lambda: life.order_card(resident=resident, place=dice.choice(PLACES))),
        (3, lambda: life.order_phone(which=newest)),
        (1, lambda: life.order_phone(which=which)),
        (2, lambda: life.report(which=newest, act="card delivered")),
        (1, lambda: life.report(which=which, act=dice.choice(["card delivered", "card discarded"]))),
        (2, lambda: life.report(which=which, act=dice.choice(PHONE_ACTS))),
        (2, lambda: life.happen(resident=resident, cause=dice.choice(causes))),
        (2, lambda: life.repeat(which=dice.randrange(1000))),
        (1, lambda: life.wait(days=dice.choice([1, 30]))),
        (1, lambda: life.pull_the_plug(commits=dice.randrange(4))),
        (1, life.look),
    ]
    chosen = dice.choices([one for _, one in steps], [weight for weight, _ in steps])[0]
    chosen()


def test_every_municipality_has_a_list() -> None:
    """The machine's two places are among them."""
    assert set(PLACES) <= set(municipalities.table())


@given(st.binary(max_size=300))
def test_junk_is_never_more_than_malformed(data: bytes) -> None:
    """The reader of questions raises `Malformed`, or has read one."""
    with suppress(ocsp.Malformed):
        assert ocsp.parse(data).questions


@given(st.integers(0, 400), st.integers(0, 255), st.booleans())
def test_a_damaged_question_is_never_more_than_malformed(position: int, value: int, cut: bool) -> None:
    """A good question with one byte changed, or cut short."""
    question = bytearray(GOOD)
    if cut:
        del question[position % len(question) :]
    else:
        question[position % len(question)] = value
    with suppress(ocsp.Malformed):
        assert ocsp.parse(bytes(question)).questions


def _good() -> bytes:
    one = der.sequence(
        der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), der.null()),
        der.octet_string(bytes(32)),
        der.octet_string(bytes(32)),
        der.integer(1 << 70),
    )
    return request(one, one, nonce=b"n" * 32)


GOOD = _good()


@given(
    st.lists(st.integers(-(1 << 80), 1 << 160), min_size=1, max_size=ocsp.MOST_QUESTIONS),
    st.binary(min_size=1, max_size=128),
)
def test_a_question_is_read_as_it_was_written(serials: list[int], nonce: bytes) -> None:
    """Every number, in order, and the nonce."""

    def one(serial: int) -> bytes:
        algorithm = der.sequence(der.oid("1.3.14.3.2.26"), der.null())
        return der.sequence(algorithm, der.octet_string(bytes(20)), der.octet_string(bytes(20)), der.integer(serial))

    found = ocsp.parse(request(*(one(serial) for serial in serials), nonce=nonce))
    assert [question.serial for question in found.questions] == serials
    assert found.nonce == nonce
    assert dataclasses.is_dataclass(found)
