"""``crawler engines``."""

import json

import pytest

import crawler.engines.registry
from crawler.cli import engines, main
from crawler.engines.base import Capabilities

ENGINES = [
    Capabilities("one", "the first", "libone 1.2", keep_alive=True, http2=True, own_threads=False),
    Capabilities(
        "second-one",
        "the other",
        "two 3",
        keep_alive=False,
        http2=False,
        own_threads=True,
        max_concurrency=1,
        notes=("closes [every] connection",),
        suspends="threads",
    ),
]


@pytest.fixture(autouse=True)
def two_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawler.engines.registry, "engine_capabilities", lambda: ENGINES)


def test_engines_are_listed_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines"]) == 0
    head, first, second, *rest = capsys.readouterr().out.splitlines()
    for heading, one, other in [
        ("library", "libone 1.2", "two 3"),
        ("suspends", "await", "threads"),
        ("keep-alive", "yes", "no"),
        ("HTTP/2", "yes", "no"),
        ("own threads", "no", "yes"),
        ("at once", "any", "1"),
    ]:
        column = head.index(heading)
        assert first[column:].startswith(one)
        assert second[column:].startswith(other)
    assert rest == ["", "one: the first", "second-one: the other", "  closes [every] connection"]


def test_engines_are_listed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in found] == ["one", "second-one"]
    assert found[1]["max_concurrency"] == 1
    assert [each["suspends"] for each in found] == ["await", "threads"]


def test_a_terminal_shows_the_same_facts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["engines"]) == 0
    words = capsys.readouterr().out.split()
    assert set(engines.plain_table(ENGINES).split()) <= set(words)
