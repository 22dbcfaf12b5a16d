# SPDX-License-Identifier: Apache-2.0
"""What an issuer says to a card or a phone's applet, as scripts.

    open_issuer_session ─► generate_key ─► csr ─► (the authority certifies) ─► install ─► set_pins ─► finish
                      on a card also: own_keys ─► (the card's issuer signs) ─► write_contents

Every step selects the application it needs and may be repeated, so a script that broke off is simply started again.
Only `generate_key` destroys: a new key takes the place of the one before it, and the certificate and PIN of that one
are gone. `public_key` tells which key is there, and `install` refuses certificates that are not for it.  The commands
are the named assumption `card.issuer_commands`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tegata.codecs import der, tlv
from tegata.codecs.apdu import SW, Command, Response
from tegata.crypto import signatures
from tegata.crypto.keys import CryptoError, Scheme
from tegata.crypto.mac import aes_cmac
from tegata.jpki import Kind, card_map
from tegata.jpki.attributes import BasicFour
from tegata.reader import commands, files
from tegata.reader.contents import OwnKeys
from tegata.reader.errors import BadContent, CardRefused, IssuerRefused
from tegata.reader.jpki import pin_bytes
from tegata.reader.script import Script, send

NO_SUBJECT: Final = der.sequence()
"""The empty Name: the authority chooses subjects itself."""

CHALLENGE_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Pins:
    """The PINs to set; `None` leaves one alone.  `card` is for the common and the resident-register application;
    `number_a`, `number_b` and `birth` are what is printed on the card (照合番号A and B, 生年月日).
    """

    authentication: str | None = field(default=None, repr=False)
    signing: str | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    card: str | None = field(default=None, repr=False)
    number_a: str | None = field(default=None, repr=False)
    number_b: str | None = field(default=None, repr=False)
    birth: str | None = field(default=None, repr=False)


def open_issuer_session(issuer_key: bytes, generation: str = "card") -> Script[None]:
    """Prove to the card that we hold its issuer's AES key; holds until the card is reset.  Raises `IssuerRefused`."""
    yield from commands.select_application("jpki", generation)
    challenge = commands.expect("challenge", (yield from send(Command(0x00, 0x84, 0, 0, le=CHALLENGE_SIZE)))).data
    response = yield from send(_command("authenticate", 0, 0, aes_cmac(issuer_key, challenge)))
    if not response.ok:
        raise IssuerRefused("reader.issuer_refused", sw=f"{response.sw:04X}")


def generate_key(kind: Kind, generation: str = "card") -> Script[bytes]:
    """Have the card make a new key pair, and return its public half as DER SubjectPublicKeyInfo."""
    yield from commands.select_application("jpki", generation)
    return (yield from _make_key(card_map.jpki_file("key", kind)))


def public_key(kind: Kind, generation: str = "card") -> Script[bytes | None]:
    """Return the public half of the key that the card holds, or `None` when it holds none."""
    yield from commands.select_application("jpki", generation)
    return (yield from _kept_key(card_map.jpki_file("key", kind)))


def own_keys() -> Script[OwnKeys]:
    """Have the applications make their own keys where they have none yet; return those of text and surface.

    The keys stay over every later issue of the card, so this may be repeated.
    """
    found: dict[str, bytes] = {}
    for application, role in OWN_KEYS:
        yield from commands.select_application(application)
        ef = card_map.application(application).by_role(role).id
        spki = yield from _kept_key(ef)
        found[f"{application}.{role}"] = spki or (yield from _make_key(ef))
    return OwnKeys(found["text.key.application"], found["surface.key.application"])


OWN_KEYS: Final = (
    ("text", "key.application"),
    ("text", "key.session"),
    ("surface", "key.application"),
    ("common", "key.internal"),
)
"""Keys beside JPKI's: to show that the card is no copy, to open secure messaging, to answer INTERNAL AUTHENTICATE."""


def _make_key(ef: int) -> Script[bytes]:
    response = yield from send(_command("generate_key", 0x00, 0x80 | ef, le=65536))
    return _spki(_issued("generate key", response).data)


def _kept_key(ef: int) -> Script[bytes | None]:
    response = yield from send(_command("generate_key", 0x01, 0x80 | ef, le=65536))
    if response.sw == SW.REFERENCE_NOT_FOUND:
        return None
    return _spki(_issued("public key", response).data)


def csr(kind: Kind, subject: bytes = NO_SUBJECT, generation: str = "card") -> Script[bytes]:
    """Return a DER PKCS#10 request (RFC 2986) signed by the card's new key.  `subject` is a DER Name."""
    spki = yield from public_key(kind, generation)
    if spki is None:
        raise CardRefused("csr", SW.REFERENCE_NOT_FOUND)
    scheme = Scheme.default(card_map.profile(generation).algorithm)
    info = der.sequence(der.integer(0), subject, spki, der.context(0, b""))
    payload = hashlib.new(scheme.hash_name, info).digest()
    if scheme is Scheme.RSA_PKCS1_SHA256:
        payload = der.digest_info(scheme.hash_name, payload)
    signature = yield from commands.compute_signature(card_map.jpki_file("key", kind), 0x00, payload)
    return der.sequence(info, signatures.algorithm_identifier(scheme), der.bit_string(signature))


def install(
    certificates: Mapping[Kind, bytes],
    ca_certificates: Mapping[Kind, bytes],
    attributes: BasicFour | None = None,
    individual_number: str | None = None,
    generation: str = "card",
) -> Script[None]:
    """Write certificates, those of the authorities, and if given the text application's two files alone; a whole card
    has them from `write_contents`.

    Raises `IssuerRefused` (`reader.certificate_for_other_key`) before anything is written when a certificate is not for
    the card's key.
    """
    for kind, certificate in certificates.items():
        if files.certificate_spki(certificate) != (yield from public_key(kind, generation)):
            raise IssuerRefused("reader.certificate_for_other_key", kind=kind.value)
    yield from commands.select_application("jpki", generation)
    for kind, certificate in certificates.items():
        yield from write_file(card_map.jpki_file("certificate", kind), certificate)
    for kind, certificate in ca_certificates.items():
        yield from write_file(card_map.jpki_file("ca_certificate", kind), certificate)
    if attributes is not None or individual_number is not None:
        yield from _install_text(attributes, individual_number, generation)


def write_contents(contents: Mapping[tuple[str, int], bytes]) -> Script[None]:
    """Write files and GET DATA objects by application and identifier, as `contents.written` puts them together."""
    selected = ""
    for (application, ef), content in sorted(contents.items()):
        if application != selected:
            yield from commands.select_application(application)
            selected = application
        if application == "isd":
            cla, ins = card_map.issuer_command("put_data")
            _issued("put data", (yield from send(Command(cla, ins, ef >> 8, ef & 0xFF, content))))
        else:
            yield from write_file(ef, content)


def _install_text(attributes: BasicFour | None, individual_number: str | None, generation: str) -> Script[None]:
    text = card_map.application("text", generation)
    yield from commands.select_application("text", generation)
    if attributes is not None:
        content = files.attributes(files.TextAttributes.of(attributes))
        yield from write_file(text.by_role("attributes").id, content)
    if individual_number is not None:
        yield from write_file(text.by_role("individual_number").id, files.individual_number(individual_number))


def write_file(ef: int, content: bytes) -> Script[None]:
    """Replace the whole content of a file of the current application, in one command.

    Raises `BadContent` for more than a file can hold.
    """
    if len(content) > commands.MAX_FILE:
        raise BadContent("file")
    _issued("update", (yield from send(Command(0x00, 0xD6, 0x80 | ef, 0x00, content))))


def set_pins(pins: Pins, generation: str = "card") -> Script[None]:
    """Set PINs and give them all their tries.  Raises `BadPinFormat` before anything is sent."""
    plan = [
        (application, ef, pin_bytes(rule, value))
        for rule, value, places in _places(pins, generation)
        if value is not None
        for application, ef in places
    ]
    for application, ef, value in plan:
        yield from commands.select_application(application, generation)
        _issued("set pin", (yield from send(_command("set_pin", 0x00, 0x80 | ef, value))))


def _places(pins: Pins, generation: str) -> Iterator[tuple[str, str | None, tuple[tuple[str, int], ...]]]:
    """Yield rule, value and places of each PIN, without places that this generation has not or keeps elsewhere."""
    for name, roles in _ROLES.items():
        applications = card_map.profile(generation).applications
        places = [
            (app, ef)
            for app, role in roles
            if app in applications
            for ef in applications[app].efs.values()
            if ef.role == role and ef.kept_at is None
        ]
        yield name, getattr(pins, name), tuple((app, ef.id) for app, ef in places)


_ROLES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "authentication": (("jpki", "pin.authentication"),),
    "signing": (("jpki", "pin.signing"),),
    "text": (("text", "pin.text"),),
    "card": (("common", "pin.card"), ("juki", "pin.card")),
    "number_a": (("text", "pin.number_a"), ("surface", "pin.number_a")),
    "number_b": (("text", "pin.number_b"), ("surface", "pin.number_b")),
    "birth": (("surface", "pin.birth"),),
}


def unblock(application: str, ef: int) -> Script[None]:
    """Give a PIN all its tries back, its value unchanged (assumption `card.unblock`)."""
    yield from commands.select_application(application)
    _issued("unblock", (yield from send(_command("unblock", 0x00, 0x80 | ef))))


def finish(generation: str = "card") -> Script[None]:
    """Hand the card over: from now on its keys obey their PINs only.  The card refuses while a new key has no
    certificate.
    """
    yield from commands.select_application("jpki", generation)
    _issued("finish", (yield from send(_command("finish", 0, 0))))


def erase_jpki() -> Script[None]:
    """Erase keys, certificates and PINs of JPKI; the card is then as if it had never been issued."""
    yield from commands.select_application("jpki")
    _issued("erase", (yield from send(_command("erase", 0, 0))))


def _command(name: str, p1: int, p2: int, data: bytes = b"", le: int | None = None) -> Command:
    cla, ins = card_map.issuer_command(name)
    return Command(cla, ins, p1, p2, data, le)


def _issued(step: str, response: Response) -> Response:
    if response.sw == SW.SECURITY_STATUS:
        raise IssuerRefused("reader.issuer_session_over")
    return commands.expect(step, response)


def _spki(template: bytes) -> bytes:
    """Read a public key template `7F49 { 81 modulus, 82 exponent }` or `7F49 { 86 point }` (ISO/IEC 7816-8 §5.5.3)."""
    try:
        outer = tlv.parse_one(template)
        found = {one.tag: one.value for one in tlv.parse(outer.value)}
        if 0x86 in found:
            return signatures.ec_spki(found[0x86])
        return signatures.rsa_spki(int.from_bytes(found[0x81], "big"), int.from_bytes(found[0x82], "big"))
    except (tlv.TlvError, KeyError, CryptoError) as error:
        raise BadContent("public_key") from error
