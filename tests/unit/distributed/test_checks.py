"""What a sharded crawl cannot do is said before it begins, with what to do instead."""

from pathlib import Path

import pytest

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
