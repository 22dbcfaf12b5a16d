# SPDX-License-Identifier: Apache-2.0
"""Runs the commands that documentation shows, and compares what they print with what it says they print.

A fence ```` ```console ```` holds commands (`$ ...`, continued by a backslash) and below each its output.  In an
output, `…` stands for anything, a line `…` for any lines, and numbers, times and identifiers of the moment need not
agree.  No output written means that none is looked at.  Commands of one page share a shell; those that serve until
Ctrl-C run beside it and are stopped by it at the end.
"""

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "http://127.0.0.1:8440"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SERVES = re.compile(r"tegata (up|serve|card serve)\b|(python|node) \S+ http")
_PORT = re.compile(r"\b(844[1-9]|900[0-9])\b")
_OF_THE_MOMENT = (
    (r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "TIME"),
    (r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} GMT", "TIME"),
    (r"127\.0\.0\.1:\d+", "HERE"),
    (r"\b[0-9a-f]{16,}\b", "ID"),
    (r"\d+", "N"),
)


@dataclass(frozen=True)
class Command:
    """A command as a page shows it, and the output below it."""

    text: str
    output: str

    @property
    def serves(self) -> bool:
        """Whether it runs until Ctrl-C."""
        return _SERVES.search(self.text) is not None


def fences(text: str, language: str) -> list[str]:
    """Return the contents of a page's fences in a language."""
    return [content for name, content in _FENCE.findall(text) if name == language]


def commands(text: str) -> list[Command]:
    """Return the commands of a page in order."""
    return [command for fence in fences(text, "console") for command in _commands(fence)]


def _commands(fence: str) -> Iterator[Command]:
    for part in re.split(r"(?m)^\$ ", fence)[1:]:
        first, *rest = part.split("\n")
        more = list(itertools.takewhile(lambda line: line.startswith("> "), rest))
        text = "\n".join([first, *(line.removeprefix("> ") for line in more)])
        yield Command(text, "\n".join(rest[len(more) :]).strip("\n"))


def first_screen(text: str) -> str:
    """Return what stands before a page's first section."""
    return text.split("\n## ")[0]


def agrees(said: str, printed: str) -> bool:
    """Say whether a command printed what a page says, but for what is of the moment."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, _settled(line).rstrip().split("…"))) + r"\n"
        for line in said.split("\n")
    )
    shown = "".join(_settled(line).rstrip() + "\n" for line in printed.strip("\n").split("\n"))
    return re.fullmatch(pattern, shown) is not None


def _settled(line: str) -> str:
    for pattern, name in _OF_THE_MOMENT:
        line = re.sub(pattern, name, line)
    return line


def make_runs(target: str) -> list[str]:
    """Return the commands that `make target` runs, as make itself says."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    told = subprocess.run(
        ["make", "--dry-run", target], capture_output=True, text=True, cwd=ROOT, env=environment, check=True
    )
    return told.stdout.splitlines()


@dataclass
class Page:
    """A shell in a folder of its own in which a page's commands are run; a context that stops what serves."""

    folder: Path
    language: str = "en"
    options: str = "--port 0 --people 2"
    reader_port: int = 0
    serving: list[subprocess.Popen[str]] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    url: str = ADDRESS

    def __enter__(self) -> Self:
        for name in ("examples", "tests"):
            (self.folder / name).symlink_to(ROOT / name)
        (self.folder / ".venv").symlink_to(sys.prefix)
        self._shell = self._start(["bash", "--norc"], stdin=subprocess.PIPE, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        codes = [self.stop(process) for process in reversed(self.serving)]
        self._shell.communicate(timeout=30)
        assert error is not None or set(codes) <= {0}, codes

    def stop(self, process: "subprocess.Popen[str]") -> int:
        """Press Ctrl-C; return the exit code."""
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        return process.returncode

    def run(self, command: Command) -> str:
        """Run one command and return what it printed; fails where that is not what the page says."""
        text = make_runs("up")[-1] if command.text == "make up" else command.text
        text = re.sub(r"tegata up\b", f"tegata up {self.options}", text).replace(ADDRESS, self.url)
        text = text.replace("--reader", f"--reader --port {self.reader_port}")
        text = _PORT.sub(lambda found: str(self._free(found[0])), text)
        printed = self._serve(text, command) if command.serves or command.text == "make up" else self._ask(text)
        assert not command.output or agrees(command.output, printed), f"$ {command.text}\n{printed}"
        return printed

    def run_all(self, text: str) -> None:
        """Run every command of a page."""
        for command in commands(text):
            self.run(command)

    def _free(self, port: str) -> int:
        """Return the free port that stands for one that a page names."""
        if port not in self.ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.ports[port] = probe.getsockname()[1]
        return self.ports[port]

    def _ask(self, text: str) -> str:
        shell, end = self._shell, "that was all"
        assert shell.stdin
        assert shell.stdout
        shell.stdin.write(f"{text}\ncode=$?; echo; echo {end} $code\n")
        shell.stdin.flush()
        printed = ""
        for line in shell.stdout:
            if line.startswith(end):
                assert line.split()[-1] == "0" or "tegata verify" in text, f"$ {text}\n{printed}"
                return printed.strip("\n")
            printed += line
        raise AssertionError(f"the shell is gone after $ {text}\n{printed}")

    def _serve(self, text: str, command: Command) -> str:
        process = self._start(["bash", "--norc", "-c", f"exec {text}"], stderr=subprocess.STDOUT)
        self.serving.append(process)
        assert process.stdout
        expected = max(1, command.output.count("\n") + 1)
        printed = "".join(process.stdout.readline() for _ in range(expected))
        if "tegata up" in text:
            data = re.search(r"--data (\S+)", text)
            self._settled_down(self.folder / (data[1] if data else ".tegata") / "country.json", process)
        elif "card serve" in text:
            self._wait_for(lambda: "  Yes  " in self._ask("opensc-tool --list-readers || true"), "the card to be seen")
        return printed

    def _settled_down(self, announced: Path, country: "subprocess.Popen[str]") -> None:
        """Wait until everybody is settled, as a person who reads on does without noticing."""
        self._wait_for(lambda: announced.exists() or country.poll() is not None, "the country to listen")
        assert country.poll() is None, country.communicate()[0]
        self.url = json.loads(announced.read_text("utf-8"))["url"]

        def settled() -> bool:
            assert country.poll() is None, country.communicate()[0]
            with contextlib.suppress(OSError), urlopen(f"{self.url}/healthz", timeout=10) as answer:
                return b'"ready"' in answer.read()
            return False

        self._wait_for(settled, "the country to settle")

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.05)

    def _start(self, command: list[str], **streams: Any) -> "subprocess.Popen[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TEGATA")}
        environment |= {"TEGATA_LANG": self.language, "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=self.folder, env=environment, **streams
        )
