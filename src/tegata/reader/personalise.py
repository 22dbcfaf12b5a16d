# SPDX-License-Identifier: Apache-2.0
"""What an issuer says to a card or a phone's applet, as scripts.

    open_issuer_session ─► generate_key ─► csr ─► (the authority certifies) ─► install ─► set_pins ─► finish

Every step selects the application it needs and may be repeated, so a script that broke off is simply started again.
Only `generate_key` destroys: a new key takes the place of the one before it, and the certificate and PIN of that one
are gone. `public_key` tells which key is there, and `install` refuses certificates that are not for it.  The commands
are the named assumption `card.issuer_commands`.
"""

import hashlib
from collections.abc import Mapping
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
from tegata.reader.errors import BadContent, CardRefused, IssuerRefused
from tegata.reader.jpki import pin_bytes
from tegata.reader.script import Script, send

NO_SUBJECT: Final = der.sequence()
"""The empty Name: the authority chooses subjects itself."""

CHALLENGE_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Pins:
    """The PINs to set; `None` leaves one alone.  `card` is for the common and the resident-register application."""

    authentication: str | None = field(default=None, repr=False)
    signing: str | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    card: str | None = field(default=None, repr=False)


def open_issuer_session(issuer_key: bytes) -> Script[None]:
    """Prove to the card that we hold its issuer's AES key; holds until the card is reset.  Raises `IssuerRefused`."""
    yield from commands.select_application("jpki")
    challenge = commands.expect("challenge", (yield from send(Command(0x00, 0x84, 0, 0, le=CHALLENGE_SIZE)))).data
    response = yield from send(_command("authenticate", 0, 0, aes_cmac(issuer_key, challenge)))
    if not response.ok:
        raise IssuerRefused("reader.issuer_refused", sw=f"{response.sw:04X}")


def generate_key(kind: Kind) -> Script[bytes]:
    """Have the card make a new key pair, and return its public half as DER SubjectPublicKeyInfo."""
    yield from commands.select_application("jpki")
    response = yield from send(_command("generate_key", 0x00, 0x80 | card_map.jpki_file("key", kind), le=65536))
    return _spki(_issued("generate key", response).data)


def public_key(kind: Kind) -> Script[bytes | None]:
    """Return the public half of the key that the card holds, or `None` when it holds none."""
    yield from commands.select_application("jpki")
    response = yield from send(_command("generate_key", 0x01, 0x80 | card_map.jpki_file("key", kind), le=65536))
    if response.sw == SW.REFERENCE_NOT_FOUND:
        return None
    return _spki(_issued("public key", response).data)


def csr(kind: Kind, subject: bytes = NO_SUBJECT) -> Script[bytes]:
    """Return a DER PKCS#10 request (RFC 2986) signed by the card's new key.  `subject` is a DER Name."""
    spki = yield from public_key(kind)
    if spki is None:
        raise CardRefused("csr", SW.REFERENCE_NOT_FOUND)
    info = der.sequence(der.integer(0), subject, spki, der.context(0, b""))
    payload = der.digest_info("sha256", hashlib.sha256(info).digest())
    signature = yield from commands.compute_signature(card_map.jpki_file("key", kind), 0x00, payload)
    return der.sequence(info, signatures.algorithm_identifier(Scheme.RSA_PKCS1_SHA256), der.bit_string(signature))


def install(
    certificates: Mapping[Kind, bytes],
    ca_certificates: Mapping[Kind, bytes],
    attributes: BasicFour | None = None,
    individual_number: str | None = None,
) -> Script[None]:
    """Write certificates, those of the authorities, and on a card what the text application holds.

    Raises `IssuerRefused` (`reader.certificate_for_other_key`) before anything is written when a certificate is not for
    the card's key.
    """
    for kind, certificate in certificates.items():
        if files.certificate_spki(certificate) != (yield from public_key(kind)):
            raise IssuerRefused("reader.certificate_for_other_key", kind=kind.value)
    yield from commands.select_application("jpki")
    for kind, certificate in certificates.items():
        yield from write_file(card_map.jpki_file("certificate", kind), certificate)
    for kind, certificate in ca_certificates.items():
        yield from write_file(card_map.jpki_file("ca_certificate", kind), certificate)
    if attributes is not None or individual_number is not None:
        yield from _install_text(attributes, individual_number)


def _install_text(attributes: BasicFour | None, individual_number: str | None) -> Script[None]:
    text = card_map.application("text")
    yield from commands.select_application("text")
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


def set_pins(pins: Pins) -> Script[None]:
    """Set PINs and give them all their tries.  Raises `BadPinFormat` before anything is sent."""
    plan = [
        (application, ef, pin_bytes(rule, value))
        for rule, value, places in _places(pins)
        if value is not None
        for application, ef in places
    ]
    for application, ef, value in plan:
        yield from commands.select_application(application)
        _issued("set pin", (yield from send(_command("set_pin", 0x00, 0x80 | ef, value))))


def _places(pins: Pins) -> tuple[tuple[str, str | None, tuple[tuple[str, int], ...]], ...]:
    def at(application: str, role: str) -> tuple[str, int]:
        return application, card_map.application(application).by_role(role).id

    return (
        ("authentication", pins.authentication, (at("jpki", "pin.authentication"),)),
        ("signing", pins.signing, (at("jpki", "pin.signing"),)),
        ("text", pins.text, (at("text", "pin.text"),)),
        ("card", pins.card, (at("common", "pin.card"), at("juki", "pin.card"))),
    )


def finish() -> Script[None]:
    """Hand the card over: from now on its keys obey their PINs only.  The card refuses while a new key has no
    certificate.
    """
    yield from commands.select_application("jpki")
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
    """Read a public key template `7F49 { 81 modulus, 82 exponent }` (ISO/IEC 7816-8 §5.5.3)."""
    try:
        outer = tlv.parse_one(template)
        found = {one.tag: int.from_bytes(one.value, "big") for one in tlv.parse(outer.value)}
        return signatures.rsa_spki(found[0x81], found[0x82])
    except (tlv.TlvError, KeyError, CryptoError) as error:
        raise BadContent("public_key") from error
