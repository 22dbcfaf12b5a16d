# SPDX-License-Identifier: Apache-2.0
"""Evidence bundles: the same verdict years later, and nothing that was changed goes unseen."""

import dataclasses
import json
from typing import Any

import pytest

from tegata.crypto.keys import Scheme
from tegata.jpki import Kind
from tegata.messages import TegataError
from tegata.verify import Evidence, Rejected, Status, StatusUnavailable, bundle, policies
from tegata.verify.bundle import Bundle, BundleError
from unit.verify.kit import NOW, SAN, Scene

DATA = b"a mobile contract"


def sealed(scene: Scene, data: bytes = DATA, status: Status | None = None) -> Bundle:
    """Return the bundle of a signature over `DATA`, judged over `data`."""
    signature = scene.key.sign(Scheme.RSA_PKCS1_SHA256, DATA)
    found = status or Status(ocsp=scene.authority.respond(scene.certificate))
    evidence = Evidence(scene.certificate, data, signature, Kind.SIGNING, found)
    return bundle.seal(evidence, {Kind.SIGNING: [scene.authority.der]}, NOW, policies.named("standard"))


def test_the_same_verdict_from_the_file_alone(signing: Scene) -> None:
    """Read back, it judges at the recorded time by the recorded policy, and writes the same bytes."""
    written = sealed(signing).to_bytes()
    again = bundle.read(written)
    verdict = again.judge()
    assert (verdict.serial, verdict.at, again.policy.name) == (4711, NOW, "standard")
    assert again.outcome["accepted"] is True
    assert again.to_bytes() == written
    assert again.judge({Kind.SIGNING: [signing.authority.der]}) == verdict
    assert set(again.software) == {"tegata", "cryptography"}


def test_a_refusal_is_kept_and_reached_again(signing: Scene) -> None:
    """What was refused then is refused with the same reason and the same checks."""
    again = bundle.read(sealed(signing, b"other data").to_bytes())
    with pytest.raises(Rejected) as caught:
        again.judge()
    assert caught.value.reason == again.outcome["reason"] == "verify.bad_signature"
    with pytest.raises(StatusUnavailable, match=r"verify\.status_missing"):
        bundle.read(sealed(signing, status=Status()).to_bytes()).judge()


def test_a_certificate_alone_has_a_bundle_too(signing: Scene) -> None:
    """A list instead of a response, no data."""
    status = Status(crl=signing.authority.revocation_list())
    anchors = {Kind.SIGNING: [signing.authority.der]}
    again = bundle.read(bundle.seal((signing.certificate, Kind.SIGNING, status), anchors, NOW).to_bytes())
    assert again.judge().scheme is None
    assert again.data is None


def test_other_anchors_give_another_verdict_and_say_so(signing: Scene, next_card: Scene) -> None:
    """A reader who trusts another authority is not told that all is as before."""
    with pytest.raises(BundleError, match=r"verify\.bundle_differs"):
        sealed(signing).judge({Kind.SIGNING: [next_card.authority.der]})


def test_no_byte_of_the_file_can_change(signing: Scene) -> None:
    """Every bit flipped, and every cut, is found before anything is judged."""
    written = sealed(signing).to_bytes()
    for at in range(0, len(written), 7):
        with pytest.raises(TegataError):
            bundle.read(written[:at] + bytes([written[at] ^ 1]) + written[at + 1 :])
    for wrong in (b"", written[:-1], written + b"\n", b" " + written, b"[" * 100_000, b"{}", b"\xff"):
        with pytest.raises(BundleError):
            bundle.read(wrong)


def with_digest(written: bytes, change: dict[str, Any]) -> bytes:
    """Change members of the content as a forger would, digest included."""
    content = json.loads(written)["content"]
    return bundle._file({**content, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"data": "b3RoZXI="},
        {"at": "2027-11-24T03:00:00Z"},
        {"at": "2026-11-24T03:00:01Z"},
        {"kind": "authentication"},
        {"scheme": "rsa-pss-sha256"},
        {"status": {"crl": None, "nonce": None, "ocsp": None}},
        {"outcome": {"accepted": False}},
    ],
)
def test_a_forger_with_a_new_digest_meets_the_signatures(signing: Scene, change: dict[str, Any]) -> None:
    """What he changes no longer leads to the verdict that is recorded."""
    with pytest.raises(BundleError, match=r"verify\.bundle_differs"):
        bundle.read(with_digest(sealed(signing).to_bytes(), change)).judge()


@pytest.mark.parametrize(
    "change", [{"data": "b3RoZXI"}, {"at": "then"}, {"at": None}, {"certificate": 1}, {"status": {}}, {"anchors": []}]
)
def test_content_that_makes_no_sense_is_damage(signing: Scene, change: dict[str, Any]) -> None:
    """Whatever the type, one reason."""
    with pytest.raises(BundleError, match=r"verify\.bundle_damaged"):
        bundle.read(with_digest(sealed(signing).to_bytes(), change))
    with pytest.raises(TegataError, match=r"verify\.bad_policy"):
        bundle.read(with_digest(sealed(signing).to_bytes(), {"policy": {}}))


def test_the_redacted_form_tells_of_nobody(signing: Scene) -> None:
    """Neither certificate nor data; verdict, status and the digest of the whole stay; it cannot be judged."""
    whole = sealed(signing)
    redacted = whole.redacted()
    content = json.loads(redacted)["content"]
    assert content["redacted_from"] == whole.digest()
    assert content["certificate"] == {"sha256": whole.outcome["fingerprint"]}
    kept = bundle._text(signing.certificate)
    assert kept is not None
    assert kept not in redacted.decode()
    assert not any(value in redacted.decode() for value in SAN.values() if len(value) > 1)
    with pytest.raises(BundleError, match=r"verify\.bundle_redacted"):
        bundle.read(redacted)
    with pytest.raises(BundleError, match=r"verify\.bundle_damaged"):
        bundle.read(redacted.replace(b'"accepted":true', b'"accepted":false'))


def test_the_repr_shows_nothing_of_the_person(signing: Scene) -> None:
    """It can be logged."""
    shown = repr(sealed(signing))
    assert all(value not in shown for value in SAN.values() if len(value) > 1)
    assert dataclasses.is_dataclass(sealed(signing))
