"""The files in config/: what they say is what the program takes, also by their name alone."""

from pathlib import Path

import pytest

from crawler.cli import main
from crawler.cli.options import default_toml
from crawler.errors import UsageError
from crawler.settings import Settings, load, options

CONFIG = Path(__file__).parents[3] / "config"
FOLLOWING = {"depth", "include", "exclude", "max_url_length", "max_repeats", "max_per_host"}
"""Options that need --follow."""
NAMES = sorted(path.stem for path in CONFIG.glob("*.toml"))


def test_the_default_file_is_what_the_options_are() -> None:
    assert (CONFIG / "default.toml").read_text("utf-8") == default_toml(), "run scripts/make-config"


def test_the_default_file_changes_nothing() -> None:
    assert load({}, {}, CONFIG / "default.toml") == Settings()


def test_each_line_of_it_can_be_made_to_count(tmp_path: Path) -> None:
    lines = [line[1:] for line in default_toml().splitlines() if line[:2].strip("# ")]
    assert [line.partition(" = ")[0] for line in lines] == [option.name for option in options()]
    usual = Settings()
    for option, line in zip(options(), lines, strict=True):
        path = tmp_path / "one.toml"
        path.write_text(f"{line}\n", "utf-8")
        needs = {"follow": "true"} if option.name in FOLLOWING else {}
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
    assert polite.slots < usual.slots < fast.slots
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


def test_what_is_neither_is_refused_with_the_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        load({}, {}, "politely")
    says = "cannot read politely: No such file; default, fast, polite come with crawler"
    assert str(caught.value) == says


def test_a_path_that_cannot_be_looked_at_is_told_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, says in ((tmp_path / "file" / "x", "Not a directory"), ("x" * 999, "too long")):
        with pytest.raises(UsageError, match=says):
            load({}, {}, name)


@pytest.mark.parametrize("command", ["crawl", "compare"])
def test_the_help_names_them(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"comes with crawler: {', '.join(NAMES)}" in " ".join(capsys.readouterr().out.split())
