"""The three forms of the parse stage give the same results; the processes survive their pages."""

import asyncio
import multiprocessing.spawn
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from crawler.model.errors import FailureKind, StateError
from crawler.model.pages import Page
from crawler.model.scope import make_scope
from crawler.parsing.batch import Outcome, Results, Task
from crawler.parsing.executors.base import ExecutorOptions, ParseExecutor
from crawler.parsing.executors.inline import InlineExecutor
from crawler.parsing.executors.process import ProcessExecutor
from crawler.parsing.executors.thread import ThreadExecutor
from crawler.parsing.job import Job, ParseOptions
from crawler.sinks.jsonl import JsonlEncoder

TIMEOUT = 1.0


def options(**changes: object) -> ParseOptions:
    usual = ParseOptions(
        max_bytes=1 << 20, follow=True, max_depth=None, scope=make_scope("host"), robots=True
    )
    return msgspec.structs.replace(usual, **changes)


def made(workers: int, **changes: object) -> ExecutorOptions:
    return ExecutorOptions(options(**changes), (JsonlEncoder(),), workers, timeout=TIMEOUT)


def page(number: int, text: str = "") -> Task:
    url = f"http://a.example/{number}"
    body = f'<title>Page {number}</title><a href="/{number + 1}">next</a>{text}'.encode()
    return Task(Job(number, url, url, url, 200, "text/html", None, None, "now", 1.0, 0), body)


class Collected:
    """What a stage delivered, and when it is all there."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.chunks: list[bytes] = []
        self.error: Exception | None = None
        self._changed = asyncio.Event()

    def deliver(self, results: Results) -> None:
        for outcome in results.outcomes:
            assert outcome.id not in self.outcomes, "delivered twice"
            self.outcomes[outcome.id] = outcome
        self.chunks.append(results.chunks[0])
        self._changed.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self._changed.set()

    async def until(self, count: int) -> None:
        while len(self.outcomes) < count and self.error is None:
            self._changed.clear()
            await self._changed.wait()

    @property
    def titles(self) -> set[str | None]:
        lines = b"".join(self.chunks).splitlines()
        return {msgspec.json.decode(line, type=Page).title for line in lines}


@asynccontextmanager
async def running(stage: ParseExecutor) -> AsyncIterator[Collected]:
    collected = Collected()
    stage.start(collected.deliver, collected.fail)
    async with stage:
        yield collected


def processes(**changes: object) -> ProcessExecutor:
    return ProcessExecutor(made(2, **changes))


FORMS: dict[str, Callable[[], ParseExecutor]] = {
    "process": processes,
    "thread": lambda: ThreadExecutor(made(2)),
    "inline": lambda: InlineExecutor(made(1)),
}


@pytest.mark.parametrize("form", FORMS)
async def test_every_page_returns_once_with_its_links(form: str) -> None:
    stage = FORMS[form]()
    async with running(stage) as collected:
        for number in range(200):
            stage.submit(page(number))
        await collected.until(200)
    assert collected.titles == {f"Page {number}" for number in range(200)}
    found = {link.url for outcome in collected.outcomes.values() for link in outcome.links}
    assert found == {f"http://a.example/{number + 1}" for number in range(200)}
    assert (stage.waiting, stage.waiting_bytes) == (0, 0)


@pytest.mark.promise("P13")
@pytest.mark.parametrize("form", FORMS)
async def test_a_body_that_does_not_decompress_fails_alone(form: str) -> None:
    stage = FORMS[form]()
    bad = page(0)
    job = msgspec.structs.replace(bad.job, content_encoding="gzip")
    async with running(stage) as collected:
        stage.submit(Task(job, bad.body))
        stage.submit(page(1))
        await collected.until(2)
    assert collected.outcomes[0].error is FailureKind.DECODE
    assert collected.outcomes[1].error is None
    assert collected.titles == {"Page 1"}


@pytest.mark.promise("P33")
@pytest.mark.parametrize(
    ("text", "says"), [("hang me", "longer than 1 s"), ("kill me", "signal SIGKILL")]
)
async def test_a_page_that_hangs_or_kills_fails_alone(text: str, says: str) -> None:
    stage = processes(parser="support.parsers:marked")
    async with running(stage) as collected:
        for number in range(100):
            stage.submit(page(number, text if number == 40 else ""))
        await collected.until(100)
        failed = {n: o for n, o in collected.outcomes.items() if o.error is not None}
        assert list(failed) == [40]
        assert failed[40].error is FailureKind.PARSE
        assert says in failed[40].message
        assert len(collected.titles) == 99


@pytest.mark.promise("P30")
async def test_deep_nesting_is_stopped_inside_c_code() -> None:
    stage = processes()
    async with running(stage) as collected:
        stage.submit(page(0, "<div>" * 200_000))
        stage.submit(page(1))
        await collected.until(2)
    assert collected.outcomes[0].error is FailureKind.PARSE
    assert collected.titles == {"Page 1"}


@pytest.mark.promise("P34")
async def test_a_killed_worker_costs_no_page() -> None:
    stage = processes()
    async with running(stage) as collected:
        for number in range(500):
            stage.submit(page(number, "x" * 10_000))
            if number % 100 == 50:
                os.kill(stage.pids[0], signal.SIGKILL)
        await collected.until(500)
    assert len(collected.titles) == 500


@pytest.mark.promise("P34")
async def test_a_killed_idle_worker_is_replaced() -> None:
    stage = processes()
    async with running(stage) as collected:
        stage.submit(page(0))
        await collected.until(1)
        before = set(stage.pids)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        stage.submit(page(1))
        await collected.until(2)
        assert not before & set(stage.pids)
    assert collected.titles == {"Page 0", "Page 1"}


async def test_workers_that_cannot_start_end_the_crawl(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(multiprocessing.spawn, "_python_exe", b"/bin/false")
    stage = processes()
    async with running(stage) as collected:
        await collected.until(1)
    assert isinstance(collected.error, StateError)
    assert "do not start" in str(collected.error)


def growing(most: int) -> ProcessExecutor:
    return ProcessExecutor(msgspec.structs.replace(made(most), first=1))


async def test_a_growing_stage_starts_workers_under_load() -> None:
    stage = growing(3)
    async with running(stage) as collected:
        for number in range(129):
            assert len(stage.pids) == 1
            stage.submit(page(number))
        await collected.until(129)
        assert len(stage.pids) == 2
        for number in range(129, 385):
            stage.submit(page(number))
        await collected.until(385)
        assert len(stage.pids) == 2
        for number in range(385, 2_000):
            stage.submit(page(number))
        await collected.until(2_000)
        assert len(stage.pids) == 3
    assert len(collected.titles) == 2_000


async def test_a_growing_stage_with_little_work_stays_small() -> None:
    stage = growing(3)
    async with running(stage) as collected:
        for number in range(512):
            stage.submit(page(number))
            if number % 128 == 127:
                await collected.until(number + 1)
        assert len(stage.pids) == 1


async def test_closing_the_stage_leaves_no_process() -> None:
    stage = processes()
    async with running(stage) as collected:
        stage.submit(page(0))
        await collected.until(1)
        pids = list(stage.pids)
    assert not [pid for pid in pids if is_alive(pid)]


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.promise("P34")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import asyncio, sys
        from crawler.parsing.executors.base import ExecutorOptions
        from crawler.parsing.executors.process import ProcessExecutor
        from crawler.parsing.job import ParseOptions
        from crawler.model.scope import make_scope

        async def main():
            options = ParseOptions(
                max_bytes=1, follow=False, max_depth=None, scope=make_scope("host")
            )
            stage = ProcessExecutor(ExecutorOptions(options, (), workers=3))
            async with stage:
                print(*stage.pids, flush=True)
                await asyncio.Event().wait()

        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 3
        watches = [os.pidfd_open(pid) for pid in pids]
        parent.kill()
    for watch in watches:
        _wait_for_end(watch)


def _wait_for_end(pidfd: int) -> None:
    import select

    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(10_000), "still alive after 10 s"
    os.close(pidfd)
