# SPDX-License-Identifier: Apache-2.0
"""A synthetic authority for the verifier's tests, built with another library's encoders than the verifier's readers.

Everything that it issues fits the profile unless a test asks for something else: extensions can be left out, replaced
or added, and `resign` rewrites the signed part of anything and signs it again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID, ObjectIdentifier

from tegata.codecs import der
from tegata.crypto.keys import Scheme, SoftwareKey
from tegata.crypto.signatures import algorithm_identifier
from tegata.jpki import Carrier, Kind, oids
from tegata.verify import Evidence, Policy, Status, TrustStore, Verdict, prepare_status, verify, verify_certificate

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
UNITS = {Kind.SIGNING: "JPKI for digital signature", Kind.AUTHENTICATION: "JPKI for user authentication"}
SHIBUYA = ("Tokyo-to", "Shibuya-ku CRLDP")
SAN = {
    oids.COMMON_NAME: "手形　花子",
    oids.DATE_OF_BIRTH: "419900401",
    oids.GENDER: "2",
    oids.ADDRESS: "東京都渋谷区道玄坂一丁目１番１号",
    oids.COMMON_NAME_FLAGS: "00000",
    oids.ADDRESS_FLAGS: "0000000000000000",
}

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Extra = tuple[x509.ExtensionType, bool]


def private(key: SoftwareKey) -> Private:
    """Return the other library's object for a key of ours."""
    loaded = serialization.load_der_private_key(key.to_pkcs8(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return loaded


def hash_for(key: SoftwareKey) -> hashes.SHA256 | hashes.SHA384:
    """Return the hash that the key's certificates are signed with."""
    return hashes.SHA256() if Scheme.default(key.algorithm).hash_name == "sha256" else hashes.SHA384()


def dn(*attributes: tuple[ObjectIdentifier, str]) -> x509.Name:
    """Make a name of single-valued RDNs."""
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def point(kind: Kind, place: tuple[str, str] = SHIBUYA) -> x509.DirectoryName:
    """Return the distribution point of a municipality."""
    return x509.DirectoryName(
        dn(
            (NameOID.COUNTRY_NAME, "JP"),
            (NameOID.ORGANIZATION_NAME, "JPKI"),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, UNITS[kind]),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, "CRL Distribution Points"),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, place[0]),
            (NameOID.COMMON_NAME, place[1]),
        )
    )


def usage(*bits: str) -> x509.KeyUsage:
    """Make a keyUsage with the named bits set."""
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in bits for name in names})


def other_names(values: Mapping[str, str]) -> x509.SubjectAlternativeName:
    """Make the subjectAltName that carries attributes."""
    return x509.SubjectAlternativeName(
        [x509.OtherName(ObjectIdentifier(oid), der.utf8(value)) for oid, value in values.items()]
    )


def policies(*dotted: str) -> x509.CertificatePolicies:
    """Make certificatePolicies, each with the CPS address."""
    return x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier(oid), [oids.CPS_URI]) for oid in dotted])


@dataclass
class Authority:
    """A certification authority that does what it is told."""

    kind: Kind
    key: SoftwareKey
    serial: int = 1
    not_before: datetime = NOW - 365 * DAY
    not_after: datetime = NOW + 9 * 365 * DAY

    def __post_init__(self) -> None:
        self.name = dn(
            (NameOID.COUNTRY_NAME, "JP"),
            (NameOID.ORGANIZATION_NAME, "JPKI"),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, UNITS[self.kind]),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, "Test Agency (TEGATA TEST)"),
        )
        self.public = private(self.key).public_key()
        self.key_id = x509.SubjectKeyIdentifier.from_public_key(self.public)
        self.certificate = self.self_signed()
        self.der = to_der(self.certificate)

    def self_signed(
        self, *, without: Iterable[type[x509.ExtensionType]] = (), extra: Iterable[Extra] = ()
    ) -> x509.Certificate:
        """Make the authority's own certificate; JPKI's carries no authorityKeyIdentifier."""
        extensions: list[Extra] = [
            (usage("key_cert_sign", "crl_sign"), True),
            (x509.SubjectAlternativeName([x509.DirectoryName(self.name)]), False),
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (self.key_id, False),
        ]
        return self._build(
            self.name, self.public, self.serial, self.not_before, self.not_after, extensions, without, extra
        )

    def issue(
        self,
        key: SoftwareKey,
        *,
        serial: int = 4711,
        kind: Kind | None = None,
        carrier: Carrier = Carrier.CARD,
        not_before: datetime = NOW - 30 * DAY,
        not_after: datetime = NOW + 4 * 365 * DAY,
        san: Mapping[str, str] = SAN,
        without: Iterable[type[x509.ExtensionType]] = (),
        extra: Iterable[Extra] = (),
    ) -> bytes:
        """Issue an end-entity certificate; `extra` replaces an extension of the same type, or comes last."""
        kind = kind or self.kind
        subject = dn((NameOID.COUNTRY_NAME, "JP"), (NameOID.COMMON_NAME, "2026112412000013113000000001"))
        aki = x509.AuthorityKeyIdentifier(self.key_id.digest, [x509.DirectoryName(self.name)], self.serial)
        crldp = x509.CRLDistributionPoints([x509.DistributionPoint([point(kind)], None, None, None)])
        policy = policies(oids.policy(kind, carrier))
        extensions: list[Extra] = [(policy, True), (crldp, False), (aki, False)]
        if kind is Kind.SIGNING:
            extensions += [(usage("digital_signature", "content_commitment"), True), (other_names(san), False)]
        else:
            client = x509.ExtendedKeyUsage([ObjectIdentifier(oids.EKU_CLIENT_AUTH)])
            extensions += [(usage("digital_signature"), True), (client, False)]
        extensions.append((x509.SubjectKeyIdentifier.from_public_key(private(key).public_key()), False))
        certificate = self._build(
            subject, private(key).public_key(), serial, not_before, not_after, extensions, without, extra
        )
        return to_der(certificate)

    def responder(
        self,
        key: SoftwareKey,
        *,
        not_before: datetime = NOW - DAY,
        not_after: datetime = NOW + 30 * DAY,
        without: Iterable[type[x509.ExtensionType]] = (),
        extra: Iterable[Extra] = (),
    ) -> x509.Certificate:
        """Certify a delegated OCSP responder."""
        extensions: list[Extra] = [
            (usage("digital_signature"), True),
            (x509.ExtendedKeyUsage([ObjectIdentifier(oids.EKU_OCSP_SIGNING)]), False),
            (x509.OCSPNoCheck(), False),
            (x509.AuthorityKeyIdentifier(self.key_id.digest, None, None), False),
        ]
        subject = dn((NameOID.COUNTRY_NAME, "JP"), (NameOID.COMMON_NAME, f"{self.kind.value} responder"))
        return self._build(subject, private(key).public_key(), 77, not_before, not_after, extensions, without, extra)

    def _build(
        self,
        subject: x509.Name,
        public: Any,
        serial: int,
        not_before: datetime,
        not_after: datetime,
        extensions: list[Extra],
        without: Iterable[type[x509.ExtensionType]],
        extra: Iterable[Extra],
    ) -> x509.Certificate:
        left_out = set(without)
        kept = {type(e): (e, critical) for e, critical in extensions if type(e) not in left_out}
        unknown = [item for item in extra if isinstance(item[0], x509.UnrecognizedExtension)]
        kept.update({type(item[0]): item for item in extra if item not in unknown})
        builder = x509.CertificateBuilder(self.name, subject, public, serial, not_before, not_after)
        for extension, critical in [*kept.values(), *unknown]:
            builder = builder.add_extension(extension, critical)
        return builder.sign(private(self.key), hash_for(self.key))

    def revocation_list(
        self,
        revoked: Mapping[int, x509.ReasonFlags | None] | None = None,
        *,
        at: datetime = NOW - DAY,
        this_update: datetime = NOW - 60 * MINUTE,
        next_update: datetime = NOW + DAY,
        place: tuple[str, str] | None = SHIBUYA,
        without: Iterable[type[x509.ExtensionType]] = (),
        extra: Iterable[Extra] = (),
        entry_extra: Iterable[Extra] = (),
    ) -> bytes:
        """Sign a revocation list; `place` None leaves out the issuing distribution point."""
        extensions: list[Extra] = [
            (x509.AuthorityKeyIdentifier(self.key_id.digest, None, None), False),
            (x509.CRLNumber(7), False),
        ]
        if place is not None:
            extensions.append((scope(self.kind, place), True))
        left_out = set(without)
        kept = {type(e): (e, critical) for e, critical in extensions if type(e) not in left_out}
        kept.update({type(item[0]): item for item in extra})
        builder = x509.CertificateRevocationListBuilder(self.name, this_update, next_update)
        for extension, critical in kept.values():
            builder = builder.add_extension(extension, critical)
        for serial, reason in (revoked or {}).items():
            entry = x509.RevokedCertificateBuilder(serial, at)
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), False)
            for extension, critical in entry_extra:
                entry = entry.add_extension(extension, critical)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(private(self.key), hash_for(self.key)).public_bytes(serialization.Encoding.DER)

    def respond(
        self,
        certificate: bytes,
        *,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        reason: x509.ReasonFlags | None = None,
        revoked_at: datetime = NOW - DAY,
        this_update: datetime = NOW - MINUTE,
        next_update: datetime | None = NOW + 15 * MINUTE,
        nonce: bytes | None = None,
        by: tuple[x509.Certificate, SoftwareKey] | None = None,
        issuer: x509.Certificate | None = None,
        algorithm: hashes.HashAlgorithm | None = None,
        encoding: ocsp.OCSPResponderEncoding = ocsp.OCSPResponderEncoding.HASH,
        carry: Iterable[x509.Certificate] | None = None,
    ) -> bytes:
        """Sign an OCSP response, by the authority itself or `by` a delegated responder."""
        is_revoked = status is ocsp.OCSPCertStatus.REVOKED
        signer, key = by or (self.certificate, self.key)
        builder = ocsp.OCSPResponseBuilder().add_response(
            x509.load_der_x509_certificate(certificate),
            issuer or self.certificate,
            algorithm or hashes.SHA1(),  # noqa: S303 -- names the issuer, proves nothing
            status,
            this_update,
            next_update,
            revoked_at if is_revoked else None,
            reason if is_revoked else None,
        )
        builder = builder.responder_id(encoding, signer)
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), False)
        carried = list(carry) if carry is not None else [signer] if by else []
        if carried:
            builder = builder.certificates(carried)
        return builder.sign(private(key), hash_for(key)).public_bytes(serialization.Encoding.DER)


def scope(kind: Kind, place: tuple[str, str] | None = SHIBUYA, **flags: Any) -> x509.IssuingDistributionPoint:
    """Make an issuing distribution point; `flags` are those of the library's constructor."""
    plain: dict[str, Any] = {
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    full_name = None if place is None else [point(kind, place)]
    return x509.IssuingDistributionPoint(full_name, None, **(plain | flags))


def to_der(certificate: x509.Certificate) -> bytes:
    """Return the DER of a certificate."""
    return certificate.public_bytes(serialization.Encoding.DER)


def resign(signed: bytes, key: SoftwareKey, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """Rewrite the fields of the signed part of a certificate or list, and sign it again."""
    tbs, _, _, *rest = der.read(signed).children()
    scheme = Scheme.default(key.algorithm)
    rewritten = der.sequence(*change([element.raw for element in tbs.children()]))
    signature = der.bit_string(key.sign(scheme, rewritten))
    return der.sequence(rewritten, algorithm_identifier(scheme), signature, *(element.raw for element in rest))


@dataclass
class Scene:
    """One authority of a kind, one certificate of it, and a verifier that trusts the authority."""

    authority: Authority
    key: SoftwareKey
    certificate: bytes
    trust: TrustStore

    def ask(self, certificate: bytes | None = None, nonce: bytes | None = None) -> bytes:
        """Return the OCSP request for the certificate."""
        asked = self.certificate if certificate is None else certificate
        return prepare_status(asked, self.authority.kind, self.trust, nonce).ocsp_request_der

    def judge(
        self,
        certificate: bytes | None = None,
        status: Status | None = None,
        *,
        kind: Kind | None = None,
        now: datetime = NOW,
        policy: Policy | None = None,
    ) -> Verdict:
        """Judge the certificate (or another one), by default with a good and fresh OCSP response."""
        judged = self.certificate if certificate is None else certificate
        found = status or Status(ocsp=self.authority.respond(judged))
        return verify_certificate(judged, kind or self.authority.kind, found, self.trust, now, policy or Policy())

    def judge_data(
        self, data: bytes, signature: bytes, scheme: Scheme | None = None, policy: Policy | None = None
    ) -> Verdict:
        """Judge a signature over data with a good and fresh OCSP response."""
        status = Status(ocsp=self.authority.respond(self.certificate))
        evidence = Evidence(self.certificate, data, signature, self.authority.kind, status, scheme)
        return verify(evidence, self.trust, NOW, policy or Policy())


def scene(kind: Kind, ca_key: SoftwareKey, key: SoftwareKey, carrier: Carrier = Carrier.CARD) -> Scene:
    """Set the usual scene."""
    authority = Authority(kind, ca_key)
    certificate = authority.issue(key, carrier=carrier)
    return Scene(authority, key, certificate, TrustStore.of({kind: [authority.der]}))
