# SPDX-License-Identifier: Apache-2.0
"""The story of the country in seven steps, told over HTTP alone, against any running country.

1. card      A town hall registers 山田花子 and issues her a card.
2. phone     She puts certificates into her phone, then into another one, which ends the first.
3. contract  She signs a mobile contract; the shop's evidence is verified again, offline.
4. login     She logs in to the tax office with a finger.
5. kiosk     A kiosk prints her certificate of residence.
6. move      She moves house; what says where she lived no longer signs; logging in still works.
7. lost      She loses the phone; nothing on it is accepted any more.

Each step is a function of its name. It does what a person does, then looks at what that should have brought about
and raises `StoryFailed` where it did not. Signatures, chains and status are checked here by `tegata.verify`, not by
asking who made them.
"""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tegata import verify
from tegata.jpki import Kind
from tegata.messages import Lang, message
from tegata.sandbox.control import FINGER
from tegata.sandbox.errors import StoryFailed
from tegata.sandbox.population import PINS
from tegata.sandbox.traveller import Refusal, Traveller, certificate_of
from tegata.wire import unb64

PERSONA: Final = "hanako"
PHONE_PIN: Final = "2580"
PHONE_PASSWORD: Final = "TEGATA2026"  # noqa: S105 -- an invented person's
NEW_HOME: Final = {"kind": "move", "address": "神奈川県鎌倉市手形ガ谷１丁目２番３号", "municipality_code": "14204"}
MOVED: Final = "verify.revoked.affiliation_changed"
HELD: Final = "verify.held"


@dataclass(slots=True)
class Story:
    """What the story knows so far."""

    way: Traveller
    trust: verify.TrustStore
    slug: str = ""
    card_id: str = ""
    phone_id: str = ""
    subject: str = field(default="", repr=False)

    async def person(self) -> dict[str, Any]:
        """Return her as the country shows her now."""
        found: dict[str, Any] = await self.way.get(f"/control/v1/people/{self.slug}")
        return found

    async def judged(self, certificate: bytes, kind: Kind) -> verify.Verdict:
        """Judge one of her certificates now, with a fresh OCSP answer; raises `VerifyError`."""
        nonce = secrets.token_bytes(32)
        request = verify.prepare_status(certificate, kind, self.trust, nonce)
        answer = await self.way.post_bytes(f"/ocsp/{kind.value}", request.ocsp_request_der, "application/ocsp-request")
        status = verify.Status(ocsp=answer, nonce=nonce)
        return verify.verify_certificate(certificate, kind, status, self.trust, await self.now())

    async def now(self) -> datetime:
        """Return the country's time."""
        return datetime.fromisoformat((await self.way.get("/control/v1/clock"))["now"])

    async def refused_for(self, carrier: str, kind: Kind) -> str:
        """Return the reason for which a certificate is refused now; raises `StoryFailed` when it is accepted."""
        _, certificate = certificate_of(await self.person(), kind.value, carrier)
        try:
            await self.judged(certificate, kind)
        except verify.VerifyError as error:
            return error.reason
        raise StoryFailed("sandbox.story_unexpected", expected=f"{carrier} {kind.value}: refused", found="accepted")


def expect(what: str, expected: object, found: object) -> None:
    """Raise `StoryFailed` unless a step brought about what it should."""
    if expected != found:
        raise StoryFailed("sandbox.story_unexpected", expected=f"{what}: {expected}", found=str(found))


async def card(story: Story) -> dict[str, Any]:
    """A town hall registers her; the two authorities certify the keys in her card; the card gets its content and
    PINs.
    """
    wish = {"persona": PERSONA, "slug": story.slug or None}
    person = await story.way.hand("/people", wish)
    story.slug, story.card_id = person["slug"], person["cards"][0]
    serials = {}
    for kind in Kind:
        listed, certificate = certificate_of(person, kind.value, "card")
        verdict = await story.judged(certificate, kind)
        expect("carrier", "card", verdict.carrier.value)
        serials[kind.value] = listed["serial"]
    shown = await story.way.get(f"/control/v1/cards/{story.card_id}")
    expect("certificates on the card", ["authentication", "signing"], shown["certificates"])
    return {"card": story.card_id, "signing": serials["signing"], "authentication": serials["authentication"]}


async def phone(story: Story) -> dict[str, Any]:
    """She taps the card on one phone, then on another: the second application ends the first phone's certificates."""
    first = await _enrolled(story)
    before = {kind: certificate_of(await story.person(), kind.value, "phone")[1] for kind in Kind}
    for kind in Kind:
        await story.judged(before[kind], kind)
    story.phone_id = await _enrolled(story)
    for kind in Kind:
        await _expect_superseded(story, before[kind], kind)
    person = await story.person()
    listed, certificate = certificate_of(person, "signing", "phone")
    expect("parent", certificate_of(person, "signing", "card")[0]["serial"], listed["parent_serial"])
    verdict = await story.judged(certificate, Kind.SIGNING)
    expect("carrier", "phone", verdict.carrier.value)
    return {"first": first, "second": story.phone_id, "parent": listed["parent_serial"]}


async def _enrolled(story: Story) -> str:
    bought = await story.way.hand("/phones", {"holder": story.slug})
    phone_id = str(bought["phone_id"])
    secret = {"card_password": PINS["signing_password"], "auth_pin": PHONE_PIN, "signing_password": PHONE_PASSWORD}
    await story.way.hand(f"/phones/{phone_id}/enrol", {"card_id": story.card_id, "finger": FINGER, **secret})
    return phone_id


async def _expect_superseded(story: Story, certificate: bytes, kind: Kind) -> None:
    try:
        await story.judged(certificate, kind)
    except verify.VerifyError as error:
        expect("first phone", "verify.revoked.superseded", error.reason)
        return
    raise StoryFailed("sandbox.story_unexpected", expected="first phone: revoked", found="good")


async def contract(story: Story) -> dict[str, Any]:
    """She signs a mobile contract with phone and password; the shop's evidence is verified again with nothing but
    itself.
    """
    opened = await _contract(story)
    await story.way.hand(f"/phones/{story.phone_id}/sign", {"url": opened["signing_url"], "password": PHONE_PASSWORD})
    done = await story.way.get(f"/shop/v1/contracts/{opened['contract_id']}")
    register = (await story.person())["register"]["basic_four"]
    expect(
        "attributes",
        [register["name"], register["address"]],
        [done["attributes"]["name"], done["attributes"]["address"]],
    )
    evidence = await story.way.get(f"/shop/v1/contracts/{opened['contract_id']}/evidence")
    verdict = _verified_offline(story, evidence)
    return {"contract": opened["contract_id"][:8], "serial": str(verdict.serial), "source": verdict.status_source}


async def _contract(story: Story) -> dict[str, Any]:
    body = {"plan": "standard", "request_id": secrets.token_hex(12)}
    found: dict[str, Any] = await story.way.post("/shop/v1/contracts", body)
    return found


def _verified_offline(story: Story, evidence: dict[str, Any]) -> verify.Verdict:
    """Verify what the shop kept, at the time that it noted: what a court would do, without any network."""
    parts = {name: unb64(evidence[name]) for name in ("certificate", "document", "signature")}
    status = verify.Status(
        ocsp=unb64(evidence["ocsp"]) if evidence.get("ocsp") else None,
        crl=unb64(evidence["crl"]) if evidence.get("crl") else None,
    )
    proof = verify.Evidence(parts["certificate"], parts["document"], parts["signature"], Kind.SIGNING, status)
    return verify.verify(proof, story.trust, datetime.fromisoformat(evidence["verified_at"]))


async def login(story: Story) -> dict[str, Any]:
    """She logs in to the tax office through the sign-in service, with a finger in place of a PIN."""
    story.subject = await _log_in(story)
    return {"sub": story.subject[:12]}


async def _log_in(story: Story) -> str:
    await story.way.post("/tax/v1/logout", {})
    url = await story.way.start_login("/tax/login")
    await story.way.hand(f"/phones/{story.phone_id}/sign-in", {"url": url, "finger": FINGER})
    await story.way.finish_login(url)
    session = await story.way.get("/tax/v1/session")
    expect("logged in", True, session["logged_in"])
    return str(session["sub"])


async def kiosk(story: Story) -> dict[str, Any]:
    """She holds the phone to a kiosk's reader, pays, and takes her certificate of residence."""
    session = await _at_kiosk(story)
    answer = await story.way.try_post(f"/kiosk/v1/sessions/{session}/authenticate", {})
    if isinstance(answer, Refusal):
        raise StoryFailed("sandbox.story_refused", path="kiosk", service_reason=answer.reason)
    await story.way.post(f"/kiosk/v1/sessions/{session}/pay", {"amount": answer["fee"]})
    pdf = await story.way.print_document(f"/kiosk/v1/sessions/{session}/print")
    await story.way.clear_reader()
    if isinstance(pdf, Refusal):
        raise StoryFailed("sandbox.story_refused", path="kiosk", service_reason=pdf.reason)
    expect("PDF", b"%PDF-", pdf[:5])
    again = await story.way.print_document(f"/kiosk/v1/sessions/{session}/print")
    expect("printed once", True, isinstance(again, Refusal))
    return {"bytes": len(pdf), "fee": answer["fee"]}


async def _at_kiosk(story: Story) -> str:
    await story.way.hand(f"/phones/{story.phone_id}/touch", {"finger": FINGER})
    await story.way.put_on_reader(phone_id=story.phone_id)
    body = {"document": "residence-certificate", "individual_number": False, "request_id": secrets.token_hex(12)}
    return str((await story.way.post("/kiosk/v1/sessions", body))["session_id"])


async def move(story: Story) -> dict[str, Any]:
    """She moves house: signing certificates on card and phone are revoked, the shop refuses, logging in goes on."""
    told = await story.way.hand(f"/people/{story.slug}/events", {"request_id": f"move.{story.slug}", **NEW_HOME})
    expect("the authority was told", True, told["delivered"])
    for carrier in ("card", "phone"):
        expect(f"{carrier} signing", MOVED, await story.refused_for(carrier, Kind.SIGNING))
    expect("the shop", MOVED, (await _signing_refused(story)).because)
    expect("the same person at the tax office", story.subject, await _log_in(story))
    return {"revoked": len(told["revoked"])}


async def _signing_refused(story: Story) -> Refusal:
    opened = await _contract(story)
    body = {"url": opened["signing_url"], "password": PHONE_PASSWORD}
    return _refused("the shop", await story.way.try_post(f"/control/v1/phones/{story.phone_id}/sign", body))


def _refused(who: str, answer: Any) -> Refusal:
    if not isinstance(answer, Refusal):
        raise StoryFailed("sandbox.story_unexpected", expected=f"{who}: refused", found="accepted")
    return answer


async def lost(story: Story) -> dict[str, Any]:
    """She loses the phone and calls: everything on it is on hold from the next status answer on, everywhere."""
    call = {"phone_id": story.phone_id, "request_id": f"lost.{story.phone_id}"}
    held = await story.way.hand("/hotline", call)
    expect("phone authentication", HELD, await story.refused_for("phone", Kind.AUTHENTICATION))
    url = await story.way.start_login("/tax/login")
    body = {"url": url, "finger": FINGER}
    signed_in = _refused("sign-in", await story.way.try_post(f"/control/v1/phones/{story.phone_id}/sign-in", body))
    expect("sign-in", HELD, signed_in.because)
    session = await _at_kiosk(story)
    at_kiosk = _refused("the kiosk", await story.way.try_post(f"/kiosk/v1/sessions/{session}/authenticate", {}))
    expect("the kiosk", HELD, at_kiosk.reason)
    await story.way.clear_reader()
    shop = await _signing_refused(story)
    expect("the shop refuses", True, shop.because.startswith("verify."))
    return {"held": len(held["held"])}


Step = Callable[[Story], Awaitable[dict[str, Any]]]
STEPS: Final[tuple[Step, ...]] = (card, phone, contract, login, kiosk, move, lost)


@dataclass(frozen=True, slots=True)
class Told:
    """One step as it went: number, name, what was found, milliseconds."""

    number: int
    name: str
    facts: dict[str, Any]
    milliseconds: float

    def title(self, lang: Lang) -> str:
        """Return what happened."""
        return message(f"story.{self.name}", lang, **self.facts).what

    def proof(self, lang: Lang) -> str:
        """Return what was proved."""
        return message(f"story.{self.name}", lang, **self.facts).next

    def to_json(self) -> dict[str, Any]:
        """Return the members of the wire form."""
        return {
            "step": self.number,
            "name": self.name,
            "ok": True,
            "title": self.title("en"),
            "proved": self.proof("en"),
            "ms": round(self.milliseconds, 1),
            "facts": self.facts,
        }


async def begin(way: Traveller) -> Story:
    """Return a story at its beginning, trusting the anchors that the country publishes."""
    anchors = {kind: [await way.fetch(f"/authority/v1/ca/{kind.value}.cer")] for kind in Kind}
    return Story(way, verify.TrustStore.of(anchors))


async def tell(way: Traveller) -> AsyncIterator[Told]:
    """Walk through the story, yielding each step as it is done; raises `StoryFailed` at the first that is not as it
    should be.
    """
    story = await begin(way)
    for number, step in enumerate(STEPS, 1):
        started = time.perf_counter()
        facts = await step(story)
        yield Told(number, step.__name__, facts, (time.perf_counter() - started) * 1000)
