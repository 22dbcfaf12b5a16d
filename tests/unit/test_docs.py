# SPDX-License-Identifier: Apache-2.0
"""Documentation keeps up with the code: links, generated pages, names, dependencies, commands, and both languages."""

import argparse
import ast
import functools
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import docs
from tegata.cli import main as cli
from tegata.sandbox import story

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXPLAINED = ROOT / "docs" / "explanation"
CODE = re.compile(r"`([^`\n]+)`")
TEGATA = re.compile(r"(?:^|/)tegata ")
HEADING = re.compile(r"(?m)^(#+) +(.*)$")


def named(page: Path) -> str:
    """Return a page's path as tests are named by."""
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    """Return a page."""
    return page.read_text("utf-8")


def prose(page: Path) -> str:
    """Return a page without its fences."""
    return re.sub(r"(?ms)^```.*?^```$", "", text_of(page))


@functools.cache
def anchors(page: Path) -> set[str]:
    """Return what `#...` can point to on a page, as GitHub makes it of headings, and what is written as `id`."""
    headings = {re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-") for _, words in HEADING.findall(prose(page))}
    return headings | set(re.findall(r'id="([^"]+)"', prose(page)))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there, and a heading that is on it."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_page_is_reached_from_the_index() -> None:
    """A page that nobody links to is not read."""
    linked = set(re.findall(r"\]\(([^)#\s]+)\)", text_of(ROOT / "docs" / "index.md")))
    missing = [
        page for page in (ROOT / "docs").rglob("*.md") if page.relative_to(ROOT / "docs").as_posix() not in linked
    ]
    assert [page.name for page in missing] == ["index.md"]


@pytest.mark.parametrize("name", sorted(docs.pages()))
def test_generated_page_is_current(name: str) -> None:
    """What is made from the code is what is committed; otherwise run scripts/docs.py."""
    assert text_of(docs.FOLDER / name) == docs.pages()[name], "out of date: run python scripts/docs.py"


def test_both_readmes_say_the_same() -> None:
    """The Japanese README has the headings, commands, code and links of the English one."""
    english, japanese = text_of(ROOT / "README.md"), text_of(ROOT / "README.ja.md")
    assert shape(english) == shape(japanese)
    between = {"README.md", "README.ja.md"}
    links = [sorted(set(re.findall(r"\]\(([^)]+)\)", page)) - between) for page in (english, japanese)]
    assert set(links[0]) <= set(links[1]) | between


def shape(page: str) -> list[str]:
    """Return the levels of headings, commands and code of a page in order."""
    fences = r"^```(?:console|python)\n.*?^```$"
    found = []
    for part in re.findall(rf"(?ms)^#+ |{fences}", page):
        commands = re.findall(r"(?m)^\$ .*$", part)
        found.extend(commands or [part.strip()])
    return found


def rows(page: Path) -> Iterator[list[str]]:
    """Yield the cells of every row of a page's tables, heads and rules left out."""
    lines = prose(page).splitlines()
    for number, line in enumerate(lines):
        is_head = number + 1 < len(lines) and re.fullmatch(r"\|[\s|:-]+\|", lines[number + 1])
        if line.startswith("|") and not is_head and not re.fullmatch(r"\|[\s|:-]+\|", line):
            yield [cell.strip() for cell in line.strip("|").split("|")]


@functools.cache
def names_in(file: Path) -> frozenset[str]:
    """Return what a Python file defines: functions, classes and `Class.method`."""
    found = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
            found.update(f"{node.name}.{method.name}" for method in methods)
    return frozenset(found)


def test_the_story_leads_to_its_code() -> None:
    """Each of the steps has a section, and every file and name in it exists."""
    page = EXPLAINED / "the-story.md"
    sections = [words for level, words in HEADING.findall(prose(page)) if level == "##"]
    assert sections == [f"{number}. {step.__name__}" for number, step in enumerate(story.STEPS, 1)]
    wrong = []
    for _, file, names in rows(page):
        path = ROOT / "src" / "tegata" / file.strip("`")
        known = names_in(path) if path.exists() else frozenset()
        wrong += [f"{file} {name}" for name in CODE.findall(names) if name not in known]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_that_are_named_exist(page: Path) -> None:
    """`src/...`, `tests/...`, `scripts/...` and the like in the text are there."""
    paths = re.findall(r"`((?:src|tests|scripts|examples|docs)/[\w./-]+)`", prose(page))
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_dependency_has_its_reason() -> None:
    """The page has each package of pyproject.toml in the table of its group, and no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = {
        "For everybody": project["project"]["dependencies"],
        "For the country (`tegata[country]`)": extras["country"],
        "For real readers (`tegata[pcsc]`)": extras["pcsc"],
        "For those who work on it (group `dev`)": project["dependency-groups"]["dev"],
    }
    page = text_of(EXPLAINED / "dependencies.md")
    for title, wishes in wanted.items():
        section = page.split(f"## {title}\n")[1].split("\n## ")[0]
        told = re.findall(r"(?m)^\| `([\w.-]+)` \|", section)
        assert sorted(told) == sorted(re.split(r"[<>=;\[ ]", wish)[0] for wish in wishes)


def test_glossary_names_are_in_the_code() -> None:
    """What the glossary says is the name in code is a word of the code."""
    source = "\n".join(file.read_text("utf-8") for file in (ROOT / "src").rglob("*") if file.suffix in (".py", ".toml"))
    words = set(re.findall(r"\w+", source)) | {part.name for part in (ROOT / "src" / "tegata").iterdir()}
    told = [name for row in rows(ROOT / "docs" / "glossary.md") for name in CODE.findall(row[2])]
    assert len(told) > 50
    assert [name for name in told if not set(name.split(".")) <= words] == []


def commands_shown() -> Iterator[tuple[str, str]]:
    """Yield page and command of everything that documentation shows being typed."""
    for page in PAGES:
        for fence in re.findall(r"(?ms)^```console\n(.*?)^```$", text_of(page)):
            for command in re.findall(r"(?m)^\$ (.*(?:\n> .*)*)", fence):
                yield named(page), command.replace("\n> ", " ").replace("\\", " ")
        for command in re.findall(r"(?m)^    (tegata .*)$", text_of(page)):
            yield named(page), command


@pytest.mark.parametrize(("page", "command"), sorted({shown for shown in commands_shown() if TEGATA.search(shown[1])}))
def test_tegata_understands_the_command(page: str, command: str) -> None:
    """Every `tegata ...` in the documentation is a command line that tegata takes."""
    typed = shlex.split(re.split(r" 2>&1| \|\|? ", command)[0], comments=True)
    at = next(number for number, word in enumerate(typed) if Path(word).name == "tegata")
    assert isinstance(cli.parse(typed[at + 1 :]), argparse.Namespace)


def test_make_targets_that_are_named_exist() -> None:
    """Every `make target` in the documentation is a target."""
    targets = set(re.findall(r"(?m)^([a-z]+):", text_of(ROOT / "Makefile")))
    named_ones = {target for page in PAGES for target in re.findall(r"(?:`|\$ )make ([a-z]+)", text_of(page))}
    assert named_ones <= targets
