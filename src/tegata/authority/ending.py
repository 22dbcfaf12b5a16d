# SPDX-License-Identifier: Apache-2.0
"""Ending certificates: apply the table of effects to a person's certificates, then let fall what hangs on them.

Called inside an act of whoever has a cause; a certificate that is not good is passed over, so nothing ends twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tegata.authority import rules
from tegata.authority.model import Cause, Certificate, Reason, Revocation, Status
from tegata.authority.store import Store, Writing
from tegata.jpki import Carrier


@dataclass(frozen=True, slots=True)
class Ended:
    """A certificate that ended, and why."""

    certificate: Certificate
    reason: Reason

    def to_json(self) -> dict[str, str]:
        """Return what the log and answers say of it."""
        one = self.certificate
        return {
            "kind": one.kind.value,
            "carrier": one.carrier.value,
            "serial": str(one.serial),
            "reason": self.reason.value,
        }


def end(store: Store, act: Writing, cause: Cause, candidates: Iterable[Certificate]) -> list[Ended]:
    """End those of the candidates that `cause` ends, and the phone certificates that fall with them."""
    reasons = {(effect.carrier, effect.kind): effect.reason for effect in rules.EFFECTS[cause]}
    ended: dict[tuple[str, int], Ended] = {}
    for one in candidates:
        reason = reasons.get((one.carrier, one.kind))
        if reason is not None:
            _end(act, one, reason, ended)
    for parent in list(ended.values()):
        if parent.certificate.carrier is Carrier.CARD:
            _let_fall(store, act, parent, ended)
    return list(ended.values())


def _let_fall(store: Store, act: Writing, parent: Ended, ended: dict[tuple[str, int], Ended]) -> None:
    fall = rules.falls_with(parent.certificate.kind, parent.reason)
    if fall is None:
        return
    for child in store.children(parent.certificate.kind, parent.certificate.serial, fall.kinds):
        _end(act, child, fall.reason, ended)


def _end(act: Writing, one: Certificate, reason: Reason, ended: dict[tuple[str, int], Ended]) -> None:
    place = (one.kind.value, one.serial)
    if place not in ended and one.status(act.now) is Status.GOOD:
        act.revoke(one, Revocation(reason, act.now))
        ended[place] = Ended(one, reason)
