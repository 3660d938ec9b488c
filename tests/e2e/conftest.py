"""Runs the program as a user does: in a process of its own, in an empty directory."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from crawler.localweb.server import Answer, Seen, Server

TESTS = Path(__file__).parent.parent


class Run:
    """A crawl that has ended: its exit code, what it printed, and its run directory."""

    def __init__(self, done: subprocess.CompletedProcess[str], directory: Path) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr
        self.directory = directory

    def records(self, name: str) -> list[dict[str, Any]]:
        text = (self.directory / f"{name}.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    @property
    def pages(self) -> dict[str, dict[str, Any]]:
        records = self.records("pages")
        assert len({record["url"] for record in records}) == len(records), "a page twice"
        return {record["url"]: record for record in records}

    @property
    def failures(self) -> dict[str, dict[str, Any]]:
        return {record["url"]: record for record in self.records("failures")}

    @property
    def skips(self) -> dict[str, dict[str, Any]]:
        return {record["url"]: record for record in self.records("skipped")}

    @property
    def report(self) -> dict[str, Any]:
        found = json.loads((self.directory / "report.json").read_text())
        assert isinstance(found, dict)
        return found


Crawl = Callable[..., Run]
Serve = Callable[..., Server]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "crawler", *map(str, arguments)]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRAWLER_")}
    return {**kept, "PYTHONPATH": str(TESTS), "PYTHONWARNINGS": "error"}


def ended(
    program: Sequence[object], cwd: Path, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its exit code is."""
    return subprocess.run(
        list(map(str, program)),
        cwd=cwd,
        env=environment(),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture
def crawl(tmp_path: Path) -> Crawl:
    """Run ``crawler crawl`` with these arguments, ``lines`` as its list, into folder ``name``."""

    def run(
        *arguments: object, lines: str | bytes | None = None, stdin: str = "", name: str = "run"
    ) -> Run:
        given = list(arguments)
        if lines is not None:
            data = lines.encode() if isinstance(lines, str) else lines
            (tmp_path / "list").write_bytes(data)
            given.append(tmp_path / "list")
        done = ended(command("crawl", "--run", tmp_path / name, *given), tmp_path, stdin)
        return Run(done, tmp_path / name)

    return run


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve answers by path; what is not among them is a 404."""
    with ExitStack() as stack:

        def start(
            answers: Mapping[str, Answer | Callable[[Seen], Answer]], **options: Any
        ) -> Server:
            def handler(seen: Seen) -> Answer:
                found = answers.get(seen.target, Answer(404))
                return found if isinstance(found, Answer) else found(seen)

            return stack.enter_context(Server(handler, **options))

        yield start


def html(text: str, **changes: Any) -> Answer:
    return Answer(headers=(("Content-Type", "text/html"),), body=text.encode(), **changes)


def balanced(urls: dict[str, int]) -> bool:
    """Whether every entry has exactly one state."""
    final = urls["done"] + urls["failed"] + urls["skipped"] + urls["pending"]
    return final == urls["input"] + urls["discovered"]
