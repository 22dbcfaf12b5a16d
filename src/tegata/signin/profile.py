# SPDX-License-Identifier: Apache-2.0
"""The switches of the provider: everything about the real service that is not publicly known, as one frozen value.

`Profile.assumed()` takes the values of `jpki/assumptions.toml`; a caller who knows better names the switches that
differ.  Values are checked against the choices of the table when the profile is made.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from tegata.jpki import assumptions
from tegata.signin.errors import Refused


@dataclass(frozen=True, slots=True)
class Profile:
    """One answer per unknown of the reference (U1 and so on in the table's comments).  Times are in seconds."""

    discovery: bool
    lifetimes: dict[str, int]
    session_lifetime: int
    code_lifetime: int
    request_lifetime: int
    assertion_algorithms: tuple[str, ...]
    assertion_age: int
    assertion_audiences: tuple[str, ...]
    assertion_several_audiences: bool
    assertion_error: str
    acr: str
    status: str
    callback_iss: bool
    callback_errors: dict[str, str]
    state_quirk: str
    redirect_schemes: tuple[str, ...]
    refresh_single_use: bool
    subject: str
    sector: str
    error_texts: str

    @classmethod
    def assumed(cls, **known: Any) -> Self:
        """Return the assumed profile with what the caller knows instead; raises `Refused` (`signin.bad_profile`)."""
        table = assumptions.table()
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            assumption = table[f"signin.{field.name}"]
            value = known.pop(field.name, assumption.value)
            value = list(value) if isinstance(value, tuple) else value
            if assumption.choices and value not in assumption.choices:
                raise Refused("signin.bad_profile", switch=field.name)
            values[field.name] = tuple(value) if isinstance(value, list) else value
        if known:
            raise Refused("signin.bad_profile", switch=sorted(known)[0])
        return cls(**values)
