# SPDX-License-Identifier: Apache-2.0
"""Is this card a copy?  The check of the 券面 applications, step by step.

1. certificate   file 0004 is a card-verifiable certificate
2. root          it names a root that we trust, and that root signed it
3. key           the record that names the application's own key was signed by the certified issuer key
4. contents      what else can be read agrees with what the issuer signed
5. challenge     the application signs a fresh challenge with that key, without any PIN

`text` and `surface` are scripts for an application that is selected and opened by one of its PINs; they end in a
`Genuine`, or raise `NotAuthentic`, which says at which step and why.  Either lists all steps.  There is no
authentication of the host in this public procedure.  Source: soltia48/myna-card; PocketSign describes the same.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import CryptoError, Scheme
from tegata.jpki import card_map
from tegata.jpki.card_verifiable import BadCertificate, CardCertificate
from tegata.reader import commands, files, surface_files
from tegata.reader.errors import BadContent, CardRefused, PinRequired, ReaderError
from tegata.reader.script import Script

STEPS: Final = ("certificate", "root", "key", "contents", "challenge")
CHALLENGE_SIZE: Final = 32

Roots = Mapping[bytes, bytes]
"""Trusted roots: DER SPKI by key identifier (16 bytes)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the check: `passed`, `failed` or `not_reached`, and what it was about."""

    name: str
    outcome: str
    detail: str = ""


class NotAuthentic(ReaderError):
    """The card did not show that it is no copy (`reader.not_authentic.<step>`); `steps` says how far it came."""

    def __init__(self, step: str, steps: tuple[Step, ...]) -> None:
        super().__init__(f"reader.not_authentic.{step}", clause="card.md §3.12")
        self.steps = steps


@dataclass(frozen=True, slots=True)
class Genuine:
    """A card that passed every step.  `files` are those that were read and agreed."""

    application: str
    root: bytes
    issuer: bytes
    key: bytes = field(repr=False)
    files: tuple[str, ...]
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the members that scripts read."""
        return {
            "application": self.application,
            "root": self.root.hex(),
            "issuer": self.issuer.hex(),
            "key_sha256": hashlib.sha256(self.key).hexdigest(),
            "files": list(self.files),
            "steps": [{"name": one.name, "outcome": one.outcome, "detail": one.detail} for one in self.steps],
        }


@dataclass(slots=True)
class _Course:
    """How far a check has come."""

    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, detail: str = "") -> Iterator[None]:
        """Mark the next step by how its block ends; what a card may do wrong becomes `NotAuthentic`."""
        name = STEPS[len(self.steps)]
        try:
            yield
        except (_Wrong, BadContent, BadCertificate, CryptoError, CardRefused) as error:
            self.steps.append(Step(name, "failed", str(error.args[0])))
            rest = (Step(later, "not_reached") for later in STEPS[len(self.steps) :])
            raise NotAuthentic(name, (*self.steps, *rest)) from error
        self.steps.append(Step(name, "passed", detail))


class _Wrong(Exception):
    """The step fails for a reason of ours."""


def roots_from_json(content: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Read trusted roots as the authority gives them at `/authority/v1/card-roots`; raises `BadContent`."""
    try:
        return {
            bytes.fromhex(one["key_id"]): base64.b64decode(one["public_key"], validate=True) for one in content["roots"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise BadContent("roots") from error


def text(roots: Roots, random: Callable[[int], bytes]) -> Script[Genuine]:
    """Check the text application; raises `NotAuthentic`, and `PinRequired` when nothing has opened it."""
    application = card_map.application("text")
    course = _Course()
    issuer, certificate = yield from _certified(application.by_role("certificate.issuer").id, roots, course)
    record = yield from commands.read_file(application.by_role("signed_key").id)
    with course.step():
        signed, own_key, signature = files.read_signed_key(record)
        signatures.verify(issuer, Scheme.RSA_PKCS1_SHA256, signed, signature)
    digest_file = yield from commands.read_file(application.by_role("digests").id)
    number = yield from _if_open(application.by_role("individual_number").id)
    attributes = yield from _if_open(application.by_role("attributes").id)
    found = [name for name, content in (("individual_number", number), ("attributes", attributes)) if content]
    with course.step(", ".join(found)):
        signed, digests, signature = files.read_signed_digests(digest_file)
        signatures.verify(issuer, Scheme.RSA_PKCS1_SHA256, signed, signature)
        if number and hashlib.sha256(number).digest() != digests[:32]:
            raise _Wrong("individual_number")
        if attributes and hashlib.sha256(files.signed_range(attributes)).digest() != digests[32:]:
            raise _Wrong("attributes")
    yield from _challenged(own_key, random, course)
    return Genuine("text", certificate.issuer, certificate.subject, own_key, tuple(found), tuple(course.steps))


def surface(roots: Roots, random: Callable[[int], bytes]) -> Script[Genuine]:
    """Check the surface application, by whichever of face, number and birth date is open; raises as `text`."""
    application = card_map.application("surface")
    course = _Course()
    issuer, certificate = yield from _certified(application.by_role("certificate.issuer").id, roots, course)
    found: dict[str, bytes] = {}
    for role in ("face", "number_picture", "birth"):
        content = yield from _if_open(application.by_role(role).id)
        if content:
            found[role] = content
    if not found:
        raise PinRequired
    with course.step():
        keys = {role: _checked_record(role, content, issuer) for role, content in found.items()}
    with course.step(", ".join(found)):
        if len(set(keys.values())) != 1:
            raise _Wrong("different keys")
    own_key = next(iter(keys.values()))
    yield from _challenged(own_key, random, course)
    return Genuine("surface", certificate.issuer, certificate.subject, own_key, tuple(found), tuple(course.steps))


def _checked_record(role: str, content: bytes, issuer: bytes) -> bytes:
    """Return the application's key in a record of the surface application, after checking the issuer's signature."""
    if role == "face":
        shown = surface_files.read_face(content)
        payload = der.digest_info("sha256", shown.signed_digests())
        signatures.verify(issuer, Scheme.RSA_PKCS1_BARE, payload, shown.signature)
        return shown.spki
    record = surface_files.read_birth_record(content) if role == "birth" else surface_files.read_number_picture(content)
    signatures.verify(issuer, Scheme.RSA_PKCS1_SHA256, record.signed, record.signature)
    return record.spki


def _certified(ef: int, roots: Roots, course: _Course) -> Script[tuple[bytes, CardCertificate]]:
    """Steps 1 and 2: return the issuer's key and its certificate."""
    content = yield from commands.read_file(ef)
    with course.step():
        certificate = CardCertificate.parse(content)
    with course.step(certificate.issuer.hex()):
        if certificate.issuer not in roots:
            raise _Wrong("unknown root")
        certificate.check(roots[certificate.issuer])
    return certificate.spki, certificate


def _challenged(own_key: bytes, random: Callable[[int], bytes], course: _Course) -> Script[None]:
    challenge = random(CHALLENGE_SIZE)
    digest = hashlib.sha256(challenge).digest()
    signature, refused = b"", 0
    try:
        signature = yield from commands.sign_by_application(digest)
    except CardRefused as error:
        refused = error.sw
    with course.step():
        if refused:
            raise _Wrong(f"{refused:04X}")
        signatures.verify_digest(own_key, Scheme.RSA_PKCS1_SHA256, digest, signature)


def _if_open(ef: int) -> Script[bytes]:
    """Return a file's content, or nothing when no PIN that was verified opens it."""
    try:
        return (yield from commands.read_file(ef))
    except PinRequired:
        return b""
