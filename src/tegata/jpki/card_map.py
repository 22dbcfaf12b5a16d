# SPDX-License-Identifier: Apache-2.0
"""Where everything is on a card: applications, elementary files, access rules, PIN rules, for each profile.

The data is `card_map.toml`; here it becomes frozen values, checked once when first used.  The card engine and the
reader both work from these, so that neither can know something that the other does not.  A profile is what a piece of
hardware offers: `card` (the My Number Card), `gpse` (the phone's applet: JPKI only, and its authentication certificate
is read only after its PIN), or `next` (a rehearsal of the next card, with other keys and fewer applications).
"""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

from tegata.crypto.keys import Algorithm
from tegata.jpki import Carrier, Kind, assumptions


class EfKind(StrEnum):
    """What an elementary file is (JICSAP 1.1): bytes, records, an internal PIN or key, or a GET DATA object.

    A `public_key` is read like bytes: the public half of a key that the card keeps behind it.
    """

    TRANSPARENT = "transparent"
    RECORD = "record"
    PUBLIC_KEY = "public_key"
    PIN = "pin"
    KEY = "key"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class PinRule:
    """How a PIN looks (`pattern` over its ASCII bytes, upper case) and how many wrong tries it bears."""

    name: str
    pattern: str
    tries: int

    def fits(self, value: bytes) -> bool:
        """Say whether `value` may be set as this PIN."""
        return re.fullmatch(self.pattern.encode("ascii"), value) is not None


@dataclass(frozen=True, slots=True)
class Ef:
    """One elementary file.  Any PIN file of `opened_by` opens it; with none it is open always.

    `kept_at` names another application's file when both are one PIN with one counter.
    """

    id: int
    kind: EfKind
    role: str
    opened_by: tuple[int, ...]
    pin: PinRule | None
    kept_at: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """One application (DF) with its files by identifier.  `change` is CLA and INS of its command to change a PIN.

    `session_key` and `session_pin` are the file of the key to which session keys are sent, and the PIN that must be
    verified first, where the application has secure messaging.
    """

    name: str
    aid: bytes
    change: int | None
    efs: Mapping[int, Ef]
    session_key: int | None = None
    session_pin: int | None = None

    def by_role(self, role: str) -> Ef:
        """Return the file that plays `role`; raises `KeyError`."""
        for ef in self.efs.values():
            if ef.role == role:
                return ef
        raise KeyError(role)

    def own_key(self) -> Ef | None:
        """Return the application's own signing key, with which it shows that it is no copy."""
        return next((ef for ef in self.efs.values() if ef.role == "key.application"), None)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one kind of hardware offers.  `applications` are in the order in which partial AIDs are tried."""

    name: str
    carrier: Carrier
    label: str
    algorithm: Algorithm
    atr: bytes
    holder_sets_first_pin: bool
    applications: Mapping[str, Application]


def profile(name: str) -> Profile:
    """Return the profile called `name` (`card`, `gpse`, `next`); raises `KeyError`."""
    return profiles()[name]


@functools.cache
def profiles() -> Mapping[str, Profile]:
    """Return every profile by its name."""
    raw = _raw()
    return {name: _profile(name, entry, raw) for name, entry in raw["profile"].items()}


@functools.cache
def pin_rules() -> Mapping[str, PinRule]:
    """Return every PIN rule by its name: `signing`, `authentication`, `text`, `card`, `number_a`, `number_b`, `birth`.

    Where a number of tries is not known, `tries` names the assumption that holds it.
    """
    return {name: PinRule(name, entry["pattern"], _tries(entry["tries"])) for name, entry in _raw()["pin"].items()}


def _tries(entry: int | str) -> int:
    return entry if isinstance(entry, int) else int(assumptions.value(entry))


def application(name: str, generation: str = "card") -> Application:
    """Return an application as the My Number Card has it, or the card of another generation; raises `KeyError`."""
    return profile(generation).applications[name]


@functools.cache
def jpki_file(part: str, kind: Kind) -> int:
    """Return the identifier of JPKI's `certificate`, `ca_certificate`, `key` or `pin` for one of the two kinds."""
    return application("jpki").by_role(f"{part}.{kind.value}").id


@functools.cache
def issuer_command(name: str) -> tuple[int, int]:
    """Return CLA and INS of an issuer command (named assumption `card.issuer_commands`); raises `KeyError`."""
    pair = bytes.fromhex(assumptions.value("card.issuer_commands")[name])
    return pair[0], pair[1]


@functools.cache
def _raw() -> dict[str, Any]:
    return tomllib.loads((resources.files(__package__) / "card_map.toml").read_text("utf-8"))


def _profile(name: str, entry: dict[str, Any], raw: dict[str, Any]) -> Profile:
    opened_by = entry.get("opened_by", {})
    return Profile(
        name,
        Carrier(entry["carrier"]),
        entry["label"],
        Algorithm(entry["algorithm"]),
        bytes.fromhex(entry["atr"]),
        entry["first_pin_by"] == "holder" and bool(assumptions.value("card.first_pin_by_holder")),
        {app: _application(app, raw["application"][table], opened_by) for app, table in entry["applications"].items()},
    )


def _application(name: str, entry: dict[str, Any], overrides: dict[str, list[str]]) -> Application:
    efs = {int(id_, 16): _ef(id_, rule, overrides.get(f"{name}.{id_}")) for id_, rule in entry["ef"].items()}
    for ef in efs.values():
        if any(pin not in efs or efs[pin].kind is not EfKind.PIN for pin in ef.opened_by):
            raise ValueError(f"card_map.toml: {name}.{ef.id:04X} is opened by what is no PIN")
    change, secured = entry.get("change"), entry.get("secure_messaging", {})
    return Application(
        name,
        bytes.fromhex(entry["aid"]),
        int(change, 16) if change else None,
        efs,
        int(secured["key"], 16) if secured else None,
        int(secured["pin"], 16) if secured else None,
    )


def _ef(id_: str, entry: dict[str, Any], override: list[str] | None) -> Ef:
    opened_by = entry.get("opened_by", []) if override is None else override
    pin = pin_rules()[entry["pin"]] if "pin" in entry else None
    kept_at = _place(entry["kept_at"]) if "kept_at" in entry else None
    return Ef(int(id_, 16), EfKind(entry["kind"]), entry["role"], tuple(int(p, 16) for p in opened_by), pin, kept_at)


def _place(text: str) -> tuple[str, int]:
    application_name, _, ef = text.partition(".")
    return application_name, int(ef, 16)
