# SPDX-License-Identifier: Apache-2.0
"""The one table of what is not publicly known, and what Tegata does instead.

Each entry of `assumptions.toml` has a `value`, the `choices` it may take (empty: any), `why` it was chosen and the
`source` of the doubt.
"""

import functools
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Assumption:
    """One named assumption."""

    name: str
    value: Any
    choices: tuple[Any, ...]
    why: str
    source: str


@functools.cache
def table() -> dict[str, Assumption]:
    """Return every assumption by its dotted name."""
    import tomllib
    from importlib import resources  # both take long, and not every process asks

    raw = tomllib.loads((resources.files(__package__) / "assumptions.toml").read_text("utf-8"))
    return {
        f"{package}.{name}": Assumption(
            f"{package}.{name}", entry["value"], tuple(entry.get("choices", ())), entry["why"], entry["source"]
        )
        for package, entries in raw.items()
        for name, entry in entries.items()
    }


def value(name: str) -> Any:
    """Return the value of the assumption called `name` (`jpki.policy_arm`); raises `KeyError` for one not in the
    table.
    """
    return table()[name].value
