# SPDX-License-Identifier: Apache-2.0
"""Cards for tests: a small certification authority of their own, keys made once, and a card issued through its real
commands.
"""

import functools
import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tegata.card import Card, CardImage
from tegata.codecs import der
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.jpki import Kind, card_verifiable
from tegata.jpki.attributes import BasicFour, BirthDate, Sex
from tegata.reader import JpkiSession, contents, personalise
from tegata.reader.script import Script, run

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ISSUER_KEY = bytes(range(16))
NUMBER = "123456789010"
FOUR = BasicFour("山田　花子", "00000", "東京都渋谷区神南１－２－３", "0" * 13, BirthDate.of(1990, 2, 28), Sex.FEMALE)
FACTS = contents.Facts("TEGATA0000000001", "13113", date(2035, 2, 28), FOUR, NUMBER)
PICTURES = contents.Pictures(
    b"\x89PNG name", b"\x89PNG address", b"\x89PNG number", b"\0\0\0\x0cjP  photo" + bytes(200)
)
CODE = "2285"
PINS = personalise.Pins(
    authentication="1234",
    signing="ABC123",
    text="4321",
    card="9876",
    number_a=NUMBER,
    number_b="02022820352285",
    birth="020228",
)
PIN = {Kind.AUTHENTICATION: "1234", Kind.SIGNING: "ABC123"}


@functools.cache
def key(number: int) -> SoftwareKey:
    """Return the n-th key of a small stock; making one takes long."""
    return SoftwareKey.generate(Algorithm.RSA_2048)


def key_stock() -> Callable[[Algorithm], SoftwareKey]:
    """Return a source of keys for one card: always the same keys in the same order."""
    numbers = itertools.count()

    def make(algorithm: Algorithm) -> SoftwareKey:
        if not algorithm.is_rsa:
            return SoftwareKey.generate(algorithm)
        return key(next(numbers) % 6)

    return make


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


def _cv(issuer: str, signer: SoftwareKey, subject: str, spki: bytes) -> bytes:
    body = card_verifiable.body(card_verifiable.key_id(issuer), card_verifiable.key_id(subject), spki)
    signature = signer.sign(Scheme.RSA_PKCS1_SHA256, body)
    return card_verifiable.CardCertificate(b"", b"", spki, body, signature).to_bytes()


ROOT, TEXT_ISSUER, SURFACE_ISSUER = 10, 11, 12
"""Numbers of the card issuer's keys in the stock."""


def roots() -> dict[bytes, bytes]:
    """Return the tests' root by the identifiers under which it certifies."""
    return {card_verifiable.key_id(number): key(ROOT).spki for number in ("20", "23", "33")}


def sign_contents(digests: Mapping[str, bytes]) -> contents.Signed:
    """Sign a card's contents as its issuer does."""
    signer = {"text": key(TEXT_ISSUER), "surface": key(SURFACE_ISSUER)}
    return contents.Signed(
        {
            item: signer[item.partition(".")[0]].sign_padded(der.digest_info("sha256", digest))
            for item, digest in digests.items()
        },
        _cv("33", key(ROOT), "133", key(TEXT_ISSUER).spki),
        _cv("23", key(ROOT), "123", key(SURFACE_ISSUER).spki),
        _cv("20", key(ROOT), "120", key(TEXT_ISSUER).spki),
        _cv("120", key(TEXT_ISSUER), "220", key(SURFACE_ISSUER).spki),
        CODE,
    )


def write_contents(facts: contents.Facts = FACTS) -> Script[None]:
    """Have the applications make their keys, and write everything beside JPKI."""
    plan = contents.draft(facts, PICTURES, (yield from personalise.own_keys()))
    files = contents.written(plan, sign_contents(plan.digests()), b"\x89PNG code")
    yield from personalise.write_contents(files)


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
    yield from personalise.install(certificates, authorities)
    if text:
        yield from write_contents()
        yield from personalise.set_pins(PINS)
    yield from personalise.finish()


def _rehearsal() -> Script[None]:
    """Issue a card of the next generation: keys, self-made certificates, two passwords, text."""
    yield from personalise.open_issuer_session(ISSUER_KEY, "next")
    certificates = {}
    for kind in Kind:
        yield from personalise.generate_key(kind, "next")
        request = yield from personalise.csr(kind, generation="next")
        spki = der.read(request).children()[0].children()[2].raw
        certificates[kind] = der.sequence(der.sequence(*[der.null()] * 5, spki), der.tlv(0x04, bytes(256)))
    yield from personalise.install(certificates, {}, FOUR, NUMBER, "next")
    yield from personalise.set_pins(PINS, "next")
    yield from personalise.finish("next")


@functools.cache
def issued_image(profile: str = "card") -> CardImage:
    """Return the image of a card that went through its whole issuance; a phone's owner has set her PINs too."""
    if profile == "next":
        card = blank(profile)
        run(_rehearsal(), card.transmit)
        return card.image
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
