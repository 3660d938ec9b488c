"""All outputs behind one thread: order, commits, and what happens when one of them fails."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from crawler.model.errors import StateError
from crawler.sinks import outputs as module
from crawler.sinks.outputs import GATHER_BYTES, Outputs


class Memory:
    """A writer that keeps what it gets; it can be held up, and can fail."""

    can_cut = True

    def __init__(self) -> None:
        self.data = b""
        self.durable = 0
        self.is_closed = False
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()
        self.error: Exception | None = None
        self.threads: set[str] = set()

    def append(self, chunk: bytes) -> None:
        self.threads.add(threading.current_thread().name)
        self.began.set()
        self.gate.wait()
        if self.error is not None:
            raise self.error
        self.data += chunk

    def commit(self) -> int:
        if self.error is not None:
            raise self.error
        self.durable = len(self.data)
        return self.durable

    def cut(self, offset: int) -> None:
        self.data = self.data[:offset]

    def close(self) -> None:
        self.is_closed = True


class Harness:
    """An output to two writers, and what it said."""

    def __init__(self) -> None:
        self.writers = [Memory(), Memory()]
        self.commits = 0
        self.errors: list[Exception] = []
        self.written = asyncio.Event()
        writers = {"pages": self.writers[0], "failures": self.writers[1]}
        self.output = Outputs(writers, self._at_commit)
        self.output.start(self.written.set, self.errors.append)
        self.pages = self.output.open("pages")
        self.failures = self.output.open("failures")

    def _at_commit(self) -> None:
        self.commits += 1


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    harness = Harness()
    yield harness
    for writer in harness.writers:
        writer.gate.set()
    harness.output.close()
    assert all(writer.is_closed for writer in harness.writers)


async def test_a_commit_returns_the_length_of_each_output(harness: Harness) -> None:
    output = harness.output
    harness.pages.put(b"one\n")
    harness.failures.put(b"failed\n")
    harness.pages.put(b"two\n")
    assert await output.commit() == {"pages": 8, "failures": 7}
    assert [writer.data for writer in harness.writers] == [b"one\ntwo\n", b"failed\n"]
    assert [writer.durable for writer in harness.writers] == [8, 7]
    assert await output.commit() == {"pages": 8, "failures": 7}
    assert harness.commits == 2


@pytest.mark.promise("P35")
async def test_later_bytes_lie_after_the_committed_offset(harness: Harness) -> None:
    """However the thread and the loop take turns; and everything put before does."""
    output, slow = harness.output, harness.writers[0]
    slow.gate.clear()
    harness.pages.put(b"a")
    first = output.commit()
    await asyncio.to_thread(slow.began.wait)
    harness.pages.put(b"bb")
    second = output.commit()
    harness.pages.put(b"ccc")
    third = output.commit()
    harness.failures.put(b"dddd")
    slow.gate.set()
    assert await first == {"pages": 1, "failures": 0}
    assert await second == {"pages": 3, "failures": 0}
    assert await third == {"pages": 6, "failures": 0}
    assert await output.commit() == {"pages": 6, "failures": 4}
    assert slow.data == b"abbccc"


async def test_output_is_gathered_before_it_is_written(
    harness: Harness,
) -> None:
    output = harness.output
    harness.pages.put(b"a")
    harness.pages.put(b"b")
    assert (harness.writers[0].data, output.waiting_bytes) == (b"", 2)
    await harness.written.wait()
    assert (harness.writers[0].data, output.waiting_bytes) == (b"ab", 0)
    assert harness.writers[0].durable == 0


async def test_a_large_output_is_written_at_once(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER", 3600.0)
    harness.pages.put(b"x" * (GATHER_BYTES - 1))
    harness.pages.put(b"x")
    await harness.written.wait()
    assert len(harness.writers[0].data) == GATHER_BYTES


async def test_bytes_waiting_for_output_are_counted(harness: Harness) -> None:
    output, slow = harness.output, harness.writers[0]
    slow.gate.clear()
    harness.pages.put(b"aaa")
    first = output.commit()
    harness.pages.put(b"bb")
    assert output.waiting_bytes == 5
    slow.gate.set()
    await first
    await output.commit()
    assert output.waiting_bytes == 0


async def test_one_thread_of_its_own_writes_all_output(harness: Harness) -> None:
    for _ in range(5):
        harness.pages.put(b"x")
        await harness.output.commit()
    (name,) = harness.writers[0].threads
    assert name.startswith("crawler-output")


@pytest.mark.promise("P37")
async def test_an_error_fails_every_waiting_commit(harness: Harness) -> None:
    output, broken = harness.output, harness.writers[0]
    broken.gate.clear()
    broken.error = StateError("the disk is full")
    harness.pages.put(b"x")
    commits = [output.commit()]
    await asyncio.to_thread(broken.began.wait)
    commits += [output.commit(), output.commit()]
    broken.gate.set()
    for commit in commits:
        with pytest.raises(StateError, match="the disk is full"):
            await commit
    with pytest.raises(StateError, match="the disk is full"):
        await output.commit()
    assert harness.errors == [broken.error]


@pytest.mark.promise("P37")
async def test_nothing_is_written_after_an_error(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk behind one that is missing would be a hole."""
    output, broken = harness.output, harness.writers[0]
    broken.error = StateError("the disk is full")
    harness.pages.put(b"lost")
    with pytest.raises(StateError):
        await output.commit()
    broken.error = None
    for index in range(2):
        output.put(index, b"x" * GATHER_BYTES)
    with pytest.raises(StateError):
        await output.commit()
    output._thread.shutdown(wait=True)
    assert [writer.data for writer in harness.writers] == [b"", b""]
    assert output.waiting_bytes == 0


@pytest.mark.promise("P37")
async def test_a_timeline_error_fails_the_commit_too(harness: Harness) -> None:
    def fail() -> None:
        raise StateError("timeline.jsonl: No space left on device")

    harness.output._at_commit = fail
    with pytest.raises(StateError, match=r"timeline\.jsonl"):
        await harness.output.commit()
    assert len(harness.errors) == 1
