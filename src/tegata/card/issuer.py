# SPDX-License-Identifier: Apache-2.0
"""What the card does for its issuer: make keys, take files and PINs, go into service, be erased.

All of it needs the issuer's session, which AES-CMAC over a challenge opens (named assumption `card.issuer_commands`).
The issuer never gets to use a key that is in service, nor to read a PIN.
"""

from tegata.card import rules
from tegata.card.image import CardImage, KeyState, Place, delivered_files
from tegata.card.rules import Act, KeyUse, PinEvent, PinStatus, Refusal
from tegata.card.state import DONE, Outcome, State, Tools, resolve_kind, resolve_pin
from tegata.card.typed import Authenticate, Erase, Finish, MakeKey, PutData, SetPin, Unblock, Update
from tegata.codecs import tlv
from tegata.codecs.apdu import SW, Response
from tegata.crypto import signatures
from tegata.crypto.mac import aes_cmac, equal
from tegata.jpki import Kind, assumptions, card_map
from tegata.jpki.card_map import Ef, EfKind
from tegata.reader import files
from tegata.reader.errors import BadContent

LARGEST_FILE = 0x7FFF


def authenticate(state: State, command: Authenticate, _: Tools) -> Outcome:
    """Open the issuer's session.  A challenge serves once, right or wrong; wrong is `6300`."""
    challenge = state.session.challenge
    if challenge is None or len(challenge) < 16:
        raise Refusal(SW.CONDITIONS)
    right = equal(command.cryptogram, aes_cmac(state.image.issuer_key, challenge))
    answered = state.now(challenge=None, issuer=right)
    return answered, DONE if right else Response(sw=SW.NOT_VERIFIED)


def make_key(state: State, command: MakeKey, tools: Tools) -> Outcome:
    """Make a key, or return the public half of the one that is there: `7F49 { 81 modulus, 82 exponent }`, of an
    elliptic curve `7F49 { 86 point }`.
    """
    _demand_issuer(state)
    state, ef = resolve_kind(state, command.ref, EfKind.KEY, EfKind.PUBLIC_KEY)
    if not command.keep:
        state = state.having(_with_new_key(state, ef, tools))
        if _certificate_place(ef) is not None:
            state = state.now(verified=state.session.verified.difference(ef.opened_by))
    key = state.image.keys.get(state.place(ef))
    if key is None:
        raise Refusal(SW.REFERENCE_NOT_FOUND)
    return state, Response(_public_template(tools.load_key(key.pkcs8).spki))


def _with_new_key(state: State, ef: Ef, tools: Tools) -> CardImage:
    image = state.image.with_life(rules.live(state.image.life, Act.GENERATE))
    pkcs8 = tools.new_key(image.profile.algorithm).to_pkcs8()
    image = image.with_key(state.place(ef), KeyState(pkcs8))
    certificate = _certificate_place(ef)
    if certificate is None:
        return image
    image = image.with_file(certificate, b"")
    if assumptions.value("card.new_key_clears_pin"):
        for number in ef.opened_by:
            pin = state.application.efs[number]
            image = image.with_pin(state.place(pin), rules.clear(state.pin(pin)))
    return image


def _public_template(spki: bytes) -> bytes:
    if not signatures.algorithm_of(spki).is_rsa:
        return tlv.encode(0x7F49, tlv.encode(0x86, signatures.ec_point(spki)))
    modulus, exponent = signatures.rsa_numbers(spki)
    numbers = ((0x81, modulus), (0x82, exponent))
    return tlv.encode(
        0x7F49, b"".join(tlv.encode(tag, n.to_bytes((n.bit_length() + 7) // 8, "big")) for tag, n in numbers)
    )


def _certificate_place(key: Ef) -> Place | None:
    """Return where the certificate of a key belongs; the applications' own keys have none."""
    kind = key.role.removeprefix("key.")
    return ("jpki", card_map.jpki_file("certificate", Kind(kind))) if kind in set(Kind) else None


def update(state: State, command: Update, _: Tools) -> Outcome:
    """Write a file, or all records of one: offset 0 replaces it, its end appends."""
    _demand_issuer(state)
    state, ef = resolve_kind(state, command.ref, EfKind.TRANSPARENT, EfKind.RECORD)
    if ef.role in ("certificate_flags", "token_info"):
        raise Refusal(SW.CONDITIONS)
    kept = state.image.files.get(state.place(ef), b"") if command.offset else b""
    if command.offset != len(kept):
        raise Refusal(SW.WRONG_OFFSET)
    if len(kept) + len(command.data) > LARGEST_FILE:
        raise Refusal(SW.NO_SPACE)
    image = state.image.with_file(state.place(ef), kept + command.data)
    return state.having(image.with_life(rules.live(image.life, Act.WRITE))), DONE


def set_pin(state: State, command: SetPin, _: Tools) -> Outcome:
    """Set a PIN, with all its tries; also what a counter does for a blocked one."""
    _demand_issuer(state)
    state, ef, rule = resolve_pin(state, command.ref)
    pin = rules.put(state.pin(ef), rule, command.value, PinEvent.ISSUED)
    image = state.image.with_pin(state.place(ef), pin)
    image = image.with_life(rules.live(image.life, Act.SET_PIN))
    return state.having(image).now(verified=state.session.verified - {ef.id}), DONE


def unblock(state: State, command: Unblock, _: Tools) -> Outcome:
    """Give a PIN all its tries back (named assumption `card.unblock`)."""
    if assumptions.value("card.unblock") == "off":
        raise Refusal(SW.INS_NOT_SUPPORTED)
    _demand_issuer(state)
    state, ef, rule = resolve_pin(state, command.ref)
    image = state.image.with_pin(state.place(ef), rules.unblock(state.pin(ef), rule))
    return state.having(image.with_life(rules.live(image.life, Act.UNBLOCK))), DONE


def put_data(state: State, command: PutData, _: Tools) -> Outcome:
    """Write an object of the issuer security domain, while that is selected; not those that the maker writes."""
    _demand_issuer(state)
    ef = state.application.efs.get(command.tag)
    if ef is None or ef.kind is not EfKind.OBJECT:
        raise Refusal(SW.REFERENCE_NOT_FOUND)
    if ef.role in ("atr", "card_id", "card_recognition_data"):
        raise Refusal(SW.CONDITIONS)
    image = state.image.with_file(state.place(ef), command.data)
    return state.having(image.with_life(rules.live(image.life, Act.WRITE))), DONE


def finish(state: State, _: Finish, tools: Tools) -> Outcome:
    """Put fresh keys into service.  6985 unless each that is to be certified has its certificate, and its PIN if the
    holder may not set it.
    """
    _demand_issuer(state)
    image = state.image.with_life(rules.live(state.image.life, Act.FINISH))
    for place, key in state.image.keys.items():
        if key.use is KeyUse.FRESH:
            _demand_complete(state.image, place, tools)
            image = image.with_key(place, KeyState(key.pkcs8, KeyUse.IN_USE))
    return state.having(image), DONE


def _demand_complete(image: CardImage, place: Place, tools: Tools) -> None:
    application = image.profile.applications[place[0]]
    ef = application.efs[place[1]]
    certificate = _certificate_place(ef)
    if certificate is None:
        return
    try:
        certified = files.certificate_spki(image.files.get(certificate, b""))
    except BadContent as error:
        raise Refusal(SW.CONDITIONS) from error
    if certified != tools.load_key(image.keys[place].pkcs8).spki:
        raise Refusal(SW.CONDITIONS)
    pins = [image.pins.get((place[0], number)) for number in ef.opened_by]
    unset = any(pin is None or pin.status is PinStatus.UNSET for pin in pins)
    if unset and not image.profile.holder_sets_first_pin:
        raise Refusal(SW.CONDITIONS)


def erase(state: State, _: Erase, __: Tools) -> Outcome:
    """Take JPKI back to how its maker delivered it."""
    _demand_issuer(state)
    name = state.session.application
    if name != "jpki":
        raise Refusal(SW.CONDITIONS)
    image = state.image
    delivered = delivered_files(image.profile, image.card_id)
    erased = CardImage(
        image.profile_name,
        image.card_id,
        image.issuer_key,
        rules.live(image.life, Act.ERASE),
        {p: c for p, c in image.files.items() if p[0] != name} | {p: c for p, c in delivered.items() if p[0] == name},
        {p: rules.clear(pin) if p[0] == name else pin for p, pin in image.pins.items()},
        {p: key for p, key in image.keys.items() if p[0] != name},
    )
    return state.having(erased).now(verified=frozenset()), DONE


def _demand_issuer(state: State) -> None:
    if not state.session.issuer:
        raise Refusal(SW.SECURITY_STATUS)
