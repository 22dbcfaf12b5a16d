# SPDX-License-Identifier: Apache-2.0
"""Names in certificates: what they say, and that no genuine one says it."""

import pytest

from tegata.codecs import der
from tegata.jpki import Kind, municipalities, names, oids


@pytest.mark.parametrize("kind", Kind)
def test_authorities_are_named_as_published_and_marked_as_a_test(kind: Kind) -> None:
    """C, O, OU, OU; the last with the mark that no genuine name has."""
    elements = der.read(names.ca_dn(kind)).children()
    assert len(elements) == 4
    shown = readable(names.ca_dn(kind))
    assert shown[0] == (oids.COUNTRY, "JP")
    assert shown[1] == (oids.ORGANIZATION, "JPKI")
    assert ("digital signature" in shown[2][1]) is (kind is Kind.SIGNING)
    assert names.TEST_MARK in shown[3][1]
    assert names.TEST_MARK in readable(names.japanese_ca_dn(kind))[3][1]


def test_the_two_authorities_have_two_names() -> None:
    """Neither is taken for the other."""
    assert len({make(kind) for kind in Kind for make in (names.ca_dn, names.japanese_ca_dn)}) == 4


def test_country_is_printable_and_everything_else_utf8() -> None:
    """X.520: countryName is a PrintableString of two letters."""
    rdns = [rdn.children()[0].children()[1] for rdn in der.read(names.ca_dn(Kind.SIGNING)).children()]
    assert [value.tag for value in rdns] == [0x13, 0x0C, 0x0C, 0x0C]


def test_a_revocation_list_is_named_by_its_municipality() -> None:
    """Prefecture and municipality in Hepburn; a directory name with its explicit tag."""
    dn = names.crldp_dn(Kind.SIGNING, municipalities.by_code("13113"))
    assert [value for _, value in readable(dn)][-3:] == ["CRL Distribution Points", "Tokyo-to", "Shibuya-ku CRLDP"]
    general = der.read(names.directory_name(dn)).expect(0xA4)
    assert general.value == dn


def readable(dn: bytes) -> list[tuple[str, str]]:
    """Return the attributes of a Name, in order, each as its type and its text."""
    fields = [rdn.children()[0].children() for rdn in der.read(dn).children()]
    return [(oid.oid(), value.value.decode()) for oid, value in fields]
