# SPDX-License-Identifier: Apache-2.0
"""Messages: an identifier becomes words in two languages, and a missing word never hides the failure."""

import pytest

from tegata.messages import Message, TegataError, catalogue, message


def test_an_error_speaks_both_languages() -> None:
    """The fact is in either."""
    error = TegataError("reader.wrong_pin", tries_left=2)
    assert "2" in error.text("ja").what
    assert "2" in error.text("en").what
    assert str(error).startswith("reader.wrong_pin: The PIN is wrong; tries left: 2.")


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    """Better an identifier than a second error."""
    assert message("nobody.wrote_this", "ja") == Message("nobody.wrote_this", "")
    assert str(TegataError("nobody.wrote_this")) == "nobody.wrote_this: nobody.wrote_this"


def test_a_fact_that_was_left_out_is_shown_as_its_name() -> None:
    """And braces in a fact stay braces."""
    assert message("reader.wrong_pin").what == "The PIN is wrong; tries left: <tries_left>."
    assert "{0}{x}" in message("wire.bad_field", "en", field="{0}{x}").what


@pytest.mark.parametrize("name", ["reason", "lang", "self", "clause_"])
def test_a_fact_may_have_any_name(name: str) -> None:
    """A fact called `lang` or `reason` is a fact like another."""
    error = TegataError("wire.bad_json", **{name: "x"})
    assert error.facts == {name: "x"}
    assert error.text("ja").what


def test_every_reason_has_words() -> None:
    """The merged catalogue holds both languages for each reason."""
    assert len(catalogue()) > 50
    for reason, languages in catalogue().items():
        for words in languages.values():
            assert words.what, reason
            assert words.next, reason
            assert str(words) == f"{words.what} {words.next}"
