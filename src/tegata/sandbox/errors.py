# SPDX-License-Identifier: Apache-2.0
"""The errors of the country as a whole.

SandboxError
├── NotFound      no such person, card, phone or client
├── Refused       the country itself says no
├── Unavailable   a party did not answer in a way that can be used
├── PartyProblem  a party said no: its problem document and status pass through as they are
└── StoryFailed   a step of the story did not show what it should
"""

from typing import Any

from tegata.messages import TegataError


class SandboxError(TegataError):
    """Root of this package's errors."""


class NotFound(SandboxError, LookupError):
    """No such person, card, phone or client."""


class Refused(SandboxError):
    """The country itself says no."""


class Unavailable(SandboxError):
    """A party did not answer in a way that can be used."""


class PartyProblem(SandboxError):
    """A party said no.  Reason and facts are its own; `status` and `document` (RFC 9457) are shown unchanged."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        facts = document.get("facts")
        super().__init__(str(document.get("reason", f"http {status}")), **(facts if isinstance(facts, dict) else {}))
        self.status = status
        self.document = document


class StoryFailed(SandboxError):
    """A step of the story did not show what it should."""
