"""The executors that watch over their workers: who is to blame, what is replaced, what is bounded.

Nobody can end a thread, and nobody but its owner may end a worker of an executor object, so this is
for ``process`` and ``loky`` only.
"""

import os
import re
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.executors import MARKED, WATCHED, executor_options, page, parsed, running

from crawler.model.errors import FailureKind
from crawler.parsing.batch import Task

watched = pytest.mark.parametrize("form", WATCHED)


# Pages that do harm


HARM = {
    "hang me": "parsing took longer than 1 s of CPU time (--parse-timeout)",
    "match me": "parsing took longer than 1 s of CPU time (--parse-timeout)",
    "sleep for me": "parsing took longer than 4 s (4 times --parse-timeout)",
    "kill me": "the parse process died on this page (signal SIGKILL)",
    "bloat me": "MemoryError",
}


@pytest.mark.promise("P33")
@watched
async def test_pages_that_do_harm_fail_alone_each_with_its_cause(form: str) -> None:
    harm = dict(zip(range(10, 100, 20), HARM, strict=False))
    tasks = [page(number, harm.get(number, "")) for number in range(200)]
    options = executor_options(parser=MARKED)
    async with running(form, options) as (executor, collected):
        for each in tasks:
            executor.submit(each)
        await collected.until(200)
        assert executor.lost_workers >= len(HARM) - 1, "all but the one that only raised"
    assert set(collected.failures) == set(harm)
    for number, text in harm.items():
        assert collected.outcomes[number].error is FailureKind.PARSE
        assert HARM[text] in collected.failures[number]
    assert len(collected.titles) == 195


@pytest.mark.promise("P30")
@watched
async def test_deep_nesting_is_stopped_inside_c_code(form: str) -> None:
    tasks = [page(0, "<div>" * 200_000), page(1)]
    collected = await parsed(form, tasks, executor_options(max_bytes=2 << 20))
    assert re.search("longer than 1 s of CPU", collected.failures[0])
    assert collected.titles == {"Page 1"}


@pytest.mark.promise("P66")
@watched
async def test_nothing_waits_behind_pages_that_hang(form: str) -> None:
    """The last good page comes at most two deadlines later than without the bad ones."""
    hanging, timeout = range(0, 400, 100), 2.0
    options = executor_options(timeout=timeout, parser=MARKED)
    good = await parsed(form, [page(n) for n in range(400) if n not in hanging], options)
    tasks = [page(n, "hang me" if n in hanging else "") for n in range(400)]
    mixed = await parsed(form, tasks, options)
    assert set(mixed.failures) == set(hanging)
    assert mixed.last_good_s - good.last_good_s < 2 * timeout


@pytest.mark.promise("P34")
@watched
async def test_a_killed_worker_costs_no_page(form: str) -> None:
    async with running(form) as (executor, collected):
        for number in range(500):
            executor.submit(page(number, "x" * 10_000))
            if number in (150, 350):
                await collected.until(number - 140)
                os.kill(an_ordinary_worker(executor), signal.SIGKILL)
        await collected.until(500)
        count = 500
        # A death without work in hand is seen at the next work: as much as all workers need.
        while executor.lost_workers < 2 and count < 5_000:
            for number in range(count, count + 500):
                executor.submit(page(number, "x" * 10_000))
            count += 500
            await collected.until(count)
        assert executor.lost_workers == 2
    assert len(collected.titles) == count


def an_ordinary_worker(executor: Any) -> int:
    """The process of a worker with no suspected page: a page whose worker dies twice fails."""
    return next(
        each.pid
        for each in executor._workers.values()
        if each.pid is not None and each.index < executor._most and len(each.tasks) != 1
    )


@pytest.mark.promise("P34")
@watched
async def test_killed_idle_workers_are_replaced(form: str) -> None:
    async with running(form) as (executor, collected):
        executor.submit(page(0))
        await collected.until(1)
        before = set(executor.pids[-2:])
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        executor.submit(page(1))
        await collected.until(2)
        assert not before & set(executor.pids)
    assert collected.titles == {"Page 0", "Page 1"}


@pytest.mark.promise("P34")
async def test_a_killed_fork_server_costs_no_page() -> None:
    async with running("process") as (executor, collected):
        for number in range(300):
            executor.submit(page(number, "x" * 10_000))
        await collected.until(1)
        os.kill(executor.pids[0], signal.SIGKILL)
        await collected.until(300)
        assert collected.error is None
    assert len(collected.titles) == 300


# Bounds


@watched
async def test_what_waits_is_not_copied(form: str) -> None:
    """Only the few batches that are at the workers exist twice."""
    body = "x" * 1_000_000
    async with running(form, executor_options(max_bytes=2 << 20)) as (executor, collected):
        executor.submit(page(0))
        await collected.until(1)
        for pid in executor.pids[-2:]:
            os.kill(pid, signal.SIGSTOP)
        big = page(0, body)
        before = resident()
        for number in range(1, 301):
            executor.submit(Task(msgspec.structs.replace(big.job, id=number), big.body))
        grown = resident() - before
        assert executor.waiting == 300
        assert executor.waiting_bytes == 300 * len(big.body)
        for pid in executor.pids[-2:]:
            os.kill(pid, signal.SIGCONT)
        await collected.until(301)
    assert grown < 30_000_000


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@watched
async def test_workers_are_added_under_load(form: str) -> None:
    options = msgspec.structs.replace(executor_options(3), first=1)
    async with running(form, options) as (executor, collected):
        for number in range(129):
            assert executor.workers == 1
            executor.submit(page(number))
        assert executor.workers == 2
        await collected.until(129)
        for number in range(129, 385):
            executor.submit(page(number))
        await collected.until(385)
        assert executor.workers == 2
        for number in range(385, 2_000):
            executor.submit(page(number))
        await collected.until(2_000)
        assert executor.workers == 3
    assert len(collected.titles) == 2_000


@watched
async def test_little_work_adds_no_worker(form: str) -> None:
    options = msgspec.structs.replace(executor_options(3), first=1)
    async with running(form, options) as (executor, collected):
        for number in range(512):
            executor.submit(page(number))
            if number % 128 == 127:
                await collected.until(number + 1)
        assert executor.workers == 1
