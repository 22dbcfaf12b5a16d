# SPDX-License-Identifier: Apache-2.0
"""What Tegata says to people: one catalogue, Japanese and English, and the error that carries an identifier into it.

Code raises `TegataError("package.reason", fact=...)`; only the edge (command line, HTTP, page) turns the identifier
into words.  Facts are public values such as a number of tries left; personal data and PINs never are.
"""

import functools
from dataclasses import dataclass
from typing import Literal

Lang = Literal["ja", "en"]
LANGUAGES: tuple[Lang, ...] = ("ja", "en")


@dataclass(frozen=True, slots=True)
class Message:
    """One message in one language: `what` happened, and the `next` step for the reader."""

    what: str
    next: str

    def __str__(self) -> str:
        return f"{self.what} {self.next}".strip()


class TegataError(Exception):
    """Root of every error that Tegata raises on purpose.

    `reason` is the stable identifier (`package.reason`) shared by catalogue, HTTP, JSON and documentation; `clause`
    cites the rule that was broken; `facts` are public values that the message may mention.
    """

    def __init__(self, reason: str, /, *, clause: str | None = None, **facts: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.clause = clause
        self.facts = facts

    def text(self, lang: Lang = "en") -> Message:
        """Return the message in `lang`."""
        return message(self.reason, lang, **self.facts)

    def __str__(self) -> str:
        return f"{self.reason}: {self.text()}"


@functools.cache
def catalogue() -> dict[str, dict[Lang, Message]]:
    """Return every message by reason and language, merged from the files of the packages."""
    import tomllib  # here, because most processes end without a message to show
    from importlib import resources

    merged: dict[str, dict[Lang, Message]] = {}
    folder = resources.files(__package__) / "catalogue"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            for reason, languages in tomllib.loads(file.read_text("utf-8")).items():
                merged[reason] = {lang: Message(**languages[lang]) for lang in LANGUAGES}
    return merged


def message(reason: str, lang: Lang = "en", /, **facts: object) -> Message:
    """Return the message for `reason`; an unknown reason is shown as it is rather than hiding the failure."""
    entry = catalogue().get(reason)
    if entry is None:
        return Message(what=reason, next="")
    found = entry[lang]
    shown = _Shown(facts)
    return Message(what=found.what.format_map(shown), next=found.next.format_map(shown))


class _Shown(dict[str, object]):
    """Facts for `format_map`: one that the raiser left out is shown as its name, never as a second error."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"
