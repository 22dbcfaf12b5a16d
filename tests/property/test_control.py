# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent to the control API, the answer is a good one or a refusal with words, never a failure of ours."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tegata.crypto.keys import SoftwareKey
from tegata.sandbox.openapi import BASE, OPERATIONS, Member, Operation
from unit.sandbox import kit
from unit.sandbox.kit import CARD, PHONE, Town

FEW = 15
"""Examples for each operation."""
PLAUSIBLE = {
    "apdu": ["AKQEAArTkvAAJgEAAAAB", "AA==", "////", "AIAAAA=="],
    "url": [
        kit.URL,
        kit.URL + "/shop/v1/contracts/x/signing-request",
        "http://[",
        "http://a@b/",
        "file:///",
        "http://:x",
    ],
    "slug": ["hanako", "hanako-2", "taro"],
    "persona": ["hanako", "taro"],
    "kind": ["move", "death", "card_lost", "card_returned", "leave_register", "name_change"],
    "holder": ["hanako"],
    "card_id": [CARD],
    "phone_id": [PHONE],
    "passcode": ["135790", "000000"],
    "finger": ["right-index"],
    "client_id": ["TAX00000001", "x"],
    "redirect_uris": [["http://127.0.0.1:1/cb"], [1], [""]],
    "jwks": [{"keys": []}, {"keys": [{"kty": "EC"}]}, {"keys": 1}],
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, rsa_keys: Sequence[SoftwareKey]) -> Iterator[Town]:
    """Return a country in which anything may be done to 花子, her card and her phone."""
    with kit.town(tmp_path_factory.mktemp("town"), kit.over_and_over(rsa_keys)) as opened:
        opened.post("/people", {"persona": "hanako"})
        opened.post("/phones", {"holder": "hanako"})
        yield opened


def values(member: Member) -> st.SearchStrategy[Any]:
    """Return values for a member: likely ones, ones of its kind, and anything."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": st.text(min_size=1, max_size=30),
        "array": st.lists(json_values, max_size=3),
        "object": st.dictionaries(st.text(max_size=8), json_values, max_size=3),
    }
    likely = st.sampled_from(PLAUSIBLE[member.name]) if member.name in PLAUSIBLE else kinds[member.kind]
    return st.one_of(likely, likely, kinds[member.kind], json_values)


def bodies(operation: Operation) -> st.SearchStrategy[Any]:
    """Return bodies: those of the table more or less, and any JSON."""
    required = {member.name: values(member) for member in operation.body if member.required}
    optional = {member.name: values(member) for member in operation.body if not member.required}
    by_table = st.fixed_dictionaries(required, optional=optional)
    if not operation.open_body:
        return st.one_of(by_table, by_table, json_values)
    more = st.dictionaries(
        st.sampled_from(["address", "municipality_code", "name", "kana", "sex", "birth", "occurred_at"]),
        st.one_of(st.sampled_from(["14204", "男", "1990-01-01", "2026-11-24T00:00:00Z"]), json_values),
    )
    return st.builds(lambda one, other: {**other, **one}, by_table, more)


def paths(operation: Operation) -> st.SearchStrategy[str]:
    """Return paths of an operation: mostly about 花子's own things, else about anything."""
    anything = st.text(min_size=1, max_size=12)
    names = st.sampled_from([{"slug": "hanako", "card_id": CARD, "phone_id": PHONE}])
    others = st.fixed_dictionaries(dict.fromkeys(("slug", "card_id", "phone_id"), anything))
    quoted = st.one_of(names, names, others).map(lambda found: {one: quote(found[one], safe="") for one in found})
    return quoted.map(lambda found: BASE + operation.path.format(**found))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_body_and_no_path_makes_an_operation_fail(town: Town, operation: Operation) -> None:
    """Random bodies, paths and queries are answered or refused with a reason and a next step."""

    @settings(max_examples=FEW)
    @given(
        body=bodies(operation),
        path=paths(operation),
        query=st.dictionaries(st.sampled_from(["limit", "after", "x"]), st.text()),
    )
    def hold(body: Any, path: str, query: dict[str, str]) -> None:
        content = {"json": body} if operation.has_body else {"params": query}
        answer = town.send(operation.method, path, **content)
        assert answer.status_code < 500, answer.text
        if answer.is_error:
            told = answer.json()
            assert told["status"] == answer.status_code
            assert told["reason"]
            assert told["title"]

    hold()
