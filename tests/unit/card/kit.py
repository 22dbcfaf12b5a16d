# SPDX-License-Identifier: Apache-2.0
"""Cards for tests: a small certification authority of their own, keys made once, and a card issued through its real
commands.
"""

import functools
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tegata.card import Card, CardImage
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.jpki import Kind
from tegata.jpki.attributes import BasicFour, BirthDate, Sex
from tegata.reader import JpkiSession, personalise
from tegata.reader.script import Script, run

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ISSUER_KEY = bytes(range(16))
NUMBER = "123456789010"
FOUR = BasicFour("山田　花子", "00000", "東京都渋谷区神南１－２－３", "0" * 13, BirthDate.of(1990, 2, 28), Sex.FEMALE)
PINS = personalise.Pins(authentication="1234", signing="ABC123", text="4321", card="9876")
PIN = {Kind.AUTHENTICATION: "1234", Kind.SIGNING: "ABC123"}


@functools.cache
def key(number: int) -> SoftwareKey:
    """Return the n-th key of a small stock; making one takes long."""
    return SoftwareKey.generate(Algorithm.RSA_2048)


def key_stock() -> Callable[[Algorithm], SoftwareKey]:
    """Return a source of keys for one card: always the same keys in the same order."""
    numbers = itertools.count()
    return lambda _: key(next(numbers) % 4)


@functools.cache
def _ca(kind: Kind) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    private = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Test CA {kind.value}")])
    certificate = _certificate(name, name, private.public_key(), private, ca=True)
    return private, certificate


def ca_certificate(kind: Kind) -> bytes:
    """Return the DER certificate of the tests' authority."""
    return _ca(kind)[1].public_bytes(serialization.Encoding.DER)


def certify(kind: Kind, request: bytes) -> bytes:
    """Return a DER certificate for a PKCS#10 request, after checking the request's own signature."""
    csr = x509.load_der_x509_csr(request)
    assert csr.is_signature_valid
    private, ca = _ca(kind)
    public = csr.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Holder {kind.value}")])
    return _certificate(subject, ca.subject, public, private, ca=False).public_bytes(serialization.Encoding.DER)


def _certificate(
    subject: x509.Name, issuer: x509.Name, public: rsa.RSAPublicKey, signer: rsa.RSAPrivateKey, *, ca: bool
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .sign(signer, hashes.SHA256())
    )


def blank(profile: str = "card", on_persist: Callable[[CardImage], None] = lambda _: None) -> Card:
    """Return a card as its maker delivers it."""
    image = CardImage.blank(profile, ISSUER_KEY, "TEGATA0000000001")
    return Card(image, on_persist=on_persist, keys=key_stock())


def keys_and_requests() -> Script[dict[Kind, bytes]]:
    """Have the card make its keys, and return a request for each."""
    yield from personalise.open_issuer_session(ISSUER_KEY)
    requests = {}
    for kind in Kind:
        yield from personalise.generate_key(kind)
        requests[kind] = yield from personalise.csr(kind)
    return requests


def complete(certificates: dict[Kind, bytes], *, text: bool) -> Script[None]:
    """Take certificates, and PINs and text on a card; go into service."""
    yield from personalise.open_issuer_session(ISSUER_KEY)
    authorities = {kind: ca_certificate(kind) for kind in Kind}
    yield from personalise.install(certificates, authorities, FOUR if text else None, NUMBER if text else None)
    if text:
        yield from personalise.set_pins(PINS)
    yield from personalise.finish()


@functools.cache
def issued_image(profile: str = "card") -> CardImage:
    """Return the image of a card that went through its whole issuance; a phone's owner has set her PINs too."""
    card = blank(profile)
    requests = run(keys_and_requests(), card.transmit)
    run(complete({k: certify(k, r) for k, r in requests.items()}, text=profile == "card"), card.transmit)
    if profile == "gpse":
        for kind in Kind:
            JpkiSession(card.transmit).set_first_pin(kind, PIN[kind])
    return card.image


def issued(profile: str = "card", on_persist: Callable[[CardImage], None] = lambda _: None) -> Card:
    """Return an issued card, freshly powered."""
    return Card(issued_image(profile), on_persist=on_persist, keys=key_stock())
