# SPDX-License-Identifier: Apache-2.0
"""What is said to a phone's secure element: the part of the trusted service manager.

Each script opens the issuer's session by itself and may be started again from its beginning at any point.  `install`
asks the element first which keys it has: certificates for other keys are of no use to anybody.
"""

from dataclasses import dataclass
from typing import TypeAlias

from tegata.enrolment.model import Pair
from tegata.jpki import Kind
from tegata.reader import Script, personalise
from tegata.reader.errors import IssuerRefused


@dataclass(frozen=True, slots=True)
class KeysMade:
    """The element made two keys and signed a certification request with each."""

    requests: Pair


@dataclass(frozen=True, slots=True)
class Installed:
    """The element holds the certificates; its keys obey their PINs."""


@dataclass(frozen=True, slots=True)
class KeysLost:
    """The element does not have the keys that were certified."""


@dataclass(frozen=True, slots=True)
class Erased:
    """The element holds no keys, certificates or PINs any more."""


Outcome: TypeAlias = KeysMade | Installed | KeysLost | Erased


def make_keys(issuer_key: bytes) -> Script[Outcome]:
    """Have the element make both key pairs; what it held before is gone."""
    yield from personalise.open_issuer_session(issuer_key)
    yield from personalise.generate_key(Kind.SIGNING)
    signing = yield from personalise.csr(Kind.SIGNING)
    yield from personalise.generate_key(Kind.AUTHENTICATION)
    return KeysMade(Pair(signing, (yield from personalise.csr(Kind.AUTHENTICATION))))


def install(issuer_key: bytes, certificates: Pair, authorities: Pair) -> Script[Outcome]:
    """Write the certificates and those of the authorities, and put the keys into service."""
    yield from personalise.open_issuer_session(issuer_key)
    try:
        yield from personalise.install(_by_kind(certificates), _by_kind(authorities))
    except IssuerRefused as error:
        if error.reason == "reader.certificate_for_other_key":
            return KeysLost()
        raise
    yield from personalise.finish()
    return Installed()


def erase(issuer_key: bytes) -> Script[Outcome]:
    """Erase keys, certificates and PINs."""
    yield from personalise.open_issuer_session(issuer_key)
    yield from personalise.erase_jpki()
    return Erased()


def _by_kind(pair: Pair) -> dict[Kind, bytes]:
    return {Kind.SIGNING: pair.signing, Kind.AUTHENTICATION: pair.authentication}
