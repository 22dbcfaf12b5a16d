# SPDX-License-Identifier: Apache-2.0
"""The reference page of the card: every application, file, PIN and command, each with how sure we are of it.

Facts come from `card_map.toml`, marks from `card_marks.toml` beside this file; a file without a mark is an error.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

MARKS: Final = Path(__file__).with_name("card_marks.toml")
_KINDS: Final = {
    "transparent": "bytes",
    "record": "records",
    "public_key": "public key",
    "pin": "PIN",
    "key": "private key",
    "object": "GET DATA object",
}


def page() -> str:
    """Return the page, without its tables' escapes."""
    from tegata.jpki import card_map

    marks = tomllib.loads(MARKS.read_text("utf-8"))
    parts = [_HEAD]
    for name, application in card_map.profile("card").applications.items():
        parts.append(f"## {name}\n\nAID `{application.aid.hex().upper()}`.\n")
        rows = []
        for ef in application.efs.values():
            opened = " or ".join(f"`{pin:04X}`" for pin in ef.opened_by) or "always"
            opened = "never read" if ef.kind in ("pin", "key") and not ef.opened_by else opened
            rows.append(
                (f"`{ef.id:04X}`", ef.role, _KINDS[ef.kind.value], opened, marks["files"][name][f"{ef.id:04X}"])
            )
        parts.append(_table(("file", "role", "kind", "opened by", "mark"), rows))
    parts.append("## PINs\n")
    rules = [rule for rule in card_map.pin_rules().values() if rule.name != "blocked"]
    shapes = [(f"`{rule.name}`", f"`{rule.pattern}`", str(rule.tries)) for rule in rules]
    parts.append(_table(("PIN", "form", "tries"), shapes))
    parts.append("## Commands\n")
    told: list[dict[str, Any]] = marks["command"]
    parts.append(_table(("bytes", "what it does", "mark"), [(f"{c['bytes']}", c["what"], c["mark"]) for c in told]))
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


_HEAD = """# The card

What a My Number Card offers to whoever holds it, as far as it is publicly known, and as Tegata's card does it.  Facts
are `src/tegata/jpki/card_map.toml`, which card and reader both work from; [assumptions](assumptions.md) hold the rest.

Marks: **C** read in public code; **M** measured on a real or test card, as a named author says, which we cannot check;
**D** from a public document; **T** tried with other people's software on Debian 12; **?** not publicly known.
"""
