# SPDX-License-Identifier: Apache-2.0
"""Tutorials and how-to guides do what they say: their commands are run in order, each page in a country of its own."""

from pathlib import Path

import pytest

from interop.pcsc import vpcd_port  # noqa: F401 -- the fixture: a virtual reader of our own
from journey.console import ROOT, Page

DOCS = ROOT / "docs"
PAGES = sorted(
    page.relative_to(DOCS).as_posix() for folder in ("tutorials", "how-to") for page in (DOCS / folder).glob("*.md")
)
WITH_READER = [page for page in PAGES if "card serve" in (DOCS / page).read_text("utf-8")]


@pytest.mark.parametrize("name", [page for page in PAGES if page not in WITH_READER])
def test_page(name: str, tmp_path: Path) -> None:
    """Every command of the page prints what the page says."""
    with Page(tmp_path) as page:
        page.run_all((DOCS / name).read_text("utf-8"))


@pytest.mark.opensc
@pytest.mark.parametrize("name", WITH_READER)
def test_page_with_reader(name: str, tmp_path: Path, vpcd_port: int) -> None:  # noqa: F811 -- the fixture
    """The same for pages on which a card lies on the virtual reader."""
    with Page(tmp_path, reader_port=vpcd_port) as page:
        page.run_all((DOCS / name).read_text("utf-8"))
