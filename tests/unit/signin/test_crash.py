# SPDX-License-Identifier: Apache-2.0
"""The process dies at every step of a sign-in, before and after what it wrote; started again, it goes on.

A death is an exception out of the commit hook (the write is durable, the answer is lost) or out of the transaction (the
write never happened).  The service is then opened anew on the same file, and everybody repeats the last call.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest

from tegata.crypto.keys import SoftwareKey
from tegata.storage import Database
from unit.signin.kit import CERTS, USERINFO, Phone, World, answer


class Killed(BaseException):
    """The process died here."""


class Death:
    """Kills the process at the `at`-th write from now on, once."""

    def __init__(self, at: int, *, written: bool) -> None:
        self.left = at
        self.written = written
        self.happened = False

    def strike(self, *, written: bool) -> None:
        """Count a write; die if it is the one."""
        if self.happened or written is not self.written:
            return
        self.left -= 1
        if self.left == 0:
            self.happened = True
            raise Killed


class MortalWorld(World):
    """A world whose process can die."""

    death = Death(0, written=True)

    def _committed(self, name: str) -> None:
        self.death.strike(written=True)

    def start(self) -> None:
        """Open the service, with a transaction that can die."""
        super().start()
        database: Database = self.service._store._database
        whole = database.transaction

        @contextmanager
        def mortal() -> Iterator[sqlite3.Connection]:
            with whole() as connection:
                yield connection
                self.death.strike(written=False)

        database.transaction = mortal  # type: ignore[method-assign]


@pytest.fixture
def mortal(make_world: Callable[..., World]) -> MortalWorld:
    """Return a mortal world on the files of an ordinary one."""
    plain = make_world()
    plain.service.close()
    world = MortalWorld.__new__(MortalWorld)
    world.__dict__ |= plain.__dict__
    world.start()
    return world


async def survive(world: MortalWorld, call: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Make a call; if the process dies over it, start it again and repeat the call."""
    try:
        return await call()
    except Killed:
        world.restart()
        await world.service.recover()
        return await call()


STEPS = ["authorize", "approve", "continue", "assertion", "tokens"]


@pytest.mark.parametrize("written", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("step", range(1, len(STEPS) + 1), ids=STEPS)
def test_a_sign_in_survives_a_death_at_every_write(
    mortal: MortalWorld, rsa_keys: Sequence[SoftwareKey], step: int, *, written: bool
) -> None:
    """Repeating the last call is all it takes; only a code that was already exchanged cannot be exchanged again."""
    world, phone = mortal, mortal.phone(rsa_keys[0])
    world.death = Death(step, written=written)

    async def story() -> None:
        page = await survive(world, lambda: world.http.get(world.party.wish()))
        url = page.text.split('id="request-url" href="')[1].split('"')[0]
        approved = await survive(world, lambda: phone.approve(world.http, url))
        assert approved.json() == {"state": "approved"}
        back = await survive(world, lambda: world.http.get(f"{url}/continue"))
        code = answer(back)["code"]
        tokens = await survive(world, lambda: world.token(world.party.form(code)))
        assert world.death.happened
        if STEPS[step - 1] == "tokens" and written:
            assert tokens.json()["error"] == "invalid_grant"  # and what was issued unseen is dead:
            assert world.service._store.session_of_code(code).state == "revoked"  # type: ignore[union-attr]
            return
        bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
        assert (await world.http.get(USERINFO, headers=bearer)).status_code == 200

    asyncio.run(story())


def test_nothing_changes_by_a_restart(world: World, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Keys, clients, a waiting request with its challenge, tokens and used assertions are as they were."""
    phone = world.phone(rsa_keys[0])

    async def story() -> None:
        tokens = await world.tokens(phone)
        url = await world.begin()
        before = [(await world.http.get(one)).json() for one in (CERTS, url)]
        world.restart()
        assert [(await world.http.get(one)).json() for one in (CERTS, url)] == before
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await world.http.get(USERINFO, headers=bearer)).status_code == 200
        assert (await world.token(world.party.refresh(tokens["refresh_token"]))).status_code == 200
        assert (await phone.approve(world.http, url)).status_code == 200
        assert "code" in answer(await world.http.get(f"{url}/continue"))

    asyncio.run(story())


def test_the_first_start_may_die_over_its_keys(mortal: MortalWorld, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Half a set of keys is never kept."""
    mortal.service.close()
    (mortal.folder / "signin.db").unlink()
    for attempt in range(1, 5):
        mortal.death = Death(attempt, written=True)
        try:
            mortal.start()
        except Killed:
            continue
    mortal.death = Death(0, written=True)
    mortal.start()
    assert len(mortal.service.jwks()["keys"]) == 2


def test_the_disk_holds_no_secret_in_the_clear(world: World, rsa_keys: Sequence[SoftwareKey]) -> None:
    """No code, token, cookie, key, certificate, signature, serial or person's identifier is in the file."""
    phone = Phone(rsa_keys[0], 987_654_321_987, "person-whom-nobody-should-find")
    world.phone(phone.key, phone.serial, phone.person)

    async def story() -> list[str]:
        url = await world.begin()
        cookie = next(iter(world.http.cookies.values()))
        await phone.approve(world.http, url)
        code = answer(await world.http.get(f"{url}/continue"))["code"]
        tokens = (await world.token(world.party.form(code))).json()
        return [cookie, code, tokens["refresh_token"], tokens["access_token"], tokens["id_token"]]

    secrets = [secret.encode() for secret in asyncio.run(story())]
    secrets += [phone.person.encode(), str(phone.serial).encode(), phone.key.spki]
    secrets += [key.to_pkcs8()[-40:] for key in world.keys.values()]
    world.service.close()
    disk = b"".join(file.read_bytes() for file in world.folder.glob("signin.db*"))
    assert len(disk) > 20_000
    assert [secret for secret in secrets if secret in disk] == []


def test_no_repr_shows_a_secret(world: World, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Requests, sessions, clients and rings print their names only."""
    phone = world.phone(rsa_keys[0])
    tokens = asyncio.run(world.tokens(phone))
    session = world.service._store.session(tokens["session_state"])
    assert session is not None
    shown = repr([session, world.service._ring, world.service.config, world.service.clients()])
    for secret in (session.subject, session.code_digest, "s-1", "n-1", "operator-token", "signin-token"):
        assert secret not in shown
