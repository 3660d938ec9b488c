"""Whatever becomes of orders and answers, the driver brings the crawl to its end."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from support.books import standings
from support.sharded_site import SHARDS, Crawls, sharded_site
from support.unreliable import Fate, UnreliableWorkers

from crawler.app.run_dir import Lock
from crawler.distributed import board, driver, inbox
from crawler.distributed.letters import HEAD_BYTES
from crawler.distributed.records import SliceOrder
from crawler.model.errors import BusyError, StateError, UsageError
from crawler.runs.layout import EPOCH


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "GRACE_S", 0.1)
    monkeypatch.setattr(driver, "LOOK_S", 0.05)
    monkeypatch.setattr(board, "REST_S", 0.05)


@pytest.fixture
def crawls(tmp_path: Path) -> Iterator[Crawls]:
    with sharded_site(pages=3, run=tmp_path / "run") as site:
        yield site


def always(fate: Fate) -> Callable[[int, SliceOrder], Fate]:
    return lambda *_: fate


def orders(fate: Fate, *numbers: int) -> Callable[[int, SliceOrder], Fate]:
    """Only the orders with these numbers have this fate."""
    return lambda number, _: fate if number in numbers else "answer"


def test_all_pages_are_crawled_once(crawls: Crawls) -> None:
    workers = UnreliableWorkers(always("answer"))
    crawls.crawl(workers)
    crawls.check()
    assert {each.outcome for each in workers.answers} == {"ended"}
    turns = [(each.shard, each.turn) for each in workers.answers]
    assert len(turns) == len(set(turns))


@pytest.mark.parametrize(
    "fate", ["lose answer", "die before", "never begin", "forget", "twice", "cancel", "refuse"]
)
def test_misfortunes_lose_and_double_nothing(crawls: Crawls, fate: Fate) -> None:
    workers = UnreliableWorkers(orders(fate, 0, 2, 3))
    crawls.crawl(workers)
    assert workers.fates.count(fate) == 3
    crawls.check()


def test_every_second_answer_is_lost(crawls: Crawls) -> None:
    workers = UnreliableWorkers(lambda number, _: "lose answer" if number % 2 else "answer")
    crawls.crawl(workers)
    crawls.check()


def test_an_order_that_is_redelivered_is_refused(crawls: Crawls) -> None:
    """As a broker does that has not heard of its end."""
    workers = UnreliableWorkers(always("twice"))
    crawls.crawl(workers)
    crawls.check()
    assert Counter(each.outcome for each in workers.answers)["refused"] >= SHARDS


def test_orders_of_the_past_are_refused(crawls: Crawls) -> None:
    """All that were ever given come again when the crawl is over, and in its next session."""
    past = UnreliableWorkers(always("answer"))
    crawls.crawl(past)
    before = [each.turn for each in standings(crawls.run)]

    def again(number: int, _: SliceOrder) -> Fate:
        found = [msgspec.json.decode(workers.slice(each)) for each in past.orders]
        assert {each["outcome"] for each in found} <= {"refused", "busy"}
        return "answer"

    workers = UnreliableWorkers(again)
    crawls.crawl(workers, again="status")
    for order in [*past.orders, *workers.orders]:
        assert msgspec.json.decode(past.slice(order))["outcome"] == "refused"
    crawls.check()
    assert [each.turn for each in standings(crawls.run)] >= before


def test_inboxes_begin_again_once_all_is_taken(
    crawls: Crawls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "LONG_BYTES", 1)
    crawls.crawl(UnreliableWorkers(orders("lose answer", 1)))
    crawls.crawl(UnreliableWorkers(orders("lose answer", 1)), again="status")
    crawls.check()
    heads = 1 + SHARDS  # how much was taken, and how far each other log and the input were read
    for path in crawls.run.glob("shards/*/inbox.log"):
        assert path.stat().st_size <= heads * HEAD_BYTES


def test_a_shard_that_never_answers_is_given_up(crawls: Crawls) -> None:
    workers = UnreliableWorkers(lambda _, order: "die before" if order.shard == 0 else "answer")
    with pytest.raises(StateError, match=r"shard 0 cannot go on: 7 sessions .*has died"):
        crawls.crawl(workers)
    crawls.crawl(UnreliableWorkers(always("answer")))
    crawls.check()


def test_an_engine_without_workers_is_reported(crawls: Crawls) -> None:
    with pytest.raises(StateError, match=r"7 sessions .*: no worker takes orders"):
        crawls.crawl(UnreliableWorkers(always("refuse")))


def test_a_late_order_is_not_given_again_while_its_shard_is_crawled(crawls: Crawls) -> None:
    """However long it takes: a process may have been suspended."""
    crawls.crawl(UnreliableWorkers(always("answer")))
    held = Lock(crawls.run / "shards" / "0000")

    def wait(number: int, _: SliceOrder) -> Fate:
        if number == SHARDS - 2:
            held.release()
        return "answer"

    workers = UnreliableWorkers(wait)
    crawls.crawl(workers, again="status")
    shards = [msgspec.json.decode(each, type=SliceOrder).shard for each in workers.orders]
    assert shards.index(0) == SHARDS - 1, "the last one"
    crawls.check()


def test_workers_of_another_version_end_the_crawl(
    crawls: Crawls, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(driver, "__version__", "0.0.7")
        with pytest.raises(UsageError, match=r"this worker has version .*, .* started by 0\.0\.7"):
            crawls.crawl(UnreliableWorkers(always("answer")))
    crawls.crawl(UnreliableWorkers(always("answer")))
    crawls.check()


def test_workers_that_see_another_folder_end_the_crawl(
    crawls: Crawls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Elsewhere(UnreliableWorkers):
        def slice(self, order: bytes) -> bytes:
            (tmp_path / "else").mkdir(exist_ok=True)
            return super().slice(order.replace(str(crawls.run).encode(), b"/else/where"))

    with pytest.raises(UsageError, match=r"/else/where: is not the folder of the crawl"):
        crawls.crawl(Elsewhere(always("answer")))
    crawls.crawl(UnreliableWorkers(always("answer")))
    crawls.check()


def test_only_one_driver_drives(crawls: Crawls) -> None:
    refused: list[BusyError] = []

    def drive_too(number: int, _: SliceOrder) -> Fate:
        if number == 1:
            with pytest.raises(BusyError, match="is being crawled by process") as said:
                crawls.crawl(UnreliableWorkers(always("answer")))
            refused.append(said.value)
        return "answer"

    crawls.crawl(UnreliableWorkers(drive_too))
    assert len(refused) == 1
    crawls.check()


def test_a_damaged_epoch_is_reported(crawls: Crawls) -> None:
    crawls.crawl(UnreliableWorkers(always("answer")))
    (crawls.run / EPOCH).write_text("")
    with pytest.raises(StateError, match=r"epoch: is damaged; remove it"):
        crawls.crawl(UnreliableWorkers(always("answer")))
    (crawls.run / EPOCH).unlink()
    crawls.crawl(UnreliableWorkers(always("answer")))
