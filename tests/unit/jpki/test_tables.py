# SPDX-License-Identifier: Apache-2.0
"""The tables of facts: complete, consistent, each with its source, and nothing genuine in what is issued."""

import re

import pytest

from tegata.jpki import Carrier, Kind, assumptions, card_map, municipalities, oids
from tegata.jpki.card_map import EfKind
from tegata.jpki.municipalities import UnknownMunicipality
from unit.refusal import refused


@pytest.mark.parametrize("name", sorted(assumptions.table()))
def test_every_assumption_says_why_and_where_the_doubt_comes_from(name: str) -> None:
    """And its value is one of its choices."""
    one = assumptions.table()[name]
    assert assumptions.value(name) == one.value
    assert len(one.why) > 20
    assert len(one.source) > 3
    assert not one.choices or one.value in one.choices


def test_an_assumption_that_is_not_in_the_table_does_not_exist() -> None:
    """No default hides a misspelt name."""
    with pytest.raises(KeyError):
        assumptions.value("card.nobody_assumed_this")


def test_issued_policies_are_of_the_test_arm_and_all_different() -> None:
    """No certificate of this country can be taken for a genuine one."""
    issued = {oids.policy(kind, carrier) for kind in Kind for carrier in Carrier}
    assert len(issued) == 4
    assert not issued & set(oids.PRODUCTION_POLICIES.values())
    assert all(policy.startswith("1.2.392.200149.8.5.1.0.") for policy in issued)
    assert oids.policy(Kind.SIGNING, Carrier.CARD).endswith(".20")
    assert oids.policy(Kind.AUTHENTICATION, Carrier.CARD).endswith(".30")


def test_municipalities_have_a_code_of_their_prefecture_and_names_in_two_scripts() -> None:
    """JIS X 0402: the first two digits are the prefecture's; English names carry the type of place."""
    suffix = re.compile(r"[A-Z][a-z]+(-(to|fu|ken))?")
    prefectures: dict[str, str] = {}
    for code, place in municipalities.table().items():
        assert re.fullmatch(r"(0[1-9]|[1-3][0-9]|4[0-7])[0-9]{3}", code)
        assert place.code == code
        assert suffix.fullmatch(place.prefecture_en), code
        assert re.search(r"-(shi|ku|machi|cho|mura|son)\b", place.name_en), code
        assert place.name_en.isascii()
        assert prefectures.setdefault(code[:2], place.prefecture_ja) == place.prefecture_ja
    assert prefectures["13"] == "東京都"


@pytest.mark.parametrize("code", ["", "1311", "131130", "99999", "１３１１３", "13113\n"])
def test_a_code_that_no_municipality_has(code: str) -> None:
    """Shown cut, for it came from somebody."""
    with refused("jpki.unknown_municipality", UnknownMunicipality) as caught:
        municipalities.by_code(code * 3)
    assert len(str(caught.value.facts["code"])) <= 8


def test_the_card_and_the_phone_differ_where_they_should() -> None:
    """The phone has JPKI only, and guards its authentication certificate with its PIN."""
    card, phone = card_map.profile("card"), card_map.profile("gpse")
    assert set(card.applications) == {"isd", "jpki", "text", "surface", "common", "juki"}
    assert set(phone.applications) == {"isd", "jpki"}
    place = card_map.jpki_file("certificate", Kind.AUTHENTICATION)
    assert card.applications["jpki"].efs[place].opened_by == ()
    assert phone.applications["jpki"].efs[place].opened_by == (0x0018,)
    assert (card.label, phone.label) == ("JPKIAPICCTOKEN2", "JPKIAPGPSETOKEN")
    assert (card.carrier, phone.carrier) == (Carrier.CARD, Carrier.PHONE)
    assert (card.holder_sets_first_pin, phone.holder_sets_first_pin) == (False, True)


@pytest.mark.parametrize(
    ("part", "kind", "ef"),
    [
        ("certificate", Kind.SIGNING, 0x0001),
        ("ca_certificate", Kind.SIGNING, 0x0002),
        ("certificate", Kind.AUTHENTICATION, 0x000A),
        ("ca_certificate", Kind.AUTHENTICATION, 0x000B),
        ("key", Kind.AUTHENTICATION, 0x0017),
        ("pin", Kind.AUTHENTICATION, 0x0018),
        ("key", Kind.SIGNING, 0x001A),
        ("pin", Kind.SIGNING, 0x001B),
    ],
)
def test_files_of_jpki_are_where_public_code_finds_them(part: str, kind: Kind, ef: int) -> None:
    """OpenSC src/libopensc/jpki.h; jpki/myna."""
    assert card_map.jpki_file(part, kind) == ef


def test_every_file_and_key_of_a_profile_makes_sense() -> None:
    """Keys and PINs are guarded as they should be, PINs have a rule, AIDs are different, answers to reset check."""
    for profile in card_map.profiles().values():
        aids = [application.aid for application in profile.applications.values()]
        assert len(set(aids)) == len(aids)
        for application in profile.applications.values():
            for ef in application.efs.values():
                assert (ef.pin is not None) is (ef.kind is EfKind.PIN)
                # the applications' own keys, with which they show that they are no copy, obey no PIN
                open_keys = ("key.application", "key.internal", "key.terminal_ca")
                assert ef.kind is not EfKind.KEY or ef.opened_by or ef.role in open_keys
                assert application.by_role(ef.role) == ef
            with pytest.raises(KeyError):
                application.by_role("nothing")
        if not profile.atr[1] & 0x80:
            continue
        check = 0
        for byte in profile.atr[1:]:
            check ^= byte
        assert check == 0, profile.name


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (
            "signing",
            ["ABC123", "1A2B3C4D5E6F7G8H", "A00000"],
            ["ABC12", "ABCDEF", "123456", "abc123", "A" * 16 + "1", "ABC12!"],
        ),
        ("authentication", ["0000", "9999"], ["000", "00000", "000A", "", "0000\n"]),
        ("text", ["1234"], ["ABCD"]),
        ("card", ["1234"], ["12 4"]),
    ],
)
def test_pin_rules(rule: str, good: list[str], bad: list[str]) -> None:
    """As the forms of municipalities state them."""
    fits = card_map.pin_rules()[rule].fits
    assert all(fits(pin.encode()) for pin in good)
    assert not any(fits(pin.encode()) for pin in bad)


def test_tries_are_three_and_five() -> None:
    """The signing password bears five wrong tries, four digits three; the numbers of the card's face are assumed."""
    tries = {name: rule.tries for name, rule in card_map.pin_rules().items()}
    assumed = assumptions.value("card.reference_number_tries")
    assert {tries.pop(name) for name in ("number_a", "number_b", "birth")} == {assumed}
    assert tries == {"signing": 5, "authentication": 3, "text": 3, "card": 3, "blocked": 3}


def test_names_that_do_not_exist() -> None:
    """Profiles, applications and issuer commands are looked up, never guessed."""
    for look in (card_map.profile, card_map.application, card_map.issuer_command):
        with pytest.raises(KeyError):
            look("nothing")
