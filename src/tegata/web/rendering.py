# SPDX-License-Identifier: Apache-2.0
"""Turns a template into a page: words in the reader's language, times of Japan, headers that keep strangers out.

Pages hold no script and nothing from other hosts, and the Content-Security-Policy says so.  The mark that nothing here
is genuine is part of the frame of every page.
"""

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import segno
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import URL
from starlette.responses import HTMLResponse

from tegata.clock import JST
from tegata.jpki.attributes import BadAttributes, BirthDate
from tegata.messages import Lang
from tegata.web import words

if TYPE_CHECKING:
    from tegata.web.visit import Visit

MARK: Final = "試験用 TEGATA TEST"
"""Stands on every page."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_ERAS: Final = (1868, 1912, 1926, 1989, 2019)
"""First years of Meiji, Taisho, Showa, Heisei, Reiwa."""

PLACES: Final = (("home", "/"), ("shop", "/shop"), ("tax", "/tax"), ("kiosk", "/kiosk"), ("counter", "/counter"))
"""The places of the country in the order of the menu; their names are `place.*` in the words."""


class Renderer:
    """Renders templates of this package."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("tegata.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["qr"] = qr
        self._environment.globals["mark"] = MARK
        self._environment.globals["places"] = PLACES

    def page(self, visit: "Visit", template: str, status: int, context: dict[str, Any]) -> HTMLResponse:
        """Return a page as a response."""
        lang = visit.lang
        values = {
            "lang": lang,
            "place": "",
            "t": lambda key, **facts: words.say(lang, key, **facts),
            "name": lambda group, value: words.name_of(lang, group, value),
            "moment": lambda text: moment(text, lang),
            "birth": lambda text: birth(text, lang),
            "visit": visit,
            "problem": visit.problem,
            "done": done(visit.query("done"), lang),
            "in_language": lambda other: in_language(visit.request.url, other),
            **context,
        }
        return HTMLResponse(self._environment.get_template(template).render(values), status, headers=HEADERS)


def done(key: str, lang: Lang) -> str | None:
    """Return the words for what was just done; only ours, whatever the address says."""
    return words.catalogue().get(f"done.{key}", {}).get(lang)


def in_language(url: URL, lang: Lang) -> str:
    """Return the same page in another language."""
    there = url.remove_query_params("done").include_query_params(lang=lang)
    return f"{there.path}?{there.query}"


def moment(text: str | None, lang: Lang) -> str:
    """Return an ISO 8601 time as people in Japan read it; what is none is shown as it is."""
    try:
        there = datetime.fromisoformat(text or "").astimezone(JST)
    except ValueError:
        return text or ""
    if lang == "ja":
        return f"{there.year}年{there.month}月{there.day}日 {there:%H:%M}"
    return f"{there:%Y-%m-%d %H:%M} JST"


def birth(text: str, lang: Lang) -> str:
    """Return a birth date as certificates write it (`EYYYYMMDD`, 0 for unknown) the way people write it."""
    try:
        born = BirthDate.parse(text)
    except BadAttributes:
        return text
    width = 1 if lang == "ja" else 2
    return words.say(
        lang,
        "person.born",
        year=born.year or "?",
        era=_era(born, lang),
        month=f"{born.month:0{width}}" if born.month else "?",
        day=f"{born.day:0{width}}" if born.day else "?",
    )


def _era(born: BirthDate, lang: Lang) -> str:
    if not born.era:
        return "?"
    count = born.year - _ERAS[born.era - 1] + 1
    return words.say(lang, f"era.{born.era}") + ("元" if lang == "ja" and count == 1 else str(count))


def qr(content: str) -> Markup:
    """Return a two-dimensional code as SVG without any style of its own; whoever shows it names it."""
    drawn = io.BytesIO()
    segno.make(content, error="m", micro=False).save(
        drawn,
        kind="svg",
        xmldecl=False,
        svgns=True,
        omitsize=True,
        border=4,
        dark="#000",
        light="#fff",
        svgclass=None,
        lineclass=None,
    )
    hidden = drawn.getvalue().decode().replace("<svg ", '<svg aria-hidden="true" ', 1)
    return Markup(hidden)  # noqa: S704 -- drawn here, holds no text of anybody
