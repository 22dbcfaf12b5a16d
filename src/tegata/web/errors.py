# SPDX-License-Identifier: Apache-2.0
"""What can go wrong on a page.

WebError
├── PageError   the page itself says no: not found, foreign form, bad form; `status` is the HTTP status
└── Problem     an API of the country said no (RFC 9457), or did not answer
"""

from collections.abc import Mapping
from typing import Any

from tegata.messages import Lang, Message, TegataError, catalogue, message


class WebError(TegataError):
    """Root of this package's errors."""

    status = 500


class PageError(WebError):
    """The page itself says no."""

    def __init__(self, reason: str, /, status: int) -> None:
        super().__init__(reason)
        self.status = status


class Problem(WebError):
    """An API said no.  Its words are those of the common catalogue in the reader's language, else its own."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        clause, facts = document.get("clause"), document.get("facts")
        super().__init__(str(document.get("reason") or f"http {status}"), clause=clause and str(clause))
        self.facts = dict(facts) if isinstance(facts, dict) else {}
        self.status = status
        self.document = document

    @property
    def checks(self) -> list[dict[str, Any]]:
        """Return the verifier's ordered list of checks, where a verdict was refused."""
        found = self.document.get("checks")
        return found if isinstance(found, list) else []

    def text(self, lang: Lang = "en") -> Message:
        """Return what happened and what to do."""
        if self.reason in catalogue():
            return super().text(lang)
        what = str(self.document.get("detail") or self.document.get("title") or self.reason)
        return Message(what, str(self.document.get("next") or ""))

    def behind(self, lang: Lang = "en") -> Message | None:
        """Return the words of the service behind the one that was asked, as a phone passes them on.

        They are in the phone's language; where the common catalogue can say the same in the reader's, it does.
        """
        reason = self.facts.get("service_reason")
        if reason is None:
            return None
        known = message(str(reason), lang, **self.facts)
        passed = Message(str(self.facts.get("service_what") or ""), str(self.facts.get("service_next") or ""))
        whole = reason in catalogue() and "<" not in known.what
        return known if whole or not passed.what else passed
