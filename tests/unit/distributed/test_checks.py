"""What a sharded crawl cannot do is said before it begins, with what to do instead."""

from pathlib import Path

import pytest

import crawler
from crawler.app.run_dir import begin
from crawler.cli import main
from crawler.distributed.checks import check
from crawler.model.errors import UsageError
from crawler.settings import Settings
from crawler.testing import MockWeb


def test_a_usual_crawl_can_be_sharded() -> None:
    check(Settings(on="local", out=("pages.jsonl", "-"), record="a.warc.gz", parser="a:b"))


def test_an_object_cannot_travel() -> None:
    with pytest.raises(UsageError, match=r"--parser: an object of Python cannot travel.*a name"):
        check(Settings(on="local", parser=lambda page: {}))


@pytest.mark.promise("P58")
def test_a_secret_does_not_travel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(on="local", auth="a.example=ann:secret-word")
    with pytest.raises(UsageError, match=r"--auth: secrets.*CRAWLER_SECRETS") as error:
        check(settings)
    assert "secret-word" not in str(error.value)
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('auth = ["a.example=ann:secret-word"]\n')
    secrets.chmod(0o600)
    monkeypatch.setenv("CRAWLER_SECRETS", str(secrets))
    check(settings)


def test_a_mocked_network_is_only_in_this_process() -> None:
    with MockWeb(), pytest.raises(UsageError, match=r"mocked network.*without --on"):
        check(Settings(on="local"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replay": "a.warc"}, "replay cannot be combined with on: each shard"),
        ({"baseline": 5}, "baseline cannot be combined with on: each shard"),
        ({"metrics_port": 0}, "metrics_port cannot be combined with on.*crawler status --json"),
    ],
)
def test_options_that_exclude_shards(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Settings(on="local", **options)  # type: ignore[arg-type]


URL = "http://a.example/"


def test_a_run_without_shards_is_resumed_without_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(tmp_path / "run")
    with begin(Settings(sources=(URL,), run=place)):
        pass
    assert main(["crawl", "--run", place, "--resume", "--on", "local"]) == 2
    assert "--on: this run has no shards; resume it without --on" in capsys.readouterr().err
    with pytest.raises(UsageError, match="this run has no shards"):
        crawler.crawl([URL], run=place, resume=True, on="local")
    with pytest.raises(UsageError, match="shards cannot be changed"):
        crawler.crawl([URL], run=place, resume=True, on="local", shards=2)


@pytest.mark.parametrize("options", [{}, {"on": "local"}])
def test_a_shard_is_not_resumed_alone(tmp_path: Path, options: dict[str, str]) -> None:
    whole, shard = tmp_path / "run", tmp_path / "run" / "shards" / "0001"
    for place in (whole, shard):
        with begin(Settings(sources=(URL,), run=str(place))):
            pass
    with pytest.raises(UsageError, match=f"is a shard of the run in {whole}"):
        crawler.crawl([URL], run=str(shard), resume=True, **options)
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    assert main(["crawl", URL, "--run", str(shard), "--resume", *flags]) == 2
