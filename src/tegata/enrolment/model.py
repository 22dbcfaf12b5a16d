# SPDX-License-Identifier: Apache-2.0
"""What the service knows about an application: frozen values, nothing that acts.

An application names a device, never a person: who applies is known only by the serial number of the card's signing
certificate, which the authority can follow and this service cannot.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where an application stands.  `rules.TRANSITIONS` says what leads from one to the next."""

    APPLIED = "applied"
    PROVEN = "proven"
    MAKING_KEYS = "making_keys"
    KEYS_GENERATED = "keys_generated"
    ISSUED = "issued"
    INSTALLED = "installed"
    STOPPING = "stopping"
    SUPERSEDED = "superseded"
    HELD = "held"
    ENDED = "ended"
    REFUSED = "refused"
    EXPIRED = "expired"
    DISCARDED = "discarded"


class Event(StrEnum):
    """What can happen to an application."""

    PROVE = "prove"
    BEGIN = "begin"
    GENERATE = "generate"
    ISSUE = "issue"
    INSTALL = "install"
    REFUSE = "refuse"
    EXPIRE = "expire"
    DISCARD = "discard"
    SUPERSEDE = "supersede"
    HOLD = "hold"
    STOP = "stop"
    ERASE = "erase"


class Act(StrEnum):
    """What the authority has yet to be told about a pair that it issued."""

    INSTALLED = "installed"
    DISCARDED = "discarded"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Device:
    """The phone that applies: maker and model as sold, platform (`android`, `ios`), serial number of its element."""

    maker: str
    model: str
    platform: str
    serial: str

    def to_json(self) -> dict[str, str]:
        """Return the members of the wire form."""
        return {"maker": self.maker, "model": self.model, "platform": self.platform, "serial": self.serial}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two DER values, one for each kind of key: certificate requests (PKCS#10) or certificates."""

    signing: bytes = field(repr=False)
    authentication: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Debt:
    """One message that the authority is owed about the pair issued under `issue_request_id`.

    A hold carries the hotline's own `request_id`.
    """

    issue_request_id: str
    act: Act
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """One application for phone certificates, as recorded.

    `document` are the exact bytes that the card signs.  `parent_serial` is the serial number of the card's signing
    certificate once proven.  `issue_request_id` names this application to the authority, the same on every repeat;
    `application_id` opens it and is told to nobody but the phone.  `holds_element` says that the phone's element is
    this application's: what keys are in it, whole or half made, are those.  `requests` wait to be certified,
    `certificates` to be installed.  `reason` says why the application ended.
    """

    application_id: str = field(repr=False)
    request_id: str = field(repr=False)
    issue_request_id: str
    device: Device
    document: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime
    state: State = State.APPLIED
    reason: str | None = None
    parent_serial: int | None = field(default=None, repr=False)
    holds_element: bool = False
    requests: Pair | None = None
    certificates: Pair | None = None
