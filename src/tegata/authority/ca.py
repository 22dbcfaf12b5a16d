# SPDX-License-Identifier: Apache-2.0
"""The two certification authorities and their OCSP responders: keys, own certificates, and the only place that signs.

Authorities are made at first start, each self-signed with serial number 1.  A responder's certificate is short-lived
and made anew when it nears its end, or when the country's clock was set to where it is not valid.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property

from tegata.authority import ocsp, profiles, rules
from tegata.authority.errors import Broken
from tegata.authority.profiles import Issuer
from tegata.authority.store import Own, Store, Writing
from tegata.clock import JST
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, PrivateKey, Scheme, SoftwareKey
from tegata.jpki import Kind, assumptions

Keys = Callable[[Algorithm], SoftwareKey]


class Signer:
    """An own certificate with its key."""

    def __init__(self, own: Own) -> None:
        self.own = own
        self._key: PrivateKey = SoftwareKey.from_pkcs8(own.key, own=True)
        self.scheme = Scheme.default(self._key.algorithm)

    def __repr__(self) -> str:
        return f"Signer({self.own.kind}, {self.own.role}, {self.own.serial})"

    @cached_property
    def key_id(self) -> bytes:
        """Identifier of its public key."""
        return profiles.key_id(self._key.spki)

    @cached_property
    def key_bits(self) -> bytes:
        """Its public key's bits, which OCSP clients hash."""
        return der.read(self._key.spki).children()[1].value[1:]

    @cached_property
    def hashed(self) -> dict[str, tuple[bytes, bytes]]:
        """By the name of each hash that OCSP clients may use: its own name and its key, hashed."""
        dn = self.issuer.dn
        return {name: (ocsp.digest(name, dn), ocsp.digest(name, self.key_bits)) for name in ocsp.HASHES.values()}

    @cached_property
    def issuer(self) -> Issuer:
        """What of it enters the certificates and lists that it signs."""
        return Issuer(self.own.kind, self.own.serial, self.key_id, self.scheme, self.own.not_after)

    def sign(self, tbs: bytes) -> bytes:
        """Return a signed certificate or list.

        The signature is checked before it leaves; raises `Broken` (`authority.signature_failed`) when a key went wrong.
        """
        signature = self._key.sign(self.scheme, tbs)
        try:
            signatures.verify(self._key.spki, self.scheme, tbs, signature)
        except signatures.BadSignature as error:
            raise Broken("authority.signature_failed") from error
        return der.sequence(tbs, signatures.algorithm_identifier(self.scheme), der.bit_string(signature))

    def answer(self, tbs: bytes) -> tuple[bytes, bytes, bytes]:
        """Return the members of an OCSP answer: what was signed, algorithm, signature.

        It is not checked again: an answer lives for minutes, and the check would cost more than the signature.
        """
        signature = self._key.sign(self.scheme, tbs)
        return tbs, signatures.algorithm_identifier(self.scheme), der.bit_string(signature)


class Signers:
    """Every key of the authority, made when first needed and kept sealed in the store."""

    def __init__(self, store: Store, keys: Keys, algorithm: Algorithm) -> None:
        self._store = store
        self.make = keys
        self._algorithm = algorithm
        self._ca: dict[Kind, Signer] = {}
        self._responders: dict[Kind, Signer] = {}

    def found(self, now: datetime) -> None:
        """Make the certification authorities that are not there yet."""
        for kind in Kind:
            if self._store.own(kind, "ca") is None:
                self._make_ca(kind, self.make(self._algorithm), now.replace(microsecond=0))
            self.ca(kind)

    def ca(self, kind: Kind) -> Signer:
        """Return a certification authority."""
        if kind not in self._ca:
            own = self._store.own(kind, "ca")
            if own is None:
                raise Broken("authority.no_ca")
            self._ca[kind] = Signer(own)
        return self._ca[kind]

    def _make_ca(self, kind: Kind, key: SoftwareKey, start: datetime) -> None:
        scheme, end = Scheme.default(key.algorithm), rules.ca_end(start)
        with self._store.act(start) as act:
            serial = act.next_serial(kind)
            tbs = profiles.ca_certificate(kind, serial, scheme, key.spki, start, end)
            certificate = der.sequence(
                tbs, signatures.algorithm_identifier(scheme), der.bit_string(key.sign(scheme, tbs))
            )
            act.add_own(Own(kind, serial, "ca", certificate, key.to_pkcs8(), start, end))
            act.audit("ca.founded", "authority", kind=kind.value, serial=str(serial))

    def responder(self, kind: Kind, now: datetime) -> Signer:
        """Return the OCSP responder of an authority, with a certificate that is valid for some time to come."""
        signer = self._responders.get(kind)
        if signer is None or not _serves(signer.own, now):
            own = self._store.own(kind, "ocsp")
            if own is None or not _serves(own, now):
                own = self._make_responder(kind, now.replace(microsecond=0))
            signer = self._responders[kind] = Signer(own)
        return signer

    def _make_responder(self, kind: Kind, start: datetime) -> Own:
        ca = self.ca(kind)
        if start >= ca.own.not_after:
            raise Broken("authority.ca_expired", kind=kind.value)
        key = self.make(Algorithm(assumptions.value("authority.ocsp_responder_key")))
        days = int(assumptions.value("authority.ocsp_responder_days"))
        end = min(rules.end_of((start + timedelta(days=days)).astimezone(JST).date()), ca.own.not_after)
        with self._store.act(start) as act:
            own = self._certify_responder(act, ca, key, (start, end))
            act.audit("responder.certified", "authority", kind=kind.value, serial=str(own.serial))
        return own

    def _certify_responder(
        self, act: Writing, ca: Signer, key: SoftwareKey, validity: tuple[datetime, datetime]
    ) -> Own:
        serial = act.next_serial(ca.own.kind)
        tbs = profiles.responder(ca.issuer, serial, key.spki, *validity)
        own = Own(ca.own.kind, serial, "ocsp", ca.sign(tbs), key.to_pkcs8(), *validity)
        act.add_own(own)
        return own


def _serves(own: Own, now: datetime) -> bool:
    """Say whether a responder's certificate is valid now and for another third of its life, or as long as its issuer
    lives.
    """
    return own.not_before <= now <= own.not_after - (own.not_after - own.not_before) / 3
