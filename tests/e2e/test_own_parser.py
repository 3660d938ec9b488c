"""Parser functions from Python: of a module, of a script, of a notebook."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Crawl, Serve, ended, html

import crawler
from crawler.runs.status import status_of

SCRIPT = """
import sys

import crawler

print("main runs")
UNIT = "EUR"


class Shop:
    def price(self, document):
        return document.css("b")[0].text()


def prices(document):
    if document.url.endswith("/2"):
        raise LookupError("no price")
    return {{"price": Shop().price(document), "unit": UNIT}}


class Titles:
    def encode(self, page):
        return f"{{page.title}}\\n".encode()


class Memory:
    can_cut = False
    data = b""
    def append(self, chunk): self.data += chunk
    def commit(self): return len(self.data)
    def cut(self, offset): pass
    def close(self): pass


memory = Memory()
crawler.crawl({urls!r}, parser=prices, run={run!r}, robots=False, parse={parse!r},
              out=[{out!r}, crawler.sinks.Sink("titles", Titles(), memory)])
print(*sorted(memory.data.decode().split()))
"""


def fields(path: Path) -> dict[str, Any]:
    """Last part of the URL → fields of its page."""
    records = map(json.loads, path.read_text().splitlines())
    return {record["url"][-1]: record["fields"] for record in records}


@pytest.fixture
def urls(serve: Serve) -> list[str]:
    site = serve({f"/{n}": html(f"<title>{n}</title><b>{n}.50</b>") for n in range(3)})
    return [site.url(f"/{n}") for n in range(3)]


def title(document: crawler.Document) -> dict[str, object]:
    return {"title": document.css("title")[0].text()}


@pytest.mark.parametrize("parse", ["process", "loky", "thread", "inline"])
@pytest.mark.parametrize("way", ["script", "-m", "-c", "stdin"])
def test_functions_and_classes_of_main_reach_the_workers(
    urls: list[str], tmp_path: Path, way: str, parse: str
) -> None:
    out = str(tmp_path / "pages.jsonl")
    code = SCRIPT.format(urls=urls, run=str(tmp_path / "run"), parse=parse, out=out)
    (tmp_path / "mine.py").write_text(code)
    arguments = {
        "script": ["mine.py"],
        "-m": ["-m", "mine"],
        "-c": ["-c", code],
        "stdin": ["-"],
    }
    program = [sys.executable, *arguments[way]]
    done = ended(program, tmp_path, code if way == "stdin" else "")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "main runs\n0 1\n"
    assert fields(Path(out)) == {n: {"price": f"{n}.50", "unit": "EUR"} for n in "01"}
    (failure,) = map(json.loads, (tmp_path / "run" / "failures.jsonl").read_text().splitlines())
    assert (failure["error"], failure["message"]) == (
        "parse",
        "parser prices: LookupError: no price",
    )


def test_a_function_of_a_module_goes_by_its_name(
    urls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    run = tmp_path / "run"
    crawler.crawl(urls, parser=title, run=run)
    stored = tomllib.loads((run / "settings.toml").read_text())
    assert stored["parser"] == f"{__name__}:title"
    assert fields(run / "pages.jsonl") == {n: {"title": n} for n in "012"}


def test_without_cloudpickle_a_lambda_is_refused_by_processes_only(
    urls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    parser = lambda document: {"status": document.status}  # noqa: E731
    with pytest.raises(crawler.UsageError, match="pip install cloudpickle"):
        crawler.crawl(urls, parser=parser, run=tmp_path / "run")
    crawler.crawl(urls, parser=parser, parse="thread", run=tmp_path / "run")
    assert fields(tmp_path / "run" / "pages.jsonl") == {n: {"status": 200} for n in "012"}


def test_a_run_with_a_function_needs_it_again(
    urls: list[str], tmp_path: Path, crawl: Crawl
) -> None:
    def prices(document: crawler.Document) -> dict[str, object]:
        return {"price": document.css("b")[0].text()}

    run = tmp_path / "run"
    crawler.crawl(urls, parser=prices, max_pages=1, run=run)
    assert tomllib.loads((run / "settings.toml").read_text())["parser"] == "<function prices>"
    says = "--parser must be given again: a run does not store Python objects such as <function pr"
    with pytest.raises(crawler.UsageError, match=says):
        crawler.crawl(urls, resume=True, run=run)
    with pytest.raises(crawler.UsageError, match="--parser cannot be changed"):
        crawler.crawl(urls, parser=title, resume=True, run=run)
    refused = crawl("--resume")
    assert (refused.code, says in refused.err) == (2, True)
    assert "--parser must be given again, from Python" in str(status_of(run).obstacle)
    crawler.crawl(urls, parser=prices, resume=True, run=run, max_pages=100)
    assert fields(run / "pages.jsonl") == {n: {"price": f"{n}.50"} for n in "012"}


async def test_an_async_function_is_refused(tmp_path: Path) -> None:
    async def slow(document: crawler.Document) -> dict[str, object]:
        return {}

    with pytest.raises(
        crawler.UsageError, match=r"parser must be .* a function that is not an async"
    ):
        crawler.Settings(parser=slow)  # type: ignore[arg-type]
