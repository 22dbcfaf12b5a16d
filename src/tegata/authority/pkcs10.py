# SPDX-License-Identifier: Apache-2.0
"""Certification requests (PKCS#10, RFC 2986): read strictly, proof of possession checked, key fit to be certified.

Subject and attributes of the request are ignored: what a certificate says comes from the municipality, not from the
card.
"""

from tegata.authority.errors import Refused
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.crypto.keys import Algorithm, CryptoError, Scheme
from tegata.jpki import Kind

PUBLIC_EXPONENT = 65537


def certified_key(kind: Kind, request: bytes, algorithm: Algorithm) -> bytes:
    """Return the SubjectPublicKeyInfo that `request` proves possession of.

    Raises `Refused`: `authority.bad_request` for what is not a request, `authority.bad_key` for a key of another kind
    or size, and `authority.no_possession` when the request was not signed with its own key.
    """
    try:
        info, identifier, bits = der.read(request).expect(der.SEQUENCE).children()
        version, _, spki = info.expect(der.SEQUENCE).children()[:3]
        signature = bits.expect(der.BIT_STRING).value
        malformed = version.expect(der.INTEGER).integer() != 0 or signature[:1] != b"\0"
    except (der.DerError, ValueError) as error:
        raise Refused("authority.bad_request", clause="RFC 2986 §4.2", kind=kind.value) from error
    if malformed:
        raise Refused("authority.bad_request", clause="RFC 2986 §4.1", kind=kind.value)
    _check_key(kind, spki.raw, algorithm)
    try:
        scheme = signatures.scheme_from_algorithm_identifier(identifier.raw)
        if scheme is not Scheme.default(algorithm):
            raise Refused("authority.bad_request", clause="RFC 2986 §4.2", kind=kind.value)
        signatures.verify(spki.raw, scheme, info.raw, signature[1:])
    except CryptoError as error:
        raise Refused("authority.no_possession", clause="RFC 4211 §4", kind=kind.value) from error
    return spki.raw


def _check_key(kind: Kind, spki: bytes, algorithm: Algorithm) -> None:
    try:
        found = signatures.algorithm_of(spki)
        weak = found is not algorithm
        if found.is_rsa:
            modulus, exponent = signatures.rsa_numbers(spki)
            # Written anew it must be the same bytes: one key has one form, so that it is recognised when it comes
            # again.
            weak |= exponent != PUBLIC_EXPONENT or signatures.rsa_spki(modulus, exponent) != spki
    except CryptoError as error:
        raise Refused("authority.bad_key", kind=kind.value, expected=algorithm.value) from error
    if weak:
        raise Refused("authority.bad_key", kind=kind.value, expected=algorithm.value)
