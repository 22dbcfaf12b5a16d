# SPDX-License-Identifier: Apache-2.0
"""Issuing documents: whose data goes onto the page, for which transaction, and never anybody else's.

A document is made from one reading of one register entry, under one transaction and one authenticated certificate.
Two hashes go with it: `subject_of` binds it to transaction and certificate, and stands in the PDF and on its page, so
that the last printer can check it; `holder_of` binds it to the register entry that was really set, so that the
delivery centre can check that it is the person it asked for. Before setting, every character and variation sequence
is looked up in the font (`font`); what cannot be drawn is refused.
"""

import hashlib
import json
import sqlite3
from datetime import datetime
from typing import Any

from tegata.clock import JST, Clock
from tegata.jpki import municipalities
from tegata.jpki.attributes import Sex
from tegata.municipality import eras
from tegata.municipality.config import Config
from tegata.municipality.errors import Conflict, NotFound, Refused
from tegata.municipality.model import Document, Resident, Standing
from tegata.municipality.store import Store
from tegata.municipality.typesetting import Press

_SEX = {Sex.MALE: "男", Sex.FEMALE: "女", Sex.UNKNOWN: "記載なし"}


def subject_of(transaction_id: str, certificate_sha256: str) -> str:
    """Return what binds a document to a transaction and the certificate that was authenticated in it: SHA-256,
    hexadecimal.
    """
    return hashlib.sha256(f"tegata document subject v1\n{transaction_id}\n{certificate_sha256}".encode()).hexdigest()


def holder_of(transaction_id: str, resident_code: str) -> str:
    """Return what binds a document to the register entry on it, opaque to whoever does not know the code: SHA-256,
    hexadecimal.
    """
    return hashlib.sha256(f"tegata document holder v1\n{transaction_id}\n{resident_code}".encode()).hexdigest()


class DocumentDesk:
    """The use case of issuing documents."""

    def __init__(self, config: Config, store: Store, clock: Clock, press: Press) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._press = press

    def residence_certificate(
        self, transaction_id: str, resident_code: str, certificate_sha256: str, *, individual_number: bool = False
    ) -> Document:
        """Issue a 住民票の写し of one person, 個人番号 left out unless asked for.  A repeat returns the same document.

        Raises `NotFound`, `Refused` (`municipality.not_in_register`, `municipality.cannot_draw` with the code
        points), `Conflict` when the transaction has a document for another person, certificate or wish, and
        `Unavailable` without a font.
        """
        self.erase_old()
        options = json.dumps({"document": "residence-certificate", "individual_number": individual_number})
        done = self._store.document(transaction_id)
        if done is not None:
            return _same(done, resident_code, certificate_sha256, options)
        resident = self._store.resident(resident_code)
        if resident is None:
            raise NotFound("municipality.unknown_resident")
        if resident.standing is not Standing.RESIDENT:
            raise Refused("municipality.not_in_register", standing=resident.standing.value)
        now = self._clock.now()
        content = _residence_certificate(resident, now, individual_number=individual_number)
        binding = {"transaction": transaction_id, "subject": subject_of(transaction_id, certificate_sha256)}
        pdf = self._press.set({**content, **binding}, now)
        document = Document(transaction_id, resident.code, certificate_sha256, options, now, pdf)
        try:
            self._store.save_document(document)
        except sqlite3.IntegrityError as error:
            raise Conflict("municipality.transaction_reused") from error
        return document

    def erase_old(self) -> None:
        """Erase the PDFs that nobody may ask for again."""
        self._store.erase_documents(self._clock.now() - self._config.keep_documents)


def _same(done: Document, resident_code: str, certificate_sha256: str, options: str) -> Document:
    asked = (resident_code, certificate_sha256, options)
    if asked != (done.resident_code, done.certificate_sha256, done.options) or not done.pdf:
        raise Conflict("municipality.transaction_reused")
    return done


def _residence_certificate(resident: Resident, now: datetime, *, individual_number: bool) -> dict[str, Any]:
    """Return what is set on the page: her own entry, all in the words of the form."""
    place = municipalities.by_code(resident.municipality_code)
    foreign = resident.nationality is not None
    rows = [
        ("氏名", resident.name),
        ("フリガナ", resident.kana),
        ("生年月日", eras.birth(resident.birth, gregorian=foreign)),
        ("性別", _SEX[resident.sex]),
        ("住所", resident.address),
        ("住所を定めた年月日", eras.day(resident.since)),
        ("前住所", resident.previous_address),
        ("国籍・地域", resident.nationality),
        ("在留期間の満了の日", eras.day(resident.stay_until) if resident.stay_until else None),
        ("世帯主・続柄", "省略"),
        ("本籍・筆頭者", None if foreign else "省略"),
        ("個人番号", resident.individual_number if individual_number else "省略"),
    ]
    return {
        "title": "住民票の写し",
        "place": place.prefecture_ja + place.name_ja,
        "mayor": mayor(place.name_ja),
        "issued": eras.day(now.astimezone(JST).date()),
        "rows": [[label, value] for label, value in rows if value is not None],
    }


def mayor(name: str) -> str:
    """Return the office that issues: a ward of a designated city has its city's mayor, a special ward its own."""
    city, mark, ward = name.partition("市")
    return f"{city}{mark}長" if mark and ward.endswith("区") else f"{name}長"
