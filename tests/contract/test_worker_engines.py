"""One suite for all engines that carry slices: answers, errors, killed workers, and the end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest
from support import orders
from support.orders import PATIENCE, order
from support.processes import descendants, ending
from support.worker_engines import FORMS, HERE, SLOTS, TESTS, wait_for_slots

from crawler.distributed.workers import SliceWorkers

_MOST_DEATHS = 4
_MANY = 20
REMOTE = [name for name in FORMS if name != "local"]
"""Their workers are other processes."""
LONG = {"ray", "ray-cluster", "celery"}
MARKS = {"celery": [pytest.mark.redis]}


def form(name: str) -> object:
    long = [pytest.mark.long] if name in LONG else []
    return pytest.param(name, marks=[*long, *MARKS.get(name, [])])


@pytest.fixture(scope="module", params=[form(name) for name in FORMS])
def workers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SliceWorkers]:
    folder = tmp_path_factory.mktemp("engine")
    with FORMS[request.param](folder) as open_them, open_them() as workers:
        wait_for_slots(workers)
        yield workers


@pytest.fixture
def give(workers: SliceWorkers) -> Callable[..., Future[bytes]]:
    """Give an order to the workers."""

    def submit(do: str, **options: object) -> Future[bytes]:
        return workers.executor.submit(orders.run, order(do, **options))

    return submit


Give = Callable[..., Future[bytes]]


def answer(future: Future[bytes]) -> object:
    return msgspec.json.decode(future.result(PATIENCE))


def test_an_order_is_answered(give: Give) -> None:
    assert answer(give("echo", text="Grüße\n")) == "Grüße\n"


def test_a_large_order_is_answered(give: Give) -> None:
    text = "x" * 3_000_000
    assert answer(give("echo", text=text)) == text


def test_an_exception_arrives(give: Give) -> None:
    with pytest.raises(LookupError, match="asked for"):
        give("fail", text="asked for").result(PATIENCE)
    assert answer(give("echo", text="next")) == "next"


def test_there_are_as_many_slots_as_workers_have(workers: SliceWorkers) -> None:
    assert workers.slots() == SLOTS


def test_each_slot_runs_an_order_at_the_same_time(give: Give, tmp_path: Path) -> None:
    """Each order waits until the other one has begun."""
    files = [str(tmp_path / f"{n}") for n in range(SLOTS)]
    held = [give("hold", begun=files[n], until=files[n - 1]) for n in range(SLOTS)]
    assert [answer(future) for future in held] == files


@pytest.mark.parametrize("workers", [form(name) for name in REMOTE], indirect=True)
def test_a_killed_worker_is_an_exception(workers: SliceWorkers, give: Give, tmp_path: Path) -> None:
    """The engine gives the order to few workers, and others work on."""
    log = tmp_path / "log"
    with pytest.raises(Exception, match=r".+"):
        give("kill_worker", log=str(log)).result(PATIENCE)
    assert 1 <= len(log.read_text().split()) <= _MOST_DEATHS
    assert answer(give("echo", text="next")) == "next"
    wait_for_slots(workers)


def test_orders_that_were_cancelled_do_not_begin(give: Give, tmp_path: Path) -> None:
    """A few may: a cancellation takes a moment to arrive."""
    until, log = tmp_path / "until", tmp_path / "log"
    begun = [tmp_path / f"begun-{n}" for n in range(SLOTS)]
    held = [give("hold", begun=str(each), until=str(until)) for each in begun]
    orders.wait_for(*begun)
    waiting = [give("note", log=str(log)) for _ in range(_MANY)]
    assert all(each.cancel() for each in waiting)
    until.touch()
    assert [answer(each) for each in held] == [str(each) for each in begun]
    last = [give("note", log=str(log)) for _ in range(SLOTS)]
    assert [answer(each) for each in last] == [None] * SLOTS
    assert len(log.read_text().split()) < _MANY / 2


def test_cancelling_does_not_stop_an_order_that_has_begun(give: Give, tmp_path: Path) -> None:
    begun, until, after = tmp_path / "begun", tmp_path / "until", tmp_path / "after"
    future = give("hold_and_touch", begun=str(begun), until=str(until), after=str(after))
    orders.wait_for(begun)
    future.cancel()
    until.touch()
    orders.wait_for(after)


@pytest.mark.parametrize("name", [form(name) for name in FORMS])
def test_the_end_leaves_no_order_and_no_process(name: str, tmp_path: Path) -> None:
    """What was there before stays, and can be used again."""
    until = tmp_path / "until"
    files = [tmp_path / f"begun-{n}" for n in range(SLOTS + 1)]
    with FORMS[name](tmp_path) as open_them:
        before = set(descendants(os.getpid()))
        with open_them() as workers:
            wait_for_slots(workers)
            held = [
                workers.executor.submit(
                    orders.run, order("hold", begun=str(each), until=str(until))
                )
                for each in files
            ]
            orders.wait_for(*files[:SLOTS])
            if name == "local":  # a slice that runs here is waited for
                until.touch()
        assert all(future.done() for future in held)
        assert name not in HERE or set(descendants(os.getpid())) <= before
        until.touch()
        with open_them() as workers:
            again = workers.executor.submit(orders.run, order("echo", text="again"))
            assert answer(again) == "again"


_DRIVER = """
import sys, time
from crawler.distributed.engines.registry import open_workers
if __name__ == "__main__":
    with open_workers(sys.argv[1]) as workers:
        print(workers.slots(), flush=True)
        time.sleep(100)
"""


@pytest.mark.parametrize("name", [form("dask"), form("ray")])
def test_nothing_outlives_a_killed_driver(name: str, tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(_DRIVER)
    driver = subprocess.Popen(
        [sys.executable, script, f"{name}:{SLOTS}"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
    )
    with driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"%d\n" % SLOTS
        with ending(driver.pid, least=SLOTS):
            driver.send_signal(signal.SIGKILL)
            driver.wait()
