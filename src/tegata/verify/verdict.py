# SPDX-License-Identifier: Apache-2.0
"""A good verdict: what was proved, about which certificate, when, and on whose word.

There is no bad one: failure raises.  The four attributes are a member but not part of the JSON form, so that a
verdict can be stored and logged; a service that shows them asks for them by name.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tegata.crypto.keys import Scheme
from tegata.jpki import Carrier, Kind
from tegata.jpki.attributes import BasicFour
from tegata.messages import Lang
from tegata.verify.answer import Source, stamp
from tegata.verify.certificate import Certificate
from tegata.verify.checks import Check


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every check passed at `at`.

    `fingerprint` and `anchor_fingerprint` are SHA-256 over the DER, in hex; `scheme` is how the data was signed, None
    when a certificate was judged alone.
    """

    kind: Kind
    carrier: Carrier
    serial: int
    certificate: Certificate
    fingerprint: str
    anchor_fingerprint: str
    basic_four: BasicFour | None = field(repr=False)
    scheme: Scheme | None
    at: datetime
    status_source: Source
    this_update: datetime
    next_update: datetime | None
    checks: tuple[Check, ...]

    def to_json(self, lang: Lang = "en") -> dict[str, Any]:
        """Return the verdict without the four attributes; serial numbers are decimal strings."""
        return {
            "kind": self.kind.value,
            "carrier": self.carrier.value,
            "serial": str(self.serial),
            "fingerprint": self.fingerprint,
            "anchor_fingerprint": self.anchor_fingerprint,
            "scheme": None if self.scheme is None else self.scheme.value,
            "at": stamp(self.at),
            "status": {
                "source": self.status_source,
                "this_update": stamp(self.this_update),
                "next_update": None if self.next_update is None else stamp(self.next_update),
            },
            "checks": [check.to_json(lang) for check in self.checks],
        }
