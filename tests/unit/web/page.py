# SPDX-License-Identifier: Apache-2.0
"""Pages as a reader with a screen reader and a strict parser meets them: a tree, and what every page owes everybody."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})
FIELDS = ("input", "select", "textarea")
LEVELS = ("h1", "h2", "h3", "h4")


@dataclass
class Node:
    """One element."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    parent: "Node | None" = None
    children: list["Node | str"] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.attributes.get(name) or ""

    def all(self, *tags: str) -> Iterator["Node"]:
        """Yield the elements below, in document order; of these tags, or all."""
        for child in self.children:
            if isinstance(child, Node):
                if not tags or child.tag in tags:
                    yield child
                yield from child.all(*tags)

    def above(self, tag: str) -> "Node":
        """Return the nearest element around this one."""
        node = self.parent
        while node is not None and node.tag != tag:
            node = node.parent
        assert node is not None, f"<{self.tag}> is in no <{tag}>"
        return node

    @property
    def text(self) -> str:
        """Return the text in it, blanks folded."""
        return " ".join("".join(c if isinstance(c, str) else f" {c.text} " for c in self.children).split())


class Parser(HTMLParser):
    """Builds the tree, and refuses what a browser would have to repair."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self.at = Node("#document")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute: {names}"
        node = Node(tag, dict(attrs), self.at)
        self.at.children.append(node)
        if tag not in VOID:
            self.at = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element that is closed as it opens; only SVG may."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element, which must be the one that is open."""
        assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.at.children.append(data)


class Page:
    """A page that was read; `Page.of` refuses one that owes somebody something."""

    def __init__(self, source: str) -> None:
        self.source = source
        parser = Parser()
        parser.feed(source)
        parser.close()
        assert parser.at is parser.root, f"<{parser.at.tag}> is never closed"
        self.root = parser.root
        self.ids = {node["id"]: node for node in self.root.all() if node["id"]}

    @classmethod
    def of(cls, source: str) -> "Page":
        """Parse and check a page."""
        page = cls(source)
        page.check_frame()
        page.check_headings()
        page.check_labels()
        page.check_references()
        page.check_strangers()
        return page

    def by(self, test_id: str) -> Node:
        """Return the one element with this `data-testid`."""
        found = [node for node in self.root.all() if node["data-testid"] == test_id]
        assert len(found) == 1, f"{len(found)} elements are {test_id!r}"
        return found[0]

    def has(self, test_id: str) -> bool:
        """Say whether there is an element with this `data-testid`."""
        return any(node["data-testid"] == test_id for node in self.root.all())

    def roles(self, role: str) -> list[str]:
        """Return the texts of all elements of a role."""
        return [node.text for node in self.root.all() if node["role"] == role]

    @property
    def lang(self) -> str:
        """Return the language that the page says it is in."""
        return next(self.root.all("html"))["lang"]

    @property
    def h1(self) -> str:
        """Return the heading."""
        return next(self.root.all("h1")).text

    def check_frame(self) -> None:
        """Check language, title, one `main`, the skip link that leads there, and the mark."""
        assert self.source.startswith("<!doctype html>")
        assert self.lang in ("ja", "en")
        title = next(self.root.all("title")).text
        assert self.h1 in title
        assert "TEGATA TEST" in title
        assert "試験用 TEGATA TEST" in self.by("test-mark").text
        assert len(list(self.root.all("main"))) == 1
        assert next(self.root.all("a"))["href"] == "#main"

    def check_headings(self) -> None:
        """Check that there is one `h1`, first, and that no level is skipped on the way down."""
        levels = [LEVELS.index(node.tag) + 1 for node in self.root.all(*LEVELS)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels

    def check_labels(self) -> None:
        """Check that every field and button has a name."""
        labelled = {node["for"] for node in self.root.all("label")}
        for node in self.root.all(*FIELDS):
            if node["type"] != "hidden":
                assert node["id"] in labelled, f"field {node['name']!r} has no label"
                assert node["name"], f"field {node['id']!r} has no name"
        for node in self.root.all("button", "a", "th", "label", "legend", "summary"):
            assert node.text, f"<{node.tag}> is empty: {node.attributes}"
        for node in self.root.all():
            if node["role"] == "img":
                assert node["aria-label"]

    def check_references(self) -> None:
        """Check that identifiers are unique and lead somewhere."""
        named = [node["id"] for node in self.root.all() if node["id"]]
        assert len(named) == len(set(named)), sorted(named)
        for node in self.root.all():
            for attribute in ("aria-labelledby", "aria-describedby", "for"):
                for name in node[attribute].split():
                    assert name in self.ids, f"{attribute}={name!r} leads nowhere"
            if node["href"].startswith("#"):
                assert node["href"][1:] in self.ids

    def check_strangers(self) -> None:
        """Check that there is no script, no inline style, and nothing that is fetched from elsewhere."""
        for node in self.root.all():
            assert node.tag not in ("script", "style", "iframe", "object", "embed")
            assert not [name for name in node.attributes if name.startswith("on") or name == "style"], node.attributes
            if node.tag in ("link", "img"):
                assert (node["href"] or node["src"]).startswith("/static/")
