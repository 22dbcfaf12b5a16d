# SPDX-License-Identifier: Apache-2.0
"""Sets documents as PDF/A-2u with Typst and IPAmj明朝, and single lines as pictures for the card's face.

The template is a file of this package; a person's data reaches it as JSON in one input and is only ever shown as
text, so nothing in a name can be taken for markup.  One compiler is kept, which makes later pages some twenty times
faster than the first.
"""

import json
import tempfile
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

import typst

from tegata.municipality import font
from tegata.municipality.errors import Refused, Unavailable

STANDARD: Final = "a-2u"
_TEMPLATE: Final = "residence_certificate.typ"
_LINES: Final = b"""
#let data = json(bytes(sys.inputs.data))
#set page(width: auto, height: auto, margin: 1pt, fill: white)
#set text(font: data.font, size: 11pt)
#for (number, line) in data.lines.enumerate() { if number > 0 { pagebreak() }; line }
"""
_DOTS_PER_INCH: Final = 144
GETA: Final = "\u3013"
"""The printers' sign for a character that is missing."""


class Press:
    """A compiler with one font, opened with the first document."""

    def __init__(self, configured_font: Path | None) -> None:
        self._configured = configured_font
        self._coverage: font.Coverage | None = None
        self._compiler: typst.Compiler | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._family = ""
        self._template = (resources.files(__package__) / _TEMPLATE).read_bytes()

    def set(self, content: dict[str, Any], now: datetime) -> bytes:
        """Return the PDF.  Raises `Refused` (`municipality.cannot_draw`) and `Unavailable` (no font)."""
        compiler, coverage = self._ready()
        missing = coverage.missing("".join(_texts(content)))
        if missing:
            raise Refused("municipality.cannot_draw", characters=", ".join(missing))
        inputs = {"data": json.dumps({**content, "font": self._family, "date": [now.year, now.month, now.day]})}
        try:
            pdf = compiler.compile(
                self._template,
                format="pdf",
                sys_inputs=inputs,
                pdf_standards=STANDARD,
                timestamp=now.replace(microsecond=0),
            )
        except typst.TypstError:
            raise Refused("municipality.cannot_set") from None  # its text may quote the page
        if not isinstance(pdf, bytes):
            raise Refused("municipality.cannot_set")
        return pdf

    def draw(self, lines: list[str]) -> list[bytes]:
        """Return each line as a PNG (8-bit RGBA, on white); a character that the font lacks becomes 〓.

        Raises `Refused` and `Unavailable` as `set`.
        """
        compiler, coverage = self._ready()
        shown = [coverage.drawable(line, GETA) for line in lines]
        inputs = {"data": json.dumps({"lines": shown, "font": self._family})}
        try:
            pages = compiler.compile(_LINES, format="png", ppi=_DOTS_PER_INCH, sys_inputs=inputs)
        except typst.TypstError:
            raise Refused("municipality.cannot_set") from None
        return [page for page in (pages if isinstance(pages, list) else [pages]) if page is not None]

    def close(self) -> None:
        """Let go of the compiler and its folder; the next document opens them again."""
        self._compiler = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _ready(self) -> tuple[typst.Compiler, font.Coverage]:
        if self._compiler is None or self._coverage is None:
            file = font.find(self._configured)
            self._coverage = font.Coverage.read(file)
            self._compiler = self._open(file)
        return self._compiler, self._coverage

    def _open(self, file: Path) -> typst.Compiler:
        """Open the compiler with exactly this font file and no other, so that no glyph can come from elsewhere."""
        self.close()
        self._folder = tempfile.TemporaryDirectory(prefix="tegata-font-")
        Path(self._folder.name, file.name).symlink_to(file.resolve())
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[self._folder.name])
        families = fonts.families()
        if len(families) != 1:
            self.close()
            raise Unavailable("municipality.font_unusable", font=file.name)
        self._family = families[0]
        return typst.Compiler(font_paths=fonts)


def _texts(value: object) -> list[str]:
    """Return every text in nested lists and values of a dictionary."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inner for text in _texts(one)]
