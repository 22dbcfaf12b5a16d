# SPDX-License-Identifier: Apache-2.0
"""Marks tie a sheet to one transaction and one certificate, and whoever prints last can read them off the sheet."""

import hashlib
from datetime import UTC, datetime

import pytest

from tegata.kiosk import binding
from tegata.kiosk.errors import ForeignDocument
from tegata.municipality import documents
from tegata.municipality.typesetting import Press

TRANSACTION, OTHER_TRANSACTION = "a1" * 16, "b2" * 16
FINGERPRINT, OTHER_FINGERPRINT = "c3" * 32, "d4" * 32
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def press() -> Press:
    """Return the municipality's press with the system's font."""
    return Press(None)


def sheet(press: Press, transaction_id: str, fingerprint: str, title: str = "住民票の写し") -> bytes:
    """Return a sheet as the municipality sets it."""
    content = {
        "title": title,
        "place": "東京都渋谷区",
        "mayor": "渋谷区長",
        "issued": "令和8年",
        "rows": [["氏名", "山田　花子"]],
    }
    marks = {"transaction": transaction_id, "subject": documents.subject_of(transaction_id, fingerprint)}
    return press.set({**content, **marks}, NOW)


def test_both_sides_compute_the_same_marks() -> None:
    """Municipality and kiosk do not share code, so their formats are compared."""
    assert binding.subject_of(TRANSACTION, FINGERPRINT) == documents.subject_of(TRANSACTION, FINGERPRINT)
    assert binding.holder_of(TRANSACTION, "12345678901") == documents.holder_of(TRANSACTION, "12345678901")


def test_a_card_signs_for_one_transaction_only() -> None:
    """Prefix, transaction and challenge are parted by NUL, which none of the first two can contain."""
    assert binding.signed_bytes("t1", b"challenge") == b"tegata kiosk delivery v1\0t1\0challenge"
    assert binding.signed_bytes("t1", b"c") != binding.signed_bytes("t2", b"c")


def test_fingerprint_is_of_the_der() -> None:
    """It is what openssl prints for -fingerprint -sha256, without colons and in lower case."""
    assert binding.certificate_sha256(b"der") == hashlib.sha256(b"der").hexdigest()


def test_the_right_sheet_passes(press: Press) -> None:
    """A sheet of this transaction and certificate may be printed."""
    binding.check_document(sheet(press, TRANSACTION, FINGERPRINT), TRANSACTION, FINGERPRINT)


def test_a_clock_that_counts_microseconds_sets_sheets_too(press: Press) -> None:
    """Real clocks do, and the typesetter takes whole seconds only."""
    marks = {"transaction": TRANSACTION, "subject": binding.subject_of(TRANSACTION, FINGERPRINT)}
    content = {
        "title": "住民票の写し",
        "place": "東京都",
        "mayor": "渋谷区長",
        "issued": "令和8年",
        "rows": [],
        **marks,
    }
    binding.check_document(press.set(content, NOW.replace(microsecond=123456)), TRANSACTION, FINGERPRINT)


def test_a_sheet_of_another_transaction_is_foreign(press: Press) -> None:
    """The incident of Yokohama: the file of the next applicant."""
    pdf = sheet(press, OTHER_TRANSACTION, FINGERPRINT)
    with pytest.raises(ForeignDocument):
        binding.check_document(pdf, TRANSACTION, FINGERPRINT)


def test_a_sheet_for_another_certificate_is_foreign(press: Press) -> None:
    """The right transaction does not help if it was made for somebody else."""
    pdf = sheet(press, TRANSACTION, OTHER_FINGERPRINT)
    with pytest.raises(ForeignDocument):
        binding.check_document(pdf, TRANSACTION, FINGERPRINT)


def test_two_sheets_run_together_are_foreign(press: Press) -> None:
    """The incident of Tokushima: one of several sheets belonged to somebody else."""
    mine, other = sheet(press, TRANSACTION, FINGERPRINT), sheet(press, OTHER_TRANSACTION, OTHER_FINGERPRINT)
    for both in (mine + other, other + mine, mine + mine):
        with pytest.raises(ForeignDocument):
            binding.check_document(both, TRANSACTION, FINGERPRINT)


def test_a_second_page_is_foreign(press: Press) -> None:
    """This document has one page; a second one could be anybody's."""
    rows = [["備考", "一行"]] * 60
    marks = {"transaction": TRANSACTION, "subject": binding.subject_of(TRANSACTION, FINGERPRINT)}
    long = press.set(
        {"title": "住民票の写し", "place": "東京都", "mayor": "渋谷区長", "issued": "令和8年", "rows": rows, **marks},
        NOW,
    )
    with pytest.raises(ForeignDocument):
        binding.check_document(long, TRANSACTION, FINGERPRINT)


def test_a_mark_written_in_the_text_is_only_text(press: Press) -> None:
    """A title that imitates metadata is escaped where metadata repeats it; bytes put behind the file are refused."""
    forged = "<pdf:Keywords>tegata-subject</pdf:Keywords>"
    pdf = sheet(press, TRANSACTION, FINGERPRINT, title=forged)
    binding.check_document(pdf, TRANSACTION, FINGERPRINT)
    with pytest.raises(ForeignDocument):
        binding.check_document(pdf + forged.encode(), TRANSACTION, FINGERPRINT)


@pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7", b"<html>503</html>", b"\0" * 4096])
def test_what_is_no_document_is_foreign(pdf: bytes) -> None:
    """An error page or an empty answer never reaches paper."""
    with pytest.raises(ForeignDocument):
        binding.check_document(pdf, TRANSACTION, FINGERPRINT)


def test_a_missing_mark_is_foreign() -> None:
    """A header that was not sent is not a header that agrees."""
    with pytest.raises(ForeignDocument):
        binding.check_mark(None, "expected")
    binding.check_mark("expected", "expected")
