"""``crawler crawl``: from the command line to Settings."""

import sys
from pathlib import Path

import pytest

import crawler.app.execute
import crawler.distributed.execute
from crawler.cli import main
from crawler.parsing.custom import check_parser
from crawler.settings import Settings, options


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in options():
        monkeypatch.delenv(f"CRAWLER_{option.name.upper()}", raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What the crawl was asked for, instead of a crawl; its exit code is 3."""
    seen: list[Settings] = []

    def record(settings: Settings, _spawned: object) -> int:
        seen.append(settings)
        return 3

    monkeypatch.setattr(crawler.app.execute, "run", record)
    return seen


def test_the_exit_code_is_that_of_the_crawl(asked: list[Settings]) -> None:
    assert main(["crawl", "urls.txt"]) == 3
    assert asked == [Settings(sources=("urls.txt",))]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["a", "--follow", "b", "--depth", "2", "-"], {"sources": ("a", "b", "-")}),
        (["--follow", "--depth=2", "a", "--", "b", "-"], {"sources": ("a", "b", "-")}),
    ],
)
def test_flags_and_sources_may_be_mixed(
    argv: list[str], expected: dict[str, object], asked: list[Settings]
) -> None:
    main(["crawl", *argv])
    assert asked == [Settings(follow=True, depth=2, **expected)]


def test_every_flag_reaches_its_field(asked: list[Settings]) -> None:
    texts = {"engine": "aiohttp", "memory": "1GiB", "max_bytes": "2MB"}
    flags, expected = [], {}
    for option in options()[1:]:
        if option.name in {"replay", "latency_scale", "again"}:
            continue  # the file, or the run, has to be there
        if option.name in {"cache", "cache_size"}:
            continue  # they exclude --parser
        if option.name in {"on", "slots", "shards", "slice"}:
            continue  # they exclude --baseline
        value = option.extra["example"] if option.default in (None, ()) else option.default
        if option.kind is bool:
            value = not value and option.name not in {"json", "http2", "resume"}
            flags.append(option.flag if value else f"--no-{option.name}")
        elif option.many:
            flags += [word for each in value for word in (option.flag, each)]
        else:
            value = texts.get(option.name, value)
            flags += [option.flag, str(value)]
        expected[option.name] = value
    main(["crawl", "x", *flags])
    assert asked == [Settings(sources="x", **expected)]
    assert asked[0].robots is False
    assert asked[0].memory == 2**30
    main(["crawl", "x", "--cache", "kept", "--cache-size", "5GB"])
    assert (asked[1].cache, asked[1].cache_size) == ("kept", 5 * 10**9)


def test_flags_of_a_sharded_crawl(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Settings] = []
    monkeypatch.setattr(crawler.distributed.execute, "run", lambda each: seen.append(each) or 0)
    given = ["--on", "local", "--slots", "2", "--shards", "8", "--slice", "30"]
    assert main(["crawl", "x", *given]) == 0
    assert seen == [Settings(sources="x", on="local", slots=2, shards=8, slice=30)]


@pytest.mark.parametrize("flag", ["--slots", "--shards"])
def test_more_shards_than_a_driver_can_drive_are_refused(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hundred million had all memory of the machine before the crawl began."""
    assert main(["crawl", "x", "--on", "local", flag, "100000000"]) == 2
    assert f"{flag} must be a whole number from 1 to 10000" in capsys.readouterr().err


def test_flags_win_over_variables_over_the_file(
    asked: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "my.toml"
    path.write_text("sources = ['x']\nretries = 1\ntimeout = 1\ndelay = 1\nfollow = true\n")
    monkeypatch.setenv("CRAWLER_TIMEOUT", "2")
    monkeypatch.setenv("CRAWLER_DELAY", "2")
    main(["crawl", "--config", str(path), "--delay", "3", "--no-follow"])
    assert asked == [Settings(sources="x", retries=1, timeout=2, delay=3)]


def test_the_current_directory_is_searched_for_parsers_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = [*sys.path]
    monkeypatch.setattr(sys, "path", [*before])
    (tmp_path / "shop_of_a_user.py").write_text("def prices(document): return {}")
    check_parser("shop_of_a_user:prices")
    assert sys.path == [*before, str(tmp_path)]
