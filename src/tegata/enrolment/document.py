# SPDX-License-Identifier: Apache-2.0
"""The application document: the exact bytes that the card signs.

It is canonical JSON (RFC 8785 order and form for the plain strings that occur here), so that a person's software can
rebuild it, and it binds the signature to one challenge, one device and one quarter of an hour.
"""

import json
from datetime import UTC, datetime

from tegata.enrolment.model import Device
from tegata.wire import b64

TYPE = "urn:tegata:phone-certificate-application:1"


def build(application_id: str, challenge: bytes, device: Device, applied_at: datetime, expires_at: datetime) -> bytes:
    """Return the document's bytes: UTF-8 JSON, members sorted, no white space, times in ISO 8601 UTC."""
    content = {
        "application_id": application_id,
        "applied_at": moment(applied_at),
        "challenge": b64(challenge),
        "device": device.to_json(),
        "expires_at": moment(expires_at),
        "type": TYPE,
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def moment(time: datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the second, with `Z`."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
