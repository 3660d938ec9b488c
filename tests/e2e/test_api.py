"""The Python API, wherever Python runs: a script without a guard, -c, stdin, a running loop."""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from e2e.conftest import Serve, environment, html

import crawler
from crawler.testing import SILENCE, Answer, Seen

SCRIPT = """
import crawler
report = crawler.crawl({urls!r}, run={run!r}, robots=False)
print(report.urls.done)
"""


@pytest.fixture
def urls(serve: Serve) -> list[str]:
    site = serve({f"/{n}": html(f"<title>{n}</title>") for n in range(50)})
    return [site.url(f"/{n}") for n in range(50)]


def python(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("way", ["script", "-c", "stdin"])
def test_a_crawl_never_imports_main_again(urls: list[str], tmp_path: Path, way: str) -> None:
    code = SCRIPT.format(urls=urls, run=str(tmp_path / "run"))
    if way == "script":
        (tmp_path / "mine.py").write_text(code)
        assert python(str(tmp_path / "mine.py")) == "50"
    elif way == "-c":
        assert python("-c", code) == "50"
    else:
        assert python("-", stdin=code) == "50"


def test_imports_do_not_replace_the_public_names() -> None:
    import crawler.app.api
    import crawler.cli.crawl

    for name in crawler.__all__:
        assert not isinstance(getattr(crawler, name), types.ModuleType), name


def test_crawl_returns_the_report_it_writes(urls: list[str], tmp_path: Path) -> None:
    out = tmp_path / "pages.jsonl"
    report = crawler.crawl(urls, engine="aiohttp", out=str(out), run=str(tmp_path / "run"))
    assert (report.engine, report.urls.done) == ("aiohttp", 50)
    assert len(out.read_text().splitlines()) == 50
    assert (tmp_path / "run" / "report.json").exists()


def test_impossible_settings_are_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(crawler.UsageError, match="nonsense"):
        crawler.crawl([], nonsense=1)
    with pytest.raises(crawler.UsageError, match="the first argument has the URLs"):
        crawler.crawl([], sources="urls.txt")
    with pytest.raises(crawler.UsageError, match="one request at a time"):
        crawler.crawl([], engine="sequential", concurrency=2)
    (tmp_path / "run").mkdir()
    with pytest.raises(crawler.UsageError, match="not overwritten"):
        crawler.crawl([], run=str(tmp_path / "run"))


def test_a_crawl_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    for _ in range(2):  # as it is corrected and tried again
        with pytest.raises(crawler.UsageError, match="ModuleNotFoundError"):
            crawler.crawl(
                ["http://a.example/"],
                parser="missing:function",
                out=tmp_path / "pages.jsonl",
                run=tmp_path / "run",
            )
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_callers_iterable_is_raised(tmp_path: Path) -> None:
    def broken() -> object:
        yield "http://127.0.0.1:1/"
        raise ValueError("their bug")

    with pytest.raises(ValueError, match="their bug"):
        crawler.crawl(broken(), run=str(tmp_path / "run"), retries=0)  # type: ignore[arg-type]


async def async_urls(urls: list[str]) -> AsyncIterator[str]:
    for url in urls:
        await asyncio.sleep(0)
        yield url


async def broken_urls(urls: list[str]) -> AsyncIterator[str]:
    yield urls[0]
    raise ValueError("their bug")


def test_an_async_iterable_is_crawled(urls: list[str], tmp_path: Path) -> None:
    report = crawler.crawl(async_urls(urls), run=tmp_path / "run")
    assert report.urls.done == 50


async def test_an_async_iterable_is_crawled_within_a_running_loop(
    urls: list[str], tmp_path: Path
) -> None:
    assert crawler.crawl(async_urls(urls), run=tmp_path / "run").urls.done == 50


def test_a_run_from_an_async_iterable_is_resumed(urls: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert crawler.crawl(async_urls(urls), max_pages=10, run=run).urls.done == 10
    report = crawler.crawl(async_urls(urls), resume=True, run=run, max_pages=100)
    assert (report.urls.input, report.urls.done) == (50, 50)


def test_an_error_in_an_async_iterable_is_raised(urls: list[str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="their bug"):
        crawler.crawl(broken_urls(urls), run=tmp_path / "run")


async def test_an_error_in_an_async_iterable_ends_the_stream(urls: list[str]) -> None:
    async with crawler.Crawler(crawler.Settings(robots=False)) as crawl:
        with pytest.raises(ValueError, match="their bug"):
            async for _ in crawl.stream(broken_urls(urls)):
                pass


async def test_a_stream_reads_an_async_iterable_on_its_own_loop(urls: list[str]) -> None:
    feed: asyncio.Queue[str | None] = asyncio.Queue()  # belongs to this loop

    async def fed() -> AsyncIterator[str]:
        while (url := await feed.get()) is not None:
            yield url

    found = []
    feed.put_nowait(urls[0])
    async with crawler.Crawler(crawler.Settings(robots=False)) as crawl:
        async for page in crawl.stream(fed()):
            found.append(page.url)
            # The next URL is there only after this page: nothing waits for a batch of them.
            feed.put_nowait(urls[len(found)] if len(found) < 3 else None)
    assert found == urls[:3]


async def test_a_stream_that_ends_early_leaves_no_task(urls: list[str]) -> None:
    async def endless() -> AsyncIterator[str]:
        yield urls[0]
        await asyncio.Event().wait()

    async with crawler.Crawler(crawler.Settings(robots=False, max_pages=1)) as crawl:
        assert [page.url async for page in crawl.stream(endless())] == urls[:1]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("urls", [3, None])
def test_what_is_not_iterable_is_refused(urls: object, tmp_path: Path) -> None:
    with pytest.raises(crawler.UsageError, match="a string or an iterable of strings, not "):
        crawler.crawl(urls, run=tmp_path / "run")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


async def test_pages_stream_into_a_running_loop(urls: list[str]) -> None:
    async with crawler.Crawler(crawler.Settings(robots=False)) as crawl:
        titles = {page.title async for page in crawl.stream(urls)}
        assert titles == {str(n) for n in range(50)}
        assert crawl.report is not None
        assert crawl.report.urls.done == 50


async def test_a_stream_may_be_closed_early(urls: list[str]) -> None:
    async with crawler.Crawler(crawler.Settings(robots=False)) as crawl:
        stream = crawl.stream(urls)
        first = await anext(stream)
        assert first.url in urls
        await stream.aclose()  # type: ignore[attr-defined]
        assert {page.url async for page in crawl.stream(urls[:3])} == set(urls[:3])
    left = {thread.name for thread in threading.enumerate()}
    assert not left & {"crawler", "crawler-output"}


async def test_a_stream_has_failures_if_they_are_asked_for(serve: Serve, tmp_path: Path) -> None:
    rules = Answer(body=b"User-agent: *\nDisallow: /private")
    site = serve({"/": html(""), "/robots.txt": rules})
    urls = [site.url("/"), site.url("/gone"), site.url("/private"), "no URL"]
    settings = crawler.Settings(retries=0, run=tmp_path / "run")
    async with crawler.Crawler(settings) as crawl:
        records = [record async for record in crawl.stream(urls, failures=True)]
        assert crawl.report is not None
        assert (crawl.report.urls.failed, crawl.report.urls.skipped) == (2, 1)
    failures = {each.url: each for each in records if isinstance(each, crawler.Failure)}
    assert {each.url for each in records} == {urls[0], urls[1], urls[3]}
    assert {url: (each.error, each.status) for url, each in failures.items()} == {
        urls[1]: (crawler.FailureKind.STATUS, 404),
        urls[3]: (crawler.FailureKind.URL, None),
    }
    lines = (tmp_path / "run" / "failures.jsonl").read_bytes().splitlines()
    recorded = [msgspec.json.decode(line, type=crawler.Failure) for line in lines]
    assert {each.url: each for each in recorded} == failures


async def test_a_stream_has_only_pages_unless_asked(serve: Serve) -> None:
    site = serve({"/": html("")})
    async with crawler.Crawler(crawler.Settings(robots=False, retries=0)) as crawl:
        records = [each async for each in crawl.stream([site.url("/"), site.url("/gone")])]
    assert [type(each) for each in records] == [crawler.Page]


async def test_a_failure_comes_when_its_url_is_given_up(serve: Serve) -> None:
    """Before the rest of the crawl, which waits for the reader."""
    gate = threading.Event()

    def held(seen: Seen) -> Answer:
        gate.wait(10)
        return html("")

    site = serve({"/held": held})
    async with crawler.Crawler(crawler.Settings(robots=False, retries=0)) as crawl:
        kinds = []
        async for record in crawl.stream([site.url("/gone"), site.url("/held")], failures=True):
            kinds.append(type(record))
            gate.set()
    assert kinds == [crawler.Failure, crawler.Page]


async def test_a_stream_may_be_left_by_break(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    site = serve({f"/{n}": html("x" * 20_000) for n in range(500)})
    settings = crawler.Settings(robots=False, html=True, memory="1MB", parse="inline")
    async with crawler.Crawler(settings) as crawl:
        async for _ in crawl.stream(site.url(f"/{n}") for n in range(500)):
            break
    await asyncio.to_thread(join_threads)
    closing = asyncio.all_tasks() - {asyncio.current_task()}  # the loop closes the stream
    if closing:
        await asyncio.wait(closing)
    assert os.listdir(tmp_path) == []  # noqa: PTH208
    assert [record for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize("when", ["at once", "waiting"])
async def test_a_cancelled_stream_ends_at_once(serve: Serve, when: str) -> None:
    requested = threading.Event()

    def silent(seen: Seen) -> Answer:
        requested.set()
        return Answer(script=(SILENCE,))

    url = serve({"/": silent}).url("/")
    async with asyncio.timeout(15), crawler.Crawler(crawler.Settings(robots=False)) as crawl:
        reading = asyncio.create_task(anext(crawl.stream([url])))
        if when == "waiting":
            await asyncio.to_thread(requested.wait)
        else:
            await asyncio.sleep(0)  # it has begun
        reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled()
    await asyncio.to_thread(join_threads)


def join_threads() -> None:
    """Wait for the threads of a crawl; fails if one of them does not end."""
    for thread in threading.enumerate():
        if thread.name.startswith(("crawler-stream", "crawler-output")) or thread.name == "crawler":
            thread.join(10)
            assert not thread.is_alive(), thread.name


async def test_a_slow_reader_loses_nothing(serve: Serve) -> None:
    site = serve({f"/{n}": html("x" * 20_000) for n in range(300)})
    settings = crawler.Settings(robots=False, html=True, memory="2MB", parse="inline")
    seen = []
    async with crawler.Crawler(settings) as crawl:
        async for page in crawl.stream(site.url(f"/{n}") for n in range(300)):
            seen.append(page.url)
            if len(seen) == 1:
                await asyncio.to_thread(lambda: None)
    assert len(set(seen)) == len(seen) == 300


async def test_an_error_that_ends_a_stream_is_raised(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    async with crawler.Crawler(crawler.Settings(run=str(tmp_path / "run"))) as crawl:
        with pytest.raises(crawler.UsageError, match="not overwritten"):
            await anext(crawl.stream(["http://127.0.0.1:1/"]))
