# SPDX-License-Identifier: Apache-2.0
"""Which phones are admitted (対応機種): a catalogue as data, and policies as data that read it.

The real service admits the models on a list, because what it needs (a FeliCa-family secure element that it was tested
with) cannot be seen from outside.  Other policies are here to be compared: `any_secure_element` admits whatever has an
element that this service holds a key for.  A refusal says which condition failed.
"""

import tomllib
from dataclasses import dataclass
from importlib import resources

from tegata.enrolment.errors import Refused
from tegata.enrolment.model import Device

POLICIES = ("listed", "any_secure_element")


@dataclass(frozen=True, slots=True)
class Model:
    """One model: how it is sold, its secure element (`gpse`, `embedded`, `none`), and since when it is verified."""

    maker: str
    model: str
    name: str
    platform: str
    os_from: str
    element: str
    felica: bool
    verified_on: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return the members of the wire form."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The models known to the service, and the policy by which phones are admitted."""

    models: tuple[Model, ...]
    policy: str = "listed"

    @classmethod
    def load(cls, policy: str = "listed") -> "Catalogue":
        """Read the catalogue that comes with the package; raises `ValueError` for an unknown policy."""
        if policy not in POLICIES:
            raise ValueError(f"unknown admission policy {policy!r}")
        text = (resources.files(__package__) / "devices.toml").read_text("utf-8")
        return cls(tuple(Model(**entry) for entry in tomllib.loads(text)["model"]), policy)

    def find(self, device: Device) -> Model | None:
        """Return the catalogue's entry for a device."""
        wanted = device.maker.lower(), device.model.lower()
        return next((entry for entry in self.models if _key(entry) == wanted), None)

    def admit(self, device: Device) -> None:
        """Pass a device that the policy admits; raises `Refused` with the condition that failed."""
        refusal = self.refusal(device)
        if refusal is not None:
            raise Refused(refusal, maker=device.maker, model=device.model)

    def refusal(self, device: Device, policy: str | None = None) -> str | None:
        """Return why the policy refuses a device, or `None` when it admits it."""
        entry = self.find(device)
        if entry is None:
            return "enrolment.device_unknown" if (policy or self.policy) == "listed" else None
        conditions = _CONDITIONS[policy or self.policy]
        return next((reason for reason, holds in conditions if not holds(entry)), None)


def _key(entry: Model) -> tuple[str, str]:
    return entry.maker.lower(), entry.model.lower()


_CONDITIONS = {
    "listed": (
        ("enrolment.device_no_element", lambda entry: entry.element != "none"),
        ("enrolment.device_no_felica", lambda entry: entry.felica),
        ("enrolment.device_not_verified", lambda entry: entry.verified_on is not None),
    ),
    "any_secure_element": (("enrolment.device_no_element", lambda entry: entry.element != "none"),),
}
