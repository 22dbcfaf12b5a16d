# SPDX-License-Identifier: Apache-2.0
"""The first screen of the README works, in both languages: every command on it is run and prints what is shown."""

import base64
import json
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.request import Request, urlopen

import pytest

from journey.console import ROOT, Command, Page, commands, fences, first_screen, make_runs

READMES = {"en": "README.md", "ja": "README.ja.md"}


@pytest.fixture(scope="module", params=READMES)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Yield a shell in which `make up` of one of the two pages was run; at the end Ctrl-C must give exit code 0."""
    with Page(tmp_path_factory.mktemp("readme"), language=request.param) as page:
        page.run(first_screen_of(page.language)[0])
        yield page


def test_first_screen_runs(page: Page) -> None:
    """`make up` greets, the demo tells the story; `make test` is only asked what it would run: it runs this."""
    up, demo, test = first_screen_of(page.language)
    assert (up.text, demo.text, test.text) == ("make up", ".venv/bin/tegata demo", "make test")
    page.run(demo)
    assert make_runs("up")[-1].strip() == ".venv/bin/tegata up"
    assert make_runs("test")[-1].strip() == ".venv/bin/python -m pytest"


def test_verifier_example_runs(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """The example of `tegata.verify` verifies a signature that a phone of the running country made."""
    (example,) = fences(readme(page.language), "python")
    exec(example, signed_contract(page.url))  # noqa: S102 -- our own README
    assert capsys.readouterr().out.splitlines() == ["山田　花子 phone"]


def first_screen_of(language: str) -> list[Command]:
    """Return the commands that a reader sees first."""
    return commands(first_screen(readme(language)))


def readme(language: str) -> str:
    """Return the page in a language."""
    return (ROOT / READMES[language]).read_text("utf-8")


def signed_contract(url: str) -> dict[str, Any]:
    """Have 山田花子 sign a contract with her phone; return what the example takes for granted."""
    phone = call(f"{url}/control/v1/phones", {"holder": "hanako"})["phone_id"]
    pins = {"card_password": "ABC123", "auth_pin": "2580", "signing_password": "TEGATA2026"}
    call(f"{url}/control/v1/phones/{phone}/enrol", pins)
    contract = call(f"{url}/shop/v1/contracts", {"plan": "standard", "request_id": secrets.token_hex(8)})
    call(f"{url}/control/v1/phones/{phone}/sign", {"url": contract["signing_url"], "password": "TEGATA2026"})
    kept = call(f"{url}/shop/v1/contracts/{contract['contract_id']}/evidence")
    nonce = base64.b64decode(kept["nonce"])
    return {
        **{name: base64.b64decode(kept[name]) for name in ("certificate", "document", "signature")},
        "ca_certificate": fetched(f"{url}/authority/v1/ca/signing.cer"),
        "nonce": nonce,
        "fetch": lambda request: base64.b64decode(kept["ocsp"]),
        "now": datetime.fromisoformat(kept["verified_at"]),
    }


def call(url: str, body: dict[str, Any] | None = None) -> Any:
    """Return the JSON that an address answers, to a POST when there is a body."""
    data = None if body is None else json.dumps(body).encode()
    return json.loads(fetched(Request(url, data, {"Content-Type": "application/json"})))


def fetched(request: str | Request) -> bytes:
    """Return the bytes that an address answers."""
    with urlopen(request, timeout=30) as answer:
        return bytes(answer.read())
