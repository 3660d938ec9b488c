"""A damaged file of a shard is named, the other shards end, and nothing is lost once it is back."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.sharded_site import SHARDS, Crawls, sharded_site
from support.unreliable import UnreliableWorkers

from crawler.distributed import board
from crawler.distributed.letters import HEAD_BYTES
from crawler.distributed.records import standing_of
from crawler.model.errors import CrawlerError, StateError

pytestmark = pytest.mark.promise("P34")
LOST = r"shards/0001/inbox\.log: has lost \d+ records? .*restore"
DAMAGED = 1
"""The shard whose files are damaged."""


@pytest.fixture
def crawls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crawls]:
    """A crawl of which a part is done, in all shards."""
    monkeypatch.setattr(board, "REST_S", 0.05)
    with sharded_site(pages=5, run=tmp_path / "run") as site:
        site.crawl(workers(), max_pages=12)
        yield site


def workers() -> UnreliableWorkers:
    return UnreliableWorkers(lambda *_: "answer")


def cut(share: float) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return act


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def flip_first_letter(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[HEAD_BYTES // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        ("state.db", cut(0.5), r"shards/0001/state\.db: "),
        ("state.db", cut(0.0), r"shards/0001/state\.db: "),
        ("state.db", remove, r"shards/0001/state\.db: "),
        ("links.log", cut(0.5), r"shards/0001/links\.log: has \d+ bytes, but \d+ were "),
        ("links.log", remove, r"shards/0001/links\.log: has 0 bytes, but \d+ were "),
        ("pages.jsonl", cut(0.5), r"shards/0001/pages\.jsonl: has \d+ bytes, but \d+ were "),
        (
            "inbox.log",
            flip_first_letter,
            LOST,
        ),
        ("inbox.log", cut(0.4), LOST),
        ("inbox.log", remove, LOST),
    ],
)
def test_damage_is_named_and_nothing_is_lost(
    crawls: Crawls, tmp_path: Path, name: str, damage: Callable[[Path], None], says: str
) -> None:
    shard = crawls.run / "shards" / f"{DAMAGED:04d}"
    copy = tmp_path / "copy"
    shutil.copytree(shard, copy)
    damage(shard / name)
    for path in shard.glob("state.db-*") if name == "state.db" else ():
        path.unlink()
    with pytest.raises(StateError, match=says):
        crawls.crawl(workers(), max_pages=None)
    shutil.rmtree(shard, ignore_errors=True)
    shutil.copytree(copy, shard)
    crawls.crawl(workers(), max_pages=None)
    crawls.check()


def test_a_shard_that_is_gone_is_missed_by_those_that_it_wrote_to(
    crawls: Crawls, tmp_path: Path
) -> None:
    """If it began anew, it would send other letters than those they have read."""
    shards = [standing_of(crawls.run, n) for n in range(SHARDS)]
    gone = next(n for n in range(SHARDS) if any(each.received.get(n) for each in shards))
    shard = crawls.run / "shards" / f"{gone:04d}"
    shard.rename(tmp_path / "gone")
    with pytest.raises(StateError, match=rf"from shard {gone}, which has sent it 0: .* restore"):
        crawls.crawl(workers(), max_pages=None)
    assert not shard.exists(), "nothing has begun"
    (tmp_path / "gone").rename(shard)
    crawls.crawl(workers(), max_pages=None)
    crawls.check()


def test_the_other_shards_end(crawls: Crawls, tmp_path: Path) -> None:
    """All that does not depend on the damaged shard."""
    shard = crawls.run / "shards" / f"{DAMAGED:04d}"
    (shard / "state.db").rename(tmp_path / "state.db")
    with pytest.raises(StateError, match=r"shard 1 cannot go on: .*state\.db"):
        crawls.crawl(workers(), max_pages=None)
    others = [standing_of(crawls.run, n) for n in range(SHARDS) if n != DAMAGED]
    assert not any(each.has_work for each in others)
    (tmp_path / "state.db").rename(shard / "state.db")
    crawls.crawl(workers(), max_pages=None)
    crawls.check()


@pytest.mark.parametrize("name", ["settings.toml", "progress.json", "timeline.jsonl", "slices"])
def test_what_says_nothing_about_the_crawl_is_not_needed(crawls: Crawls, name: str) -> None:
    """The settings of a shard are those of the run."""
    for shard in (crawls.run / "shards").iterdir():
        remove(shard / name)
    crawls.crawl(workers(), max_pages=None)
    crawls.check()


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        ("state.db", cut(0.5), r"run/state\.db: "),
        ("settings.toml", cut(0.0), r"run/settings\.toml"),
        ("input.log", cut(0.5), r"run/input\.log: has \d+ bytes, but \d+ were "),
    ],
)
def test_damage_of_the_whole_run_is_named(
    crawls: Crawls, name: str, damage: Callable[[Path], None], says: str
) -> None:
    path = crawls.run / name
    copy = path.read_bytes()
    damage(path)
    with pytest.raises(CrawlerError, match=says):
        crawls.crawl(workers(), max_pages=None)
    path.write_bytes(copy)
    crawls.crawl(workers(), max_pages=None)
    crawls.check()
