# SPDX-License-Identifier: Apache-2.0
"""The life of a contract, all of it.

offered ─► signed
   │ ▲
   │ └── refused signature: the offer stands, for a person may have another, good certificate
   └───► expired
"""

import dataclasses
from datetime import datetime
from typing import Final

from tegata.relying.errors import OutOfStep
from tegata.relying.shop.model import Act, Contract, State

TRANSITIONS: Final[dict[tuple[State, Act], State]] = {
    (State.OFFERED, Act.SIGN): State.SIGNED,
    (State.OFFERED, Act.REFUSE): State.OFFERED,
    (State.OFFERED, Act.EXPIRE): State.EXPIRED,
}


def advance(contract: Contract, act: Act) -> Contract:
    """Return the contract after `act`; raises `OutOfStep` where it cannot happen."""
    state = TRANSITIONS.get((contract.state, act))
    if state is None:
        raise OutOfStep("shop.expired" if contract.state is State.EXPIRED else "shop.already_signed")
    return dataclasses.replace(contract, state=state)


def due(contract: Contract, now: datetime) -> bool:
    """Say whether an offer has run out of time."""
    return contract.state is State.OFFERED and now >= contract.expires_at
