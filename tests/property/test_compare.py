# SPDX-License-Identifier: Apache-2.0
"""Comparing never throws, whatever anybody is called, and nobody differs from himself."""

from hypothesis import given
from hypothesis import strategies as st

from tegata.jpki.attributes import BasicFour, BirthDate, Sex
from tegata.verify.compare import Applicant, compare

OUTCOMES = {"match", "differs", "undecidable"}
odd = st.text(max_size=60) | st.text(
    "髙邊﨑ヶー-−〜０一十百丁目番地号のABCａｂ　 \U000e0100\u3099\uffff\ud800", max_size=40
)
dates = st.builds(BirthDate, st.integers(0, 5), st.integers(0, 9999), st.integers(0, 12), st.integers(0, 31))


@st.composite
def people(draw: st.DrawFn) -> BasicFour:
    """Return attributes with any text and any flags."""
    name, address = draw(odd), draw(odd)
    flags = [draw(st.text("01", min_size=len(one), max_size=len(one))) for one in (name, address)]
    return BasicFour(name, flags[0], address, flags[1], draw(dates), draw(st.sampled_from(Sex)))


@given(odd, odd, odd, odd, people())
def test_odd_names_never_throw(name: str, address: str, birth: str, sex: str, certificate: BasicFour) -> None:
    """Four findings, each with one of three outcomes."""
    found = compare(Applicant(name, address, birth, sex), certificate)
    assert [one.field for one in found.findings] == ["name", "address", "birth", "sex"]
    assert {one.outcome for one in found.findings} <= OUTCOMES


@given(st.sampled_from([None, 3, b"x", 1.5, []]), people())
def test_what_is_no_text_is_not_given(wrong: object, certificate: BasicFour) -> None:
    """A caller without a type checker gets an answer too."""
    found = compare(Applicant(wrong, wrong, wrong, wrong), certificate)  # type: ignore[arg-type]
    assert {one.outcome for one in found.findings} == {"undecidable"}


@given(people())
def test_nobody_differs_from_himself(certificate: BasicFour) -> None:
    """Who writes exactly what the certificate holds is never told that it differs."""
    if "\uffff" in certificate.name + certificate.address:
        return
    born = certificate.birth
    written = f"{born.year:04}-{born.month:02}-{born.day:02}"
    found = compare(Applicant(certificate.name, certificate.address, written, certificate.sex.value), certificate)
    assert found.outcome != "differs"
