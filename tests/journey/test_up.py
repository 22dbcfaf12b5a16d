# SPDX-License-Identifier: Apache-2.0
"""`tegata up` as a person starts, stops and mistreats it."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from journey import processes
from journey.processes import Up, run, up
from tegata.jpki import Kind
from tegata.reader import JpkiSession, WrongPin

HERE = Path(__file__).parent


def transmit(country: Up, card_id: str) -> Any:
    """Return what carries APDUs to a card of a running country."""

    def carry(command: bytes) -> bytes:
        answer = country.post(f"/control/v1/cards/{card_id}/apdu", {"apdu": base64.b64encode(command).decode()})
        return base64.b64decode(answer["response"])

    return carry


def everything(country: Up) -> dict[str, Any]:
    """Return all that must still be there after a restart."""
    people = country.get("/control/v1/people")["people"]
    cards = country.get("/control/v1/cards")["cards"]
    phones = country.get("/control/v1/phones")["phones"]
    return {
        "people": [country.get(f"/control/v1/people/{one['slug']}") for one in people],
        "cards": [country.get(f"/control/v1/cards/{one['card_id']}") for one in cards],
        "phones": [country.get(f"/control/v1/phones/{one['phone_id']}") for one in phones],
    }


def test_the_next_start_finds_everything(tmp_path: Path) -> None:
    """Ctrl-C ends it with exit code 0; the next start has the same people, cards, tries, phones and certificates."""
    with up(tmp_path) as country:
        country.settled()
        bought = country.post("/control/v1/phones", {"holder": "hanako"})
        secret = {"card_password": "ABC123", "auth_pin": "2580", "signing_password": "TEGATA2026"}
        country.post(f"/control/v1/phones/{bought['phone_id']}/enrol", secret)
        with pytest.raises(WrongPin):
            JpkiSession(transmit(country, "TGTC000000000002")).verify(Kind.AUTHENTICATION, "0000")
        before = everything(country)
        assert country.stop() == 0
    assert len(before["people"]) == len(before["cards"]) == 12
    assert before["cards"][1]["tries_left"] == {"authentication": 2, "signing": 5}
    with up(tmp_path) as country:
        assert country.said["settled"] == 12
        assert everything(country) == before


def test_killed_while_settling_it_settles_the_rest(tmp_path: Path) -> None:
    """After `kill -9` with people half registered, the next start gives everybody exactly one card."""
    with up(tmp_path, "--people", 5) as country:
        assert country.stop(signal.SIGKILL) == -signal.SIGKILL
    with up(tmp_path) as country:
        country.settled()
        people = country.get("/control/v1/people")["people"]
        assert [len(one["cards"]) for one in people] == [1] * 5


def test_terminated_it_ends_cleanly(tmp_path: Path) -> None:
    """What a service manager sends ends it as Ctrl-C does, and says to nobody that it still runs."""
    with up(tmp_path, "--people", 1) as country:
        assert (tmp_path / "country.json").exists()
        assert country.stop(signal.SIGTERM) == 0
    assert not (tmp_path / "country.json").exists()


def refused(done: Any, reason: str) -> None:
    """Assert exit code 1, the reason, and one line with a next step instead of a traceback."""
    assert done.returncode == 1, done
    told = json.loads(done.stdout)
    assert told["error"] == reason
    assert told["next"]
    assert done.stderr == ""


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """One directory, one process."""
    with up(tmp_path, "--people", 1):
        refused(run("up", "--data", tmp_path, "--port", 0, "--json"), "sandbox.data_locked")


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    """A port in use is said so before anything is made."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(run("up", "--data", tmp_path / "new", "--port", port, "--json"), "sandbox.port_taken")
    refused(run("up", "--data", tmp_path / "new", "--port", 70000, "--json"), "sandbox.port_unusable")
    assert not (tmp_path / "new").exists()


def test_another_version_is_refused(tmp_path: Path) -> None:
    """A directory of another version is left alone, with the way out."""
    (tmp_path / "meta.json").write_text('{"people": 12, "seed": 1, "version": 99}')
    refused(run("up", "--data", tmp_path, "--port", 0, "--json"), "sandbox.other_version")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--seed", "banana"), "personas.bad_seed"),
        (("--seed", "-1"), "personas.bad_seed"),
        (("--people", "0"), "personas.bad_count"),
        (("--people", "many"), "personas.bad_count"),
        (("--personas", "missing.toml"), "personas.bad_file"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, arguments: tuple[str, str], reason: str) -> None:
    """A wrong seed, number of people or persona file is an error with a next step."""
    option, value = arguments
    refused(run("up", "--data", tmp_path / "new", "--port", 0, "--json", f"{option}={value}"), reason)


def test_a_broken_persona_file_names_the_line(tmp_path: Path) -> None:
    """The error tells file, line and field, and nothing of the person."""
    file = tmp_path / "mine.toml"
    file.write_text('[[person]]\nslug = "a"\nname = "秘密　太郎"\nbirth = "1990-13-01"\n', "utf-8")
    done = run("up", "--data", tmp_path / "new", "--port", 0, "--personas", file)
    assert done.returncode == 1
    assert "mine.toml" in done.stderr
    assert "line" in done.stderr
    assert "秘密" not in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_another_seed_for_an_existing_country_is_refused(tmp_path: Path) -> None:
    """A country keeps the people it was made with."""
    with up(tmp_path, "--people", 1, "--seed", 7) as country:
        country.stop()
    refused(run("up", "--data", tmp_path, "--port", 0, "--seed", 8, "--json"), "sandbox.other_people")


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    """A path that cannot be a directory is an error with a next step."""
    (tmp_path / "file").touch()
    refused(run("up", "--data", tmp_path / "file" / "data", "--port", 0, "--json"), "sandbox.data_unusable")


def in_namespace(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command where it may mount file systems without anybody noticing: in namespaces of its own."""
    environment = processes.environment(PYTHONPATH=os.pathsep.join((str(HERE.parent), str(HERE.parents[1] / "src"))))
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), *command]
    return subprocess.run(unshare, capture_output=True, text=True, timeout=200, env=environment)


def test_a_read_only_directory_is_refused(tmp_path: Path, require_tool: Callable[[str], str]) -> None:
    """A directory that cannot be written to is an error with a next step."""
    require_tool("unshare")
    mount = f'mount -t tmpfs -o ro,size=1m tmpfs {tmp_path} && exec "$@"'
    command = (*processes.TEGATA, "up", "--data", str(tmp_path), "--port", "0", "--json")
    refused(in_namespace("sh", "-c", mount, "sh", *command), "sandbox.data_unusable")


@pytest.mark.parametrize("kilobytes", [4, 300, 1500])
def test_full_at_any_moment_it_can_go_on(tmp_path: Path, require_tool: Callable[[str], str], kilobytes: int) -> None:
    """A disk that fills up ends the start with a next step; with room, the same command settles everybody."""
    require_tool("unshare")
    done = in_namespace(sys.executable, str(HERE / "full_disk.py"), str(kilobytes), str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    error, settled = done.stdout.splitlines()
    assert "full" in json.loads(error)["error"]
    assert json.loads(error)["next"]
    assert settled == "12"
