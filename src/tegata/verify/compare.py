# SPDX-License-Identifier: Apache-2.0
"""Is the applicant the person in the certificate?  Field by field: match, differs, or undecidable, and why.

A certificate writes a name with the characters it has; where it lacks one it substitutes another and sets a flag.  A
flagged character therefore says nothing but that something stands there: it is a wildcard.  The rest is compared in
steps, each more lenient than the one before (`STEPS`), and the first step at which both sides agree is the reason.
What counts as the same writing stands in `compare.toml`.

Nothing is ever raised, whatever the applicant wrote; and no result tells what was compared, only the field and why.
"""

import re
import tomllib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

from tegata.jpki.attributes import BasicFour, BirthDate, Sex
from tegata.messages import Lang, message

Outcome = Literal["match", "differs", "undecidable"]

LIMIT: Final = 1000
"""Characters of an answer that is looked at; certificates hold 200."""
WILD: Final = "\uffff"
"""A flagged character; no text holds it, because Unicode keeps it for programs."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """What a form says of a person; a field that was not asked for is None.

    `birth` may be written in ISO 8601, as eight digits, or with an era (平成2年4月1日, H2.4.1); `sex` as 1 or 2, as a
    word or a letter.  Its repr shows nothing.
    """

    name: str | None = field(default=None, repr=False)
    address: str | None = field(default=None, repr=False)
    birth: str | None = field(default=None, repr=False)
    sex: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one field; `reason` is an identifier of the message catalogue."""

    field: str
    outcome: Outcome
    reason: str

    def to_json(self, lang: Lang = "en") -> dict[str, str]:
        """Return the finding with its words."""
        words = message(self.reason, lang)
        return {
            "field": self.field,
            "outcome": self.outcome,
            "reason": self.reason,
            "what": words.what,
            "next": words.next,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The findings, in the order name, address, birth, sex."""

    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of all: one that differs outweighs one that is undecidable, and that a match."""
        found = {finding.outcome for finding in self.findings}
        return "differs" if "differs" in found else "undecidable" if "undecidable" in found else "match"

    def to_json(self, lang: Lang = "en") -> dict[str, Any]:
        """Return outcome and findings; nothing in it tells of the person."""
        return {"outcome": self.outcome, "fields": [finding.to_json(lang) for finding in self.findings]}


def compare(applicant: Applicant, certificate: BasicFour) -> Comparison:
    """Compare what an applicant wrote with the attributes of a signing certificate.  Never raises."""
    return Comparison(
        (
            _given("name", applicant.name, lambda text: _name(text, certificate)),
            _given("address", applicant.address, lambda text: _address(text, certificate)),
            _given("birth", applicant.birth, lambda text: _birth(text, certificate.birth)),
            _given("sex", applicant.sex, lambda text: _sex(text, certificate.sex)),
        )
    )


Judged = tuple[Outcome, str]


def _given(name: str, text: object, judge: Callable[[str], Judged]) -> Finding:
    if not isinstance(text, str) or not text.strip():
        return Finding(name, "undecidable", "verify.compare.not_given")
    if len(text) > LIMIT:
        return Finding(name, "differs", "verify.compare.other")
    return Finding(name, *judge(text.replace(WILD, "\ufffd")))


def _name(text: str, certificate: BasicFour) -> Judged:
    judged = _text(text, _flagged(certificate.name, certificate.name_flags), NAME_STEPS)
    if judged[0] == "differs" and _same_but_case(text, certificate.name):
        return "undecidable", "verify.compare.letter_case"
    return judged


def _address(text: str, certificate: BasicFour) -> Judged:
    flagged = _flagged(certificate.address, certificate.address_flags)
    judged = _text(text, flagged, ADDRESS_STEPS)
    if judged[0] != "differs":
        return judged
    ours, theirs = _variants(_notation(_width(flagged))), _variants(_notation(_width(text)))
    shorter, longer = sorted((ours, theirs), key=len)
    if shorter and WILD not in longer and (longer.startswith(shorter) or longer.endswith(shorter)):
        return "undecidable", "verify.compare.part_missing"
    return judged


def _flagged(text: str, flags: str) -> str:
    return "".join(WILD if flag == "1" else one for one, flag in zip(text, flags, strict=True))


def _text(text: str, flagged: str, steps: tuple[tuple[str, Callable[[str], str]], ...]) -> Judged:
    """Compare by ever more lenient steps."""
    substituted = WILD in flagged
    if not flagged.replace(WILD, "").strip():
        return "undecidable", "verify.compare.all_substituted"
    ours, theirs = unicodedata.normalize("NFC", flagged), unicodedata.normalize("NFC", text)
    for reason, fold in steps:
        ours, theirs = fold(ours), fold(theirs)
        if len(ours) == len(theirs) and all(a in (b, WILD) for a, b in zip(ours, theirs, strict=True)):
            return "match", "verify.compare.substituted" if substituted else reason
    if substituted and _fits(ours, theirs):
        return "undecidable", "verify.compare.substituted_length"
    return "differs", "verify.compare.other"


def _fits(pattern: str, text: str) -> bool:
    """Return whether `text` fits when each run of wildcards stands for one or more characters."""
    reached = {0}
    for part in re.findall(f"{WILD}+|[^{WILD}]", pattern):
        if part[0] == WILD:
            reached = set(range(min(reached) + 1, len(text) + 1))
        else:
            reached = {at + 1 for at in reached if text[at : at + 1] == part}
        if not reached:
            return False
    return len(text) in reached


def _width(text: str) -> str:
    """Fold width forms, leave out spaces and the selectors that choose a glyph of one character."""
    folded = "".join(one if one == WILD else unicodedata.normalize("NFKC", one) for one in text)
    return "".join(one for one in folded if not one.isspace() and not _is_selector(one))


def _is_selector(one: str) -> bool:
    return "\ufe00" <= one <= "\ufe0f" or "\U000e0100" <= one <= "\U000e01ef"


def _plain(text: str) -> str:
    return text


def _lines(text: str) -> str:
    return text.translate(_tables()["lines"])


def _variants(text: str) -> str:
    return text.translate(_tables()["variants"])


def _notation(text: str) -> str:
    """Fold the ways to write numbers and blocks of an address: 一丁目２番３号 is 1-2-3."""
    for word in _raw()["address"]["dropped"]:
        text = text.replace(word, "")
    text = re.sub("[〇一二三四五六七八九十百]+", lambda found: _number(found[0]), text)
    for word in _raw()["address"]["lines"]:
        text = re.sub(f"(?<=[0-9]){word}(?=[0-9]|$|[^0-9])", "-", text)
    text = re.sub("-+", "-", _lines(text))
    return re.sub("(?<=[0-9])-(?![0-9])", "", text)


_DIGITS: Final = {digit: value for value, digit in enumerate("〇一二三四五六七八九")}


def _number(written: str) -> str:
    """Return a number in kanji as digits: by place (二十三) or digit by digit (二三)."""
    if "十" not in written and "百" not in written:
        return "".join(str(_DIGITS[one]) for one in written)
    total = current = 0
    for one in written:
        if one in _DIGITS:
            current = _DIGITS[one]
        else:
            total += (current or 1) * (10 if one == "十" else 100)
            current = 0
    return str(total + current)


Step = tuple[str, Callable[[str], str]]
NAME_STEPS: Final[tuple[Step, ...]] = (
    ("verify.compare.same", _plain),
    ("verify.compare.width", _width),
    ("verify.compare.notation", _lines),
    ("verify.compare.variant", _variants),
)
ADDRESS_STEPS: Final[tuple[Step, ...]] = (
    ("verify.compare.same", _plain),
    ("verify.compare.width", _width),
    ("verify.compare.notation", _notation),
    ("verify.compare.variant", _variants),
)


def _same_but_case(text: str, name: str) -> bool:
    return _width(text).casefold() == _width(name).casefold()


def _birth(text: str, ours: BirthDate) -> Judged:
    """Compare the Gregorian parts that both sides know; the era digit says nothing that the year does not."""
    theirs = _parts(_width(text))
    if theirs is None:
        return "undecidable", "verify.compare.unreadable"
    pairs = list(zip(theirs, (ours.year, ours.month, ours.day), strict=True))
    if any(a != b for a, b in pairs if a and b):
        return "differs", "verify.compare.other"
    if not all(a and b for a, b in pairs):
        return "undecidable", "verify.compare.unknown_part"
    if ours.era not in (0, BirthDate.of(ours.year, ours.month, ours.day).era):
        return "match", "verify.compare.era"
    return "match", "verify.compare.same"


def _parts(text: str) -> tuple[int, int, int] | None:
    """Return year, month and day as written, 0 for a part that is unknown; None for what is no date."""
    found = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})", text, re.ASCII)
    era = "|".join(_raw()["eras"])
    found = found or re.fullmatch(
        rf"((?:{era})?(?:[0-9]{{1,4}}|元))[-./年]([0-9]{{1,2}})[-./月]([0-9]{{1,2}})日?", text, re.ASCII | re.IGNORECASE
    )
    if found is None:
        return None
    year, month, day = _year(found[1]), int(found[2]), int(found[3])
    return (year, month, day) if month <= 12 and day <= 31 else None


def _year(written: str) -> int:
    name = written.rstrip("0123456789元").upper()
    number = written[len(name) :]
    return int(_raw()["eras"].get(name, 0)) + (1 if number == "元" else int(number))


def _sex(text: str, ours: Sex) -> Judged:
    written = _width(text).casefold()
    theirs = next((name for name, words in _raw()["sex"].items() if written in words), None)
    if theirs is None:
        return "undecidable", "verify.compare.unreadable"
    if ours is Sex.UNKNOWN:
        return "undecidable", "verify.compare.unknown_part"
    return ("match", "verify.compare.same") if ours.name.lower() == theirs else ("differs", "verify.compare.other")


@cache
def _raw() -> dict[str, Any]:
    return tomllib.loads((resources.files(__package__) / "compare.toml").read_text("utf-8"))


@cache
def _tables() -> dict[str, dict[int, str]]:
    """Return the tables as `str.translate` wants them: every character of a group becomes its first."""
    groups = [*_raw()["variants"], *_raw()["kana"]]
    return {
        "variants": {ord(one): group[0] for group in groups for one in group[1:]},
        "lines": {ord(one): "-" for one in _raw()["lines"]},
    }
