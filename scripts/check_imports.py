# SPDX-License-Identifier: Apache-2.0
"""House rules that no general linter knows: `make check` runs them over `src/tegata`.

import-linter holds the floors between our own packages; this file holds which outside package each floor may touch, how
long a file may be, and how it begins.  The tables come first, the walk over the files after.  One line per finding,
`path:line: what`, and exit code 1 when there is any.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LICENCE = "# SPDX-License-Identifier: Apache-2.0"
LONGEST = 400

PARTIES = ("municipality", "authority", "enrolment", "signin", "kiosk", "relying")
EDGES = ("wire", *PARTIES, "sandbox", "testing", "web", "cli")
STORES = ("storage", *PARTIES, "phone", "sandbox")

DOORS: dict[str, tuple[str, ...]] = {
    # Hazardous primitives have one door; certificates may be read and built where that is the trade.
    "cryptography": ("crypto",),
    "cryptography.x509": ("crypto", "verify", "authority"),
    "cryptography.exceptions": ("crypto", "verify"),
    # State; the store of a party may name the type of a row and the broken constraint, no more.
    "sqlite3": ("storage",),
    "sqlite3.Row": STORES,
    "sqlite3.IntegrityError": STORES,
    # HTTP and pages.
    "starlette": EDGES,
    "uvicorn": ("sandbox", "testing", "cli"),
    "uvloop": ("sandbox", "testing", "cli"),
    "httptools": ("sandbox", "cli"),
    "httpx": (*EDGES, "phone.app"),
    "jinja2": EDGES,
    # One trade each.
    "joserfc": ("signin", "relying"),
    "typst": ("municipality",),
    "segno": ("signin", "kiosk", "relying", "sandbox", "web", "cli"),
    "smartcard": ("reader.pcsc", "cli"),
}
"""Outside package (longest prefix wins) -> the prefixes of our own modules, below `tegata.`, that may import it."""


def main() -> int:
    """Check every file; print what was found; return the exit code."""
    findings = [finding for file in files() for finding in check(file)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


def files() -> list[Path]:
    """Return the Python files of the package."""
    return sorted((ROOT / "src" / "tegata").rglob("*.py"))


def check(file: Path) -> Iterator[str]:
    """Yield what is wrong with one file."""
    where = file.relative_to(ROOT)
    text = file.read_text("utf-8")
    lines = text.splitlines()
    if not lines or lines[0] != LICENCE:
        yield f"{where}:1: the first line must be: {LICENCE}"
    if len(lines) >= LONGEST:
        yield f"{where}:{len(lines)}: {len(lines)} lines; under {LONGEST} is the rule: split by use case"
    tree = ast.parse(text)
    if not ast.get_docstring(tree):
        yield f"{where}:2: the file must open with a docstring that gives its strategy"
    module = module_name(file)
    for line, imported in imports(tree):
        allowed = door(imported)
        if allowed is not None and not any(is_below(module, prefix) for prefix in allowed):
            yield f"{where}:{line}: {imported} may be imported only in {', '.join(allowed)}"


def module_name(file: Path) -> str:
    """Return the dotted name of `file` below `tegata.`: `crypto.keys`, or `crypto` for a package's `__init__`."""
    parts = file.relative_to(ROOT / "src" / "tegata").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything imported, inside functions too.

    `from a import b` yields `a.b`; `import a` yields `a.x` for each `a.x` that is used, so that a door can be narrower
    than a package, and `a` when none is.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                for name in sorted(used(tree, alias)) or [alias.name]:
                    yield node.lineno, name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def used(tree: ast.AST, alias: ast.alias) -> set[str]:
    """Return what of a plainly imported module is used: `import sqlite3` and `sqlite3.Row` give `sqlite3.Row`."""
    local = alias.asname or alias.name
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {f"{alias.name}.{a.attr}" for a in attributes if isinstance(a.value, ast.Name) and a.value.id == local}


def door(imported: str) -> tuple[str, ...] | None:
    """Return who may import `imported`, or None when anybody may."""
    rules = [name for name in DOORS if imported == name or imported.startswith(name + ".")]
    return DOORS[max(rules, key=len)] if rules else None


def is_below(module: str, prefix: str) -> bool:
    """Return whether `module` is `prefix`, is inside it, or (for `phone.app`) carries its name on: `phone.app_http`."""
    return module == prefix or module.startswith((prefix + ".", prefix + "_"))


if __name__ == "__main__":
    sys.exit(main())
