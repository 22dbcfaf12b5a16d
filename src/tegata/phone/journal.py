# SPDX-License-Identifier: Apache-2.0
"""What the app remembers of its enrolment, so that a crash between any two steps costs nothing.

Each entry is written before the step that it announces and after the step that it records.  PINs are never in it: where
one is still to be set, the owner types it again.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Final

NONE: Final = "none"
ENDED: Final = "ended"
INSTALLED: Final = "installed"

OVER: Final = frozenset({"superseded", "held", "refused", "expired", "discarded"})
"""States of the service in which the app has nothing left to do but erase."""


@dataclass(frozen=True, slots=True)
class Journal:
    """One enrolment as the app knows it.

    `request_id` goes out with the application, `application_id` came back; both are secrets between phone and service.
    `state` is the service's last word, `reason` why it ended.  `pins_set` says that the owner has set both first PINs,
    `stopping` that she wants to stop.
    """

    request_id: str = field(repr=False)
    application_id: str | None = field(default=None, repr=False)
    state: str = NONE
    reason: str | None = None
    pins_set: bool = False
    stopping: bool = False

    def now(self, **changes: object) -> "Journal":
        """Return the journal with members replaced."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """Return the members of the form at rest."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> "Journal":
        """Inverse of `to_json`; raises `TypeError` for anything else."""
        journal = cls(**members)
        texts = (journal.request_id, journal.state, journal.application_id or "", journal.reason or "")
        if not all(isinstance(one, str) for one in texts):
            raise TypeError("journal")
        return journal.now(pins_set=journal.pins_set is True, stopping=journal.stopping is True)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Where an enrolment stands, for its owner's eyes.

    `state` is `none` or the service's word; `ready` says that the phone can be used; `pins_missing` that the owner has
    still to set the first PINs; `reason` why the enrolment ended.
    """

    state: str
    ready: bool
    pins_missing: bool
    reason: str | None

    @classmethod
    def of(cls, journal: Journal | None) -> "Enrolment":
        """Return what a journal says."""
        if journal is None:
            return cls(NONE, ready=False, pins_missing=False, reason=None)
        installed = journal.state == INSTALLED and not journal.stopping
        return cls(
            "stopping" if journal.stopping and journal.state != ENDED else journal.state,
            ready=installed and journal.pins_set,
            pins_missing=installed and not journal.pins_set,
            reason=journal.reason,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the members for a screen or the control API."""
        return dataclasses.asdict(self)
