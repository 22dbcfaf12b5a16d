# SPDX-License-Identifier: Apache-2.0
"""The authority's keys: made once, never in the clear on a disk, useless without their vault, and watched at work."""

import asyncio
from pathlib import Path

import pytest

from tegata.authority import profiles
from tegata.authority.ca import Signer
from tegata.authority.errors import Broken
from tegata.authority.service import Authority
from tegata.clock import SetClock
from tegata.codecs import der
from tegata.crypto.keys import Algorithm, Scheme, SoftwareKey
from tegata.crypto.vault import Vault, VaultError
from tegata.jpki import Kind
from unit.authority.kit import HANAKO, NOW, World, new_key, opened, reopened


def test_the_authorities_are_founded_once(world: World) -> None:
    """The next start finds the same certificates, the same person identifiers, and writes nothing."""
    before = [world.authority.ca_certificate(kind) for kind in Kind], world.authority.person(HANAKO, "signin")
    entries = world.authority.entries()
    reopened(world)
    asyncio.run(world.authority.recover())
    after = [world.authority.ca_certificate(kind) for kind in Kind], world.authority.person(HANAKO, "signin")
    assert (after, world.authority.entries()) == (before, entries)


def test_two_countries_have_nothing_in_common(tmp_path: Path) -> None:
    """Roots are made per installation."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with opened(tmp_path / "one") as one, opened(tmp_path / "two") as two:
        assert one.authority.ca_certificate(Kind.SIGNING) != two.authority.ca_certificate(Kind.SIGNING)
        assert one.authority.person(HANAKO, "signin") != two.authority.person(HANAKO, "signin")


def test_no_key_lies_in_the_clear(tmp_path: Path) -> None:
    """Neither whole nor as its secret number, in the file or its log."""
    made: list[SoftwareKey] = []

    def keys(algorithm: Algorithm) -> SoftwareKey:
        made.append(new_key(algorithm))
        return made[-1]

    with opened(tmp_path, keys=keys) as world:
        world.authority._signers.responder(Kind.SIGNING, NOW)
        stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert len(made) == 3
        for key in made:
            secret = der.read(key.to_pkcs8()).children()[2].value
            number = der.read(secret).children()[1].value
            assert len(number) == 32
            assert number not in stored
            assert der.read(key.spki).children()[1].value[1:] in stored  # its certificate is there


def test_another_vault_opens_nothing(tmp_path: Path) -> None:
    """A copied file is worth nothing without the key beside it."""
    with opened(tmp_path) as world:
        world.authority.close()
        with pytest.raises(VaultError):
            Authority.open(world.authority.config, SetClock(NOW), Vault(bytes(32)), world.path)


class FaultyKey:
    """A key that has gone wrong: it signs something else."""

    def __init__(self, key: SoftwareKey) -> None:
        self._key = key
        self.algorithm = key.algorithm
        self.spki = key.spki

    def sign(self, scheme: Scheme, data: bytes) -> bytes:
        """Sign, but not what was asked."""
        return self._key.sign(scheme, data + b"!")


def test_a_signature_that_went_wrong_never_leaves(world: World) -> None:
    """It is checked against what was asked; the order stays open, and its repeat gets what was promised."""
    order = world.card_order()
    signer = world.authority._signers.ca(Kind.AUTHENTICATION)
    sound = signer._key
    assert isinstance(sound, SoftwareKey)
    signer._key = FaultyKey(sound)
    with pytest.raises(Broken, match=r"authority\.signature_failed"):
        world.authority.certify_card(order)
    assert [one.der for one in world.authority.certificates(HANAKO)] == [None, None]
    signer._key = sound
    issued = world.authority.certify_card(order)
    assert issued.authentication.serial == 2
    world.authority.verify_audit()


def test_a_signer_shows_no_key(world: World) -> None:
    """Not in its repr."""
    signer = world.authority._signers.ca(Kind.SIGNING)
    assert repr(signer) == "Signer(signing, ca, 1)"
    assert repr(signer.own.key) not in repr(signer.own)
    assert isinstance(signer, Signer)
    assert profiles.key_id(signer._key.spki) == signer.key_id
