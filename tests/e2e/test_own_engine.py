"""Engines as objects from Python: an instance, a class or a function."""

import tomllib
from pathlib import Path

import msgspec
import pytest
from e2e.conftest import Crawl, Serve, html
from support.brought_engines import Twin

import crawler
from crawler.engines import Capabilities, EngineOptions, Request, Response
from crawler.engines.registry import make_engine
from crawler.fetch.network import current


class Counting(Twin):
    """An engine of somebody else's that counts what it fetches."""

    name = "counting"

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        self.options = options
        self.fetched: list[str] = []

    async def fetch(self, request: Request) -> Response:
        self.fetched.append(request.url)
        return await super().fetch(request)


class Slow(Counting):
    """It supports two requests at a time, and no HTTP/2."""

    name = "slow"

    @property
    def capabilities(self) -> Capabilities:
        usual = super().capabilities
        return msgspec.structs.replace(usual, max_concurrency=2, http2=False, proxies=())


@pytest.fixture
def urls(serve: Serve) -> list[str]:
    site = serve({f"/{n}": html(f"<title>{n}</title>") for n in range(6)})
    return [site.url(f"/{n}") for n in range(6)]


def counting() -> Counting:
    return Counting(EngineOptions(concurrency=4))


def test_an_engine_object_sends_the_requests(urls: list[str], tmp_path: Path) -> None:
    engine = counting()
    report = crawler.crawl(urls, engine=engine, robots=False, run=tmp_path / "run")
    assert sorted(engine.fetched) == urls
    assert (report.engine, report.urls.done) == ("counting", 6)


def test_an_engine_object_can_do_one_crawl_after_another(urls: list[str], tmp_path: Path) -> None:
    engine = counting()
    for n in range(2):
        crawler.crawl(urls, engine=engine, robots=False, run=tmp_path / str(n))
    assert sorted(engine.fetched) == sorted(2 * urls)


async def test_an_engine_object_sends_the_requests_of_a_stream(urls: list[str]) -> None:
    engine = counting()
    async with crawler.Crawler(crawler.Settings(engine=engine, robots=False)) as crawl:
        assert {page.url async for page in crawl.stream(urls)} == set(urls)
    assert sorted(engine.fetched) == urls


def test_a_class_or_function_creates_the_engine(urls: list[str], tmp_path: Path) -> None:
    created: list[Counting] = []

    def make(options: EngineOptions) -> Counting:
        created.append(Counting(options))
        return created[-1]

    report = crawler.crawl(
        urls, engine=make, concurrency=3, http2=True, robots=False, run=tmp_path / "made"
    )
    assert report.engine == "counting"
    wanted = EngineOptions(3, http2=True, ca_file=current().ca_file)
    options = [msgspec.structs.replace(engine.options, bodies=None) for engine in created]
    assert options == [wanted]
    assert sorted(created[0].fetched) == urls
    assert crawler.crawl(urls, engine=Counting, run=tmp_path / "class").engine == "counting"


@pytest.mark.parametrize(
    ("engine", "shown"),
    [(counting(), "<engine counting>"), (Counting, "<engine Counting>")],
)
def test_a_run_with_an_engine_object_is_resumed_from_python(
    engine: object, shown: str, urls: list[str], tmp_path: Path, crawl: Crawl
) -> None:
    run = tmp_path / "run"
    crawler.crawl(urls, engine=engine, max_pages=2, run=run)
    assert tomllib.loads((run / "settings.toml").read_text())["engine"] == shown
    says = f"--engine must be given again: a run does not store Python objects such as {shown}"
    with pytest.raises(crawler.UsageError, match=says):
        crawler.crawl(urls, resume=True, run=run)
    refused = crawl("--resume")
    assert (refused.code, says in refused.err) == (2, True)
    report = crawler.crawl(urls, resume=True, run=run, engine=engine, max_pages=100)
    assert (report.engine, report.urls.done) == ("counting", 6)


def test_such_a_run_is_resumed_with_an_engine_by_name(urls: list[str], tmp_path: Path) -> None:
    crawler.crawl(urls, engine=counting(), max_pages=2, run=tmp_path / "run")
    report = crawler.crawl(urls, resume=True, run=tmp_path / "run", engine="aiohttp", max_pages=100)
    assert (report.engine, report.urls.done) == ("aiohttp", 6)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"engine": object()}, "engine must be one of curl, .* or an engine or what creates one"),
        ({"engine": lambda _: "curl"}, "returned 'curl', which is not an engine"),
        ({"engine": Slow, "concurrency": 3}, "concurrency must be at most 2 with the engine slow"),
        ({"engine": Slow}, "concurrency must be at most 2 with the engine slow"),
        ({"engine": Slow, "concurrency": 1, "http2": True}, "slow supports only HTTP/1.1"),
        ({"engine": Slow, "concurrency": 1, "proxy": "http://127.0.0.1:9"}, "slow"),
    ],
)
def test_what_an_engine_cannot_do_is_refused(
    options: dict[str, object], says: str, urls: list[str], tmp_path: Path
) -> None:
    with pytest.raises(crawler.UsageError, match=says):
        crawler.crawl(urls, run=tmp_path / "run", **options)


def test_the_default_concurrency_fits_an_engine_object() -> None:
    settings = crawler.Settings(engine=Slow(EngineOptions(concurrency=2)))
    assert settings.fetch_slots == 2
    assert crawler.Settings(engine=counting()).fetch_slots == 64


def test_an_engine_is_chosen_by_name_or_given() -> None:
    engine = counting()
    assert make_engine(engine, EngineOptions(concurrency=1)) is engine
    assert make_engine("curl", EngineOptions(concurrency=1)).capabilities.name == "curl"


def test_a_bug_in_an_engine_fails_the_page(urls: list[str], tmp_path: Path) -> None:
    class Broken(Counting):
        async def fetch(self, request: Request) -> Response:
            raise ZeroDivisionError("a bug in the engine")

    report = crawler.crawl(urls, engine=Broken, robots=False, run=tmp_path / "run")
    assert report.errors == {crawler.FailureKind.INTERNAL: 6}
