# SPDX-License-Identifier: Apache-2.0
"""The words on pages, from `words.toml`, and the language in which a browser gets them."""

import functools
import tomllib
from importlib import resources
from typing import Final

from starlette.requests import Request

from tegata.messages import LANGUAGES, Lang

COOKIE: Final = "tegata_lang"


@functools.cache
def catalogue() -> dict[str, dict[Lang, str]]:
    """Return every text by its key (`group.name`) and language."""
    raw = tomllib.loads((resources.files(__package__) / "words.toml").read_text("utf-8"))
    return {
        f"{group}.{name}": {lang: str(text[lang]) for lang in LANGUAGES}
        for group, texts in raw.items()
        for name, text in texts.items()
    }


def say(lang: Lang, key: str, /, **facts: object) -> str:
    """Return a text; raises `KeyError` for one that is not in the catalogue."""
    text = catalogue()[key][lang]
    return text.format_map(facts) if facts else text


def name_of(lang: Lang, group: str, value: object) -> str:
    """Return what people call a value of an API; one that has no name here is shown as it is."""
    entry = catalogue().get(f"{group}.{value}")
    return str(value) if entry is None else entry[lang]


def language(request: Request) -> Lang:
    """Return the language chosen here (`lang` in the address, then the cookie), else what the browser prefers.

    Japanese when it prefers neither of the two (RFC 9110 §12.5.4).
    """
    for chosen in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        for lang in LANGUAGES:
            if chosen == lang:
                return lang
    return preferred(request.headers.get("accept-language", ""))


def preferred(header: str) -> Lang:
    """Return the better liked of our languages in an Accept-Language header."""
    liked: dict[Lang, float] = {}
    for entry in header.lower().split(","):
        tag, _, weight = entry.partition(";")
        lang = next((one for one in LANGUAGES if tag.strip().split("-")[0] == one), None)
        if lang is not None:
            liked[lang] = max(liked.get(lang, 0.0), _weight(weight))
    return "en" if liked.get("en", 0.0) > liked.get("ja", 0.0) else "ja"


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
