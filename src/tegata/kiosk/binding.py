# SPDX-License-Identifier: Apache-2.0
"""What ties proof, person and paper together: the bytes that the card signs, and the marks that a document must bear.

Every value is computed anew by each party from what it knows itself; nobody takes another's word.  The formats are
this country's own (assumption `kiosk.signed_challenge`):

    signed    prefix NUL transaction NUL challenge
    subject   SHA-256 of "tegata document subject v1" LF transaction LF SHA-256(certificate), hexadecimal
    holder    SHA-256 of "tegata document holder v1" LF transaction LF resident code, hexadecimal

A PDF names subject and transaction in its XMP metadata (ISO 16684-1, `pdf:Keywords`), uncompressed so that it can be
read without a PDF library.
"""

import hashlib
import hmac
import re
from typing import Final

from tegata.jpki import assumptions
from tegata.kiosk.errors import ForeignDocument

_KEYWORDS: Final = re.compile(rb"<pdf:Keywords>([^<]*)</pdf:Keywords>")
_PAGES: Final = re.compile(rb"<xmpTPg:NPages>([0-9]+)</xmpTPg:NPages>")
_PAGE_OBJECTS: Final = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
_END: Final = b"%%EOF"


def signed_bytes(transaction_id: str, challenge: bytes) -> bytes:
    """Return what the authentication key signs (SHA-256, PKCS#1 v1.5)."""
    prefix: str = assumptions.value("kiosk.signed_challenge")
    return b"\0".join((prefix.encode(), transaction_id.encode(), challenge))


def certificate_sha256(certificate: bytes) -> str:
    """Return the fingerprint of a DER certificate, hexadecimal."""
    return hashlib.sha256(certificate).hexdigest()


def subject_of(transaction_id: str, fingerprint: str) -> str:
    """Return the mark that ties a document to a transaction and the certificate authenticated in it."""
    return hashlib.sha256(f"tegata document subject v1\n{transaction_id}\n{fingerprint}".encode()).hexdigest()


def holder_of(transaction_id: str, resident_code: str) -> str:
    """Return the mark that ties a document to the register entry on it."""
    return hashlib.sha256(f"tegata document holder v1\n{transaction_id}\n{resident_code}".encode()).hexdigest()


def check_mark(found: str | None, expected: str) -> None:
    """Compare a mark; raises `ForeignDocument`."""
    if found is None or not hmac.compare_digest(found.encode(), expected.encode()):
        raise ForeignDocument("kiosk.foreign_document")


def check_document(pdf: bytes, transaction_id: str, fingerprint: str) -> None:
    """Check that a PDF of one page belongs to this transaction and this certificate; raises `ForeignDocument`.

    The whole file is searched: one set of metadata, one page in it, one page object, one end of file; so nothing can
    hide behind a second one, and two files run together are refused.
    """
    keywords, pages = _KEYWORDS.findall(pdf), _PAGES.findall(pdf)
    single = len(keywords) == 1 and pages == [b"1"] and len(_PAGE_OBJECTS.findall(pdf)) == 1 and pdf.count(_END) == 1
    if not pdf.startswith(b"%PDF-") or not single:
        raise ForeignDocument("kiosk.foreign_document")
    words = keywords[0].decode("utf-8", "replace")
    expected = f"tegata-subject:{subject_of(transaction_id, fingerprint)}, tegata-transaction:{transaction_id}"
    check_mark(words, expected)
