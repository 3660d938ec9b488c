"""The files in config/: what they say is what the program takes."""

from pathlib import Path

import pytest

from crawler.cli import main
from crawler.cli.flags import default_toml, describe
from crawler.model.errors import UsageError
from crawler.settings import Settings, load, options

CONFIG = Path(__file__).parents[3] / "config"
FOLLOWING = {"depth", "include", "exclude", "max_url_length", "max_repeats", "max_per_host"}
"""Options that need --follow."""
NAMES = sorted(path.stem for path in CONFIG.glob("*.toml"))


def test_the_default_file_matches_the_options() -> None:
    assert (CONFIG / "default.toml").read_text("utf-8") == default_toml(), "run scripts/make-config"


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("engine", "curl"),
        ("timeout", "30"),
        ("memory", "256MB"),
        ("latency_scale", "1"),
        ("robots", "true"),
        ("user_agent", Settings().user_agent),
    ],
)
def test_the_help_ends_with_the_default(name: str, default: str) -> None:
    option = next(each for each in options() if each.name == name)
    assert describe(option).endswith(f"default: {default})")


def test_the_default_file_changes_nothing() -> None:
    assert load({}, {}, CONFIG / "default.toml") == Settings()


def test_every_line_of_the_file_can_be_used(tmp_path: Path) -> None:
    lines = [line[1:] for line in default_toml().splitlines() if line[:2].strip("# ")]
    assert [line.partition(" = ")[0] for line in lines] == [option.name for option in options()]
    usual = Settings()
    for option, line in zip(options(), lines, strict=True):
        path = tmp_path / "one.toml"
        path.write_text(f"{line}\n", "utf-8")
        needs = {"follow": "true"} if option.name in FOLLOWING else {}
        if option.name == "again":
            needs = {"resume": "true", "run": "runs/first"}
        if option.name == "cache_size":
            needs = {"cache": "cache"}
        if option.name in {"slots", "shards", "slice"}:
            needs = {"on": "local"}
        value = getattr(load(needs, {}, path), option.name)
        assert value == getattr(usual, option.name) or option.default in (None, ())


@pytest.mark.parametrize("name", ["polite", "fast"])
def test_the_other_files_load(name: str) -> None:
    assert load({}, {}, CONFIG / f"{name}.toml") != Settings()


def test_polite_is_politer_and_fast_is_faster() -> None:
    polite, usual, fast = (
        load({}, {}, CONFIG / f"{name}.toml") for name in ("polite", "default", "fast")
    )
    delays = [each.host_delay(own=False) for each in (polite, usual, fast)]
    assert delays == sorted(delays, reverse=True)
    assert polite.fetch_slots < usual.fetch_slots < fast.fetch_slots
    assert all(each.robots for each in (polite, usual, fast))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_known_by_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({}, {}, name) == load({}, {}, CONFIG / f"{name}.toml")


def test_a_path_that_exists_wins_over_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "polite").write_text("retries = 77\n")
    assert load({}, {}, "polite").retries == 77


def test_an_unknown_name_is_refused_with_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        load({}, {}, "politely")
    says = "cannot read politely: No such file; default, fast, polite come with crawler"
    assert str(caught.value) == says


def test_an_unusable_path_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, says in ((tmp_path / "file" / "x", "Not a directory"), ("x" * 999, "too long")):
        with pytest.raises(UsageError, match=says):
            load({}, {}, name)


@pytest.mark.parametrize("command", ["crawl", "compare"])
def test_the_help_names_them(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"comes with crawler: {', '.join(NAMES)}" in " ".join(capsys.readouterr().out.split())
