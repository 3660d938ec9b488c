"""Outputs as objects from Python: an encoder and a writer of one's own."""

import json
import tomllib
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Serve, html

import crawler
from crawler.runs.status import status_of
from crawler.sinks import Sink


class Titles:
    """A title a line."""

    def encode(self, page: crawler.Page) -> bytes:
        return f"{page.title}\n".encode()


class Memory:
    """Keeps what was written, as a database would: what is not committed can be taken back."""

    can_cut = True

    def __init__(self) -> None:
        self.data = b""
        self.cuts: list[int] = []
        self.is_closed = False

    def append(self, chunk: bytes) -> None:
        self.data += chunk

    def commit(self) -> int:
        return len(self.data)

    def cut(self, offset: int) -> None:
        self.cuts.append(offset)
        self.data = self.data[:offset]

    def close(self) -> None:
        self.is_closed = True


class Pipe(Memory):
    """What was written to it is gone."""

    can_cut = False

    def cut(self, offset: int) -> None:
        raise AssertionError("it says that it cannot be cut")


class Full(Memory):
    def append(self, chunk: bytes) -> None:
        raise crawler.StateError("the database is full")


@pytest.fixture
def urls(serve: Serve) -> list[str]:
    site = serve({f"/{n}": html(f"<title>{n}</title>") for n in range(6)})
    return [site.url(f"/{n}") for n in range(6)]


@pytest.mark.parametrize("parse", ["process", "thread", "inline"])
def test_pages_go_to_an_output_object(parse: str, urls: list[str], tmp_path: Path) -> None:
    writer, file = Memory(), tmp_path / "pages.jsonl"
    sink = Sink("titles", Titles(), writer)
    crawler.crawl(urls, out=[sink, file], parse=parse, run=tmp_path / "run")
    assert sorted(writer.data.decode().split()) == [str(n) for n in range(6)]
    assert writer.is_closed
    assert {json.loads(line)["url"] for line in file.read_text().splitlines()} == set(urls)
    assert not (tmp_path / "run" / "pages.jsonl").exists()


async def test_a_stream_also_writes_to_an_output_object(urls: list[str]) -> None:
    writer = Memory()
    settings = crawler.Settings(out=Sink("titles", Titles(), writer), robots=False)
    async with crawler.Crawler(settings) as crawl:
        titles = [page.title async for page in crawl.stream(urls)]
    assert sorted(writer.data.decode().split()) == sorted(map(str, titles))


def test_an_output_object_has_failures_if_it_encodes_them(urls: list[str], tmp_path: Path) -> None:
    writer = Memory()
    sink = Sink("titles", Titles(), writer, failures=lambda each: f"{each.error}\n".encode())
    crawler.crawl([urls[0], f"{urls[0]}/gone"], out=sink, retries=0, run=tmp_path / "run")
    assert sorted(writer.data.decode().split()) == ["0", "status"]
    assert (tmp_path / "run" / "failures.jsonl").read_text().count("\n") == 1


@pytest.mark.parametrize(("writer", "cuts"), [(Memory(), 1), (Pipe(), 0)])
def test_an_output_object_is_resumed_at_its_last_commit(
    writer: Memory, cuts: int, urls: list[str], tmp_path: Path
) -> None:
    run, sink = tmp_path / "run", Sink("titles", Titles(), writer)
    crawler.crawl(urls, out=sink, max_pages=2, run=run)
    assert tomllib.loads((run / "settings.toml").read_text())["out"] == ["<sink titles>"]
    committed = writer.data
    if writer.can_cut:
        writer.data += b"written by a crawl that was killed\n"
    crawler.crawl(urls, out=sink, resume=True, run=run, max_pages=100)
    assert writer.cuts == [len(committed)] * cuts
    assert writer.data.startswith(committed)
    assert sorted(writer.data.decode().split()) == [str(n) for n in range(6)]


def test_a_run_with_an_output_object_needs_it_again(
    urls: list[str], tmp_path: Path, crawl: Crawl
) -> None:
    run = tmp_path / "run"
    crawler.crawl(urls, out=Sink("titles", Titles(), Memory()), max_pages=2, run=run)
    says = "--out must be given again: a run does not store Python objects such as <sink titles>"
    with pytest.raises(crawler.UsageError, match=says):
        crawler.crawl(urls, resume=True, run=run)
    other = Sink("other", Titles(), Memory())
    with pytest.raises(crawler.UsageError, match=r"--out cannot be changed .*'<sink titles>'"):
        crawler.crawl(urls, out=other, resume=True, run=run)
    refused = crawl("--resume")
    assert (refused.code, says in refused.err) == (2, True)
    status = status_of(run)
    assert status.resume is None
    assert "--out must be given again, from Python" in str(status.obstacle)


def test_an_error_of_a_writer_ends_the_crawl(urls: list[str], tmp_path: Path) -> None:
    with pytest.raises(crawler.StateError, match="the database is full"):
        crawler.crawl(urls, out=Sink("full", Titles(), Full()), run=tmp_path / "run")


class Unfinished:
    """A writer without most of its methods."""

    can_cut = True

    def append(self, chunk: bytes) -> None:
        pass


def test_a_missing_method_is_named() -> None:
    with pytest.raises(crawler.UsageError, match=r"sink a: the writer has no commit, cut, close$"):
        Sink("a", Titles(), Unfinished())  # type: ignore[arg-type]
    with pytest.raises(crawler.UsageError, match=r"sink a: the encoder has no encode$"):
        Sink("a", str.encode, Memory())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("out", "says"),
    [
        (Memory(), "out must be a string .*, or a crawler.sinks.Sink"),
        ([Sink("a", Titles(), Memory()), 3], "out must be a string .*, or a crawler.sinks.Sink"),
        ([Sink("a", Titles(), Memory()), Sink("a", Titles(), Memory())], "out names the same"),
    ],
)
def test_wrong_outputs_are_refused(out: object, says: str) -> None:
    with pytest.raises(crawler.UsageError, match=says):
        crawler.Settings(out=out)  # type: ignore[arg-type]
