"""One suite for all parse executors: the same records, each page once, and who is to blame."""

import asyncio
import gzip
import os
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support import needs
from support.executors import (
    FORMS,
    MARKED,
    OWN,
    WATCHED,
    Collected,
    executor_options,
    page,
    parsed,
    running,
    task,
)

from crawler.localweb.synthetic import SyntheticWeb
from crawler.model.errors import FailureKind, UsageError
from crawler.model.pages import Page
from crawler.parsing.batch import MOST_RESULT_BYTES, Outcome, Task
from crawler.parsing.executors.registry import make_executor
from crawler.parsing.executors.unparsed import SMALL_BYTES
from crawler.parsing.job import CacheOptions

every = pytest.mark.parametrize("form", FORMS)
watched = pytest.mark.parametrize("form", WATCHED)
"""Nobody can end a thread, and nobody but its owner may end a worker of an executor object."""


# The same results


@every
async def test_every_page_returns_once_with_its_links(form: str) -> None:
    collected = await parsed(form, [page(n) for n in range(200)], executor_options())
    assert collected.titles == {f"Page {number}" for number in range(200)}
    found = {link.url for outcome in collected.outcomes.values() for link in outcome.links}
    assert found == {f"http://a.example/{number + 1}" for number in range(200)}


def manual() -> Iterator[Task]:
    """Python's manual: real pages."""
    folder = Path(needs.docs() or "")
    for number, file in enumerate(sorted(folder.rglob("*.html"))[:200]):
        url = f"http://docs.example/{file.relative_to(folder)}"
        yield task(number, url, file.read_bytes())


def synthetic() -> Iterator[Task]:
    """A made-up site whose pages have faults of their own, also compressed ones."""
    web = SyntheticWeb(2, 300, faults=True)
    for number, url in enumerate(web.urls(80)):
        host, _, path = url.removeprefix("http://").partition("/")
        answer = web.page(host, f"/{path}", gzip=number % 2 == 0)
        coding = dict(answer.headers).get("Content-Encoding")
        yield task(number, url, answer.body, content_encoding=coding)


def odd() -> Iterator[Task]:
    """What pages should not be."""
    texts: list[tuple[bytes, dict[str, Any]]] = [
        (b"", {}),
        (b"\xff\xfe<\x00t\x00i\x00t\x00l\x00e\x00>\x00x\x00", {}),
        ("<title>Gr\xfc\xdfe</title>".encode("latin-1"), {"content_type": "text/html"}),
        ("<title>日本</title>".encode("euc-jp"), {"content_type": "text/html; charset=euc-jp"}),
        (b"<title>a</title>" * 1000, {}),
        (b'<base href="//other.example/x/"><a href="y">y</a><a href="http://[::1">', {}),
        (b"\x00\x01\x02%PDF", {"content_type": "application/pdf"}),
        (gzip.compress(b"<title>small</title>")[:-6], {"content_encoding": "gzip"}),
        (gzip.compress(b" " * 3_000_000), {"content_encoding": "gzip"}),
        (b"<title>none</title><a href=/z>", {"robots": "none"}),
        (b"<div>" * 300 + b'<a href="/deep">', {"row": '{"sku":1}'}),
    ]
    for number, (body, changes) in enumerate(texts):
        yield task(number, f"http://odd.example/{number}", body, **changes)


CORPORA: dict[str, Callable[[], Iterator[Task]]] = {
    "manual": manual,
    "synthetic": synthetic,
    "odd": odd,
}


@pytest.mark.parametrize(
    "corpus", [pytest.param("manual", marks=pytest.mark.docs), "synthetic", "odd"]
)
@pytest.mark.parametrize("form", [form for form in FORMS if form != "inline"])
async def test_the_records_are_those_of_inline(form: str, corpus: str) -> None:
    options = executor_options(html=True)
    tasks = list(CORPORA[corpus]())
    here, there = await parsed("inline", tasks, options), await parsed(form, tasks, options)
    assert len(tasks) > 5
    assert here.lines == there.lines
    assert facts(here) == facts(there)
    assert links(here) == links(there)


@pytest.mark.parametrize("corpus", ["synthetic", "odd"])
@every
async def test_the_records_are_the_same_with_a_cache(
    form: str, corpus: str, tmp_path: Path
) -> None:
    tasks = list(CORPORA[corpus]())
    expected = await parsed("inline", tasks, executor_options(html=True))
    options = executor_options(html=True, cache=CacheOptions(str(tmp_path / "cache"), 10**9))
    await parsed(form, tasks, options)
    found = await parsed(form, tasks, options)
    assert found.lines == expected.lines
    assert links(found) == links(expected)
    cached = [outcome.id for outcome in found.outcomes.values() if outcome.cached]
    pages = [msgspec.json.decode(line, type=Page) for line in expected.lines]
    assert len(cached) == len([page for page in pages if page.encoding is not None]) > 5
    plain = {n: msgspec.structs.replace(each, cached=False) for n, each in facts(found).items()}
    assert plain == facts(expected)


def facts(collected: Collected) -> dict[int, Outcome]:
    """All of each outcome but its links: each worker leaves out links that it has told before."""
    return {
        number: msgspec.structs.replace(outcome, links=(), trapped=())
        for number, outcome in collected.outcomes.items()
    }


def links(collected: Collected) -> set[object]:
    found = collected.outcomes.values()
    return {link for outcome in found for link in (*outcome.links, *outcome.trapped)}


@pytest.mark.promise("P13")
@every
async def test_a_body_that_does_not_decompress_fails_alone(form: str) -> None:
    bad = task(0, "http://a.example/0", b"no gzip", content_encoding="gzip")
    collected = await parsed(form, [bad, page(1)], executor_options())
    assert collected.outcomes[0].error is FailureKind.DECODE
    assert collected.titles == {"Page 1"}


@every
async def test_a_parser_that_raises_fails_its_page(form: str) -> None:
    tasks = [page(n, "raise me" if n == 3 else "") for n in range(10)]
    collected = await parsed(form, tasks, executor_options(parser=MARKED))
    assert list(collected.failures) == [3]
    assert collected.outcomes[3].error is FailureKind.PARSE
    assert "the page asked for it" in collected.failures[3]
    assert len(collected.titles) == 9


class Fussy:
    """Encodes every page but one."""

    def encode(self, record: Page) -> bytes:
        if record.title == "Page 3":
            raise ValueError("not this one")
        return f"{record.title}\n".encode()


@every
async def test_an_output_that_cannot_encode_a_page_fails_that_page(form: str) -> None:
    options = msgspec.structs.replace(executor_options(), encoders=(Fussy(), Fussy()))
    collected = await parsed(form, [page(n) for n in range(10)], options)
    assert list(collected.failures) == [3]
    assert "ValueError: not this one" in collected.failures[3]
    assert len(collected.lines) == 9


@every
async def test_a_function_that_no_module_has_is_called(form: str) -> None:
    factor = 3

    def tripled(document: object) -> dict[str, object]:
        return {"tripled": factor * len(vars(type(document))) * 0 + factor}

    collected = await parsed(form, [page(0)], executor_options(parser=tripled))
    assert b'"tripled":3' in collected.lines[0].replace(b" ", b"")


class WhoEncodes:
    """Encodes the thread that it runs on."""

    def encode(self, record: Page) -> bytes:
        return f"{threading.get_ident()} {record.digest} {record.title}\n".encode()


async def test_without_parsing_only_large_and_encoded_pages_go_to_other_threads() -> None:
    options = msgspec.structs.replace(executor_options(read=False), encoders=(WhoEncodes(),))
    here = [page(n) for n in range(100)]
    large = [page(n, "x" * SMALL_BYTES) for n in range(100, 105)]
    encoded = task(105, "http://a.example/", gzip.compress(b"hello"), content_encoding="gzip")
    collected = await parsed("none", [*here[:50], *large, encoded, *here[50:]], options)
    records = [line.decode().split() for line in collected.lines]
    threads = {digest: who for who, digest, _ in records}
    mine = str(threading.get_ident())
    assert {threads.pop(sha256(each.body).hexdigest()) for each in here} == {mine}
    elsewhere = {*(sha256(each.body).hexdigest() for each in large), sha256(b"hello").hexdigest()}
    assert threads.keys() == elsewhere
    assert mine not in threads.values()


async def test_without_parsing_other_work_gets_its_turn_between_small_pages() -> None:
    slow, turns = Slow(), 0
    options = msgspec.structs.replace(executor_options(read=False), encoders=(slow,))
    async with running("none", options) as (executor, collected):
        for number in range(20):
            executor.submit(page(number))
        while len(collected.outcomes) < 20:
            turns += 1
            await asyncio.sleep(0)
    assert turns >= 10, "a page takes 10 ms, and so does a turn"


# Start and end


@every
async def test_leaving_early_ends_at_once_and_leaves_no_process(form: str) -> None:
    pids: list[int] = []
    async with running(form) as (executor, collected):
        executor.submit(page(0))
        await collected.until(1)
        for number in range(1, 2000):
            executor.submit(page(number, "x" * 1000))
        pids += executor.pids
    assert not [pid for pid in pids if is_running(pid)]


class Slow:
    """Takes a while for each of its ``pages``."""

    def __init__(self) -> None:
        self.pages = 0
        self.begun = threading.Event()

    def encode(self, record: Page) -> bytes:
        self.pages += 1
        self.begun.set()
        time.sleep(0.01)
        return b""


@pytest.mark.parametrize("form", ["thread", "none"])
async def test_leaving_early_does_not_wait_for_a_whole_batch(form: str) -> None:
    slow = Slow()
    options = msgspec.structs.replace(executor_options(), encoders=(slow,))
    async with running(form, options) as (executor, _):
        for number in range(200):
            executor.submit(page(number))
        assert await asyncio.to_thread(slow.begun.wait, 30)
    assert slow.pages < 32, "two threads have a batch of 32 each"


@every
async def test_it_reports_its_workers(form: str) -> None:
    async with running(form) as (executor, collected):
        executor.submit(page(0))
        await collected.until(1)
        assert executor.workers == (0 if form == "inline" else 2)
        assert executor.lost_workers == 0
        assert bool(executor.pids) == (form in WATCHED)


@watched
async def test_workers_that_die_at_once_end_the_crawl(form: str) -> None:
    options = msgspec.structs.replace(executor_options(), encoders=(Deadly(),))
    async with running(form, options) as (_, collected):
        await collected.until(1)
    assert "the parse processes do not start (exit code 7)" in str(collected.error)


@watched
async def test_what_a_worker_cannot_import_ends_the_crawl(form: str) -> None:
    options = msgspec.structs.replace(executor_options(), encoders=(Unknown(),))
    async with running(form, options) as (_, collected):
        await collected.until(1)
    assert "cannot start: ModuleNotFoundError: No module named 'not_there'" in str(collected.error)


@pytest.mark.parametrize("form", OWN)
async def test_what_a_worker_of_ones_own_cannot_import_ends_the_crawl(form: str) -> None:
    options = msgspec.structs.replace(executor_options(), encoders=(Unknown(),))
    async with running(form, options) as (executor, collected):
        executor.submit(page(0))
        await collected.until(1)
    assert "No module named 'not_there'" in str(collected.error)


@pytest.mark.parametrize("form", [*WATCHED, *OWN])
def test_what_cannot_be_pickled_is_refused(form: str) -> None:
    options = msgspec.structs.replace(executor_options(), encoders=(Unpicklable(),))
    with pytest.raises(UsageError, match="cannot be sent to the parse processes"):
        if form in OWN:
            with OWN[form]() as own:
                make_executor(own, options)
        else:
            make_executor(form, options)


class Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> Any:
        return os._exit, (7,)

    def encode(self, record: Page) -> bytes:
        raise NotImplementedError


class Unknown(Deadly):
    """Needs a module that only its sender has."""

    def __reduce__(self) -> Any:
        return __import__, ("not_there",)


class Unpicklable(Deadly):
    def __reduce__(self) -> Any:
        raise TypeError("a file stays where it is")


def is_running(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


# Back-pressure


@pytest.mark.promise("P61")
@every
async def test_held_pages_wait_until_they_are_released(form: str) -> None:
    async with running(form) as (executor, collected):
        executor.hold()
        for number in range(3):
            executor.submit(page(number))
        await asyncio.sleep(0.1)
        assert (executor.waiting, len(collected.outcomes)) == (3, 0)
        executor.release()
        await collected.until(3)
        assert executor.waiting == executor.waiting_bytes == 0


@pytest.mark.promise("P61")
@every
async def test_results_are_bounded_in_bytes(form: str) -> None:
    links = f"<base href=/{'b' * 1000}/>" + "".join(f"<a href={n}>" for n in range(300))
    async with running(form) as (executor, collected):
        for number in range(40):
            executor.submit(page(number, links.replace("bb", f"b{number}", 1)))
        await collected.until(40)
        assert executor.waiting == executor.waiting_bytes == 0
    assert sum(map(len, collected.chunks)) > 2 * MOST_RESULT_BYTES
    # The last page of the results may exceed the limit.
    assert max(map(len, collected.chunks)) < MOST_RESULT_BYTES + 400_000
