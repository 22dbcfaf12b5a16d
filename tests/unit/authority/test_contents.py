# SPDX-License-Identifier: Apache-2.0
"""The card's issuer at the authority: what it signs, for which cards, and how its certificates lead to the root."""

import asyncio
import hashlib
from pathlib import Path

import httpx
import pytest

from tegata.authority.contents import DIGEST_SIZES
from tegata.authority.errors import Conflict, NotFound, Refused
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Scheme
from tegata.jpki import Carrier
from tegata.jpki import card_verifiable as cv
from tegata.jpki.card_verifiable import CardCertificate
from tegata.reader import contents
from tegata.reader.authenticity import roots_from_json
from tegata.wire import b64, unb64
from unit.authority.kit import World, opened
from unit.refusal import refused

DIGESTS = {item: hashlib.sha256(item.encode()).digest() * (size // 32) for item, size in DIGEST_SIZES.items()}


def call(world: World, role: str | None, method: str, path: str, body: object = None) -> httpx.Response:
    """Make one request, with the token of a role."""

    async def go() -> httpx.Response:
        async with world.http(role) as http:
            return await http.request(method, path, json=body)

    return asyncio.run(go())


def certified(world: World) -> str:
    """Have a card certified; returns the request's identifier."""
    order = world.card_order()
    world.authority.certify_card(order)
    return order.request_id


def test_the_items_are_those_that_a_card_holds() -> None:
    """Who writes and who signs name the same things."""
    assert set(DIGEST_SIZES) == set(contents.ITEMS)


def test_signatures_verify_with_certified_keys_up_to_the_root(world: World) -> None:
    """Text and surface have issuer keys of their own; the chain behind GET DATA has two links."""
    signed = world.authority.cards.sign(certified(world), DIGESTS)
    roots = world.authority.cards.roots()
    chain = {subject: CardCertificate.parse(raw) for subject, raw in signed.certificates.items()}
    for subject in ("text", "surface", "intermediate"):
        chain[subject].check(roots[chain[subject].issuer])
    assert chain["issuer"].issuer == chain["intermediate"].subject
    chain["issuer"].check(chain["intermediate"].spki)
    for item, signature in signed.signatures.items():
        payload = der.digest_info("sha256", DIGESTS[item])
        signatures.verify(chain[item.partition(".")[0]].spki, Scheme.RSA_PKCS1_BARE, payload, signature)
    assert len(signed.security_code) == 4
    assert signed.security_code.isdigit()
    assert all(key_id.startswith(b"9") for key_id in roots)


def test_a_repeat_and_a_restart_answer_the_same(world: World, tmp_path: Path) -> None:
    """Keys are kept sealed; the code is found again."""
    request_id = certified(world)
    first, roots = world.authority.cards.sign(request_id, DIGESTS), world.authority.cards.roots()
    assert world.authority.cards.sign(request_id, DIGESTS) == first
    world.authority.close()
    with opened(tmp_path) as again:
        assert again.authority.cards.roots() == roots
        assert again.authority.cards.sign(request_id, DIGESTS) == first


def test_only_cards_that_were_certified_get_signatures(world: World) -> None:
    """Not one that is unknown, nor one that was discarded, nor something that is no digest."""
    with refused("authority.unknown_request", NotFound):
        world.authority.cards.sign("nobody", DIGESTS)
    request_id = certified(world)
    for bad in ({"text.key": bytes(31)}, {"surface.face": bytes(32)}, {"text.secret": bytes(32)}):
        with refused("authority.bad_digest", Refused):
            world.authority.cards.sign(request_id, bad)
    world.authority.discarded(Carrier.CARD, request_id)
    with refused("authority.discarded", Conflict):
        world.authority.cards.sign(request_id, DIGESTS)


def test_the_wire_gives_the_same(world: World) -> None:
    """The municipality asks with its token; anybody may have the roots."""
    request_id = certified(world)
    path = f"/authority/v1/card-certificates/{request_id}/contents"
    body = {"digests": {item: b64(digest) for item, digest in DIGESTS.items()}}
    assert call(world, "enrolment", "POST", path, body).status_code in (401, 403)
    assert call(world, "municipality", "POST", path, {"digests": {}}).status_code == 400
    answer = call(world, "municipality", "POST", path, body).json()
    signed = world.authority.cards.sign(request_id, DIGESTS)
    assert {item: unb64(one) for item, one in answer["signatures"].items()} == signed.signatures
    assert answer["security_code"] == signed.security_code
    roots = call(world, None, "GET", "/authority/v1/card-roots").json()
    assert roots_from_json(roots) == world.authority.cards.roots()


@pytest.mark.parametrize("raw", [b"", b"\x7f\x21\x00", bytes(568)])
def test_what_is_no_card_certificate_is_refused(raw: bytes) -> None:
    """Junk from a card is a refusal with a reason."""
    with refused("jpki.bad_card_certificate", cv.BadCertificate):
        CardCertificate.parse(raw)
    with refused("jpki.bad_card_certificate", cv.BadCertificate):
        cv.read_key_value(raw)
