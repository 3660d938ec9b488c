"""Lists and tables as people paste them: a URL that is not written there is never requested."""

import gzip
import json
import os
import threading
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Serve, html
from e2e.promises.conftest import GOOD
from support.list_cases import CASES, A

import crawler
from crawler.app.inputs import facts
from crawler.app.run_dir import begin
from crawler.cli import main
from crawler.settings import Settings
from crawler.testing import MockWeb

WANTED = sorted(path for case in CASES for path in case.paths or ())
FAILING = {number for number, case in enumerate(CASES, 1) if case.paths is None}
LIST = "".join(f"{case.says}\n" for case in CASES)


@pytest.fixture
def web(mock_web: MockWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MockWeb:
    """A web with all pages, and an empty folder as the current one."""
    monkeypatch.chdir(tmp_path)
    for path in {*WANTED, *(f"/{n}" for n in range(9)), "/caf%E9"}:
        mock_web.page(A + path, GOOD)
    return mock_web


def crawl(*arguments: str) -> int:
    return main(["crawl", "--quiet", "--parse", "inline", "--run", "run", *arguments])


def requested(web: MockWeb) -> list[str]:
    """The paths of all requests; robots.txt of other hosts would show them, too."""
    assert {seen.host for seen in web.seen} <= {"a.example"}
    return sorted(seen.target for seen in web.seen if seen.target != "/robots.txt")


def records(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in Path("run", f"{name}.jsonl").read_text().splitlines()]


def failing() -> set[int]:
    """The numbers of the lines that failed."""
    return {int(each["message"].split(":")[0].split()[-1]) for each in records("failures")}


@pytest.mark.promise("P83", "P97")
def test_a_pasted_list_asks_for_what_is_written(web: MockWeb, engine: str) -> None:
    Path("list").write_text(LIST)
    assert crawl("list", "--engine", engine) == 0
    assert requested(web) == WANTED
    assert failing() == FAILING
    assert len(records("failures")) == len(FAILING)


@pytest.mark.promise("P84")
def test_a_damaged_table_asks_for_what_is_written(web: MockWeb, engine: str) -> None:
    rows = [
        "sep=;", "n;URL;m", f"1;{A}/1,x;y", f'2;"{A}/2"', f'3;{A}/3;"open', f"4;\u200b{A}/4 ;",
        f"5;{A}/no;{A}/no;x", f"6;{A}/no|{A}/no2;", f"7;{A}/no my file;", ";;", "8;;x",
        f'"two\nlines";{A}/5;', f"9;{A}/caf\udce9;",
    ]  # fmt: skip
    web.page(f"{A}/1,x", GOOD)
    Path("list.csv").write_bytes("\n".join(rows).encode("utf-8", "surrogateescape"))
    assert crawl("list.csv", "--engine", engine) == 0
    assert requested(web) == ["/1,x", "/2", "/4", "/5", "/caf%E9"]
    assert failing() == {5, 7, 8, 9, 11}


@pytest.mark.promise("P84")
@pytest.mark.parametrize(
    ("text", "options"),
    [
        (f"n\turl\n1\t{A}/1\n", []),
        (f"n^url\n1^{A}/1\n", ["--delimiter", "^"]),
        (f"n\turl,x\n1\t{A}/1\n", ["--delimiter", r"\t", "--column", "URL,x"]),
        (f"n\turl,x\n1\t{A}/1\n", ["--delimiter", "tab", "--column", "url,X"]),
    ],
)
def test_tables_of_excel(web: MockWeb, text: str, options: list[str]) -> None:
    """Excel calls UTF-16 with tabs "Unicode text"."""
    Path("list.txt").write_bytes(text.encode("utf-16"))
    assert crawl("list.txt", *(options or ["--column", "url"])) == 0
    assert requested(web) == ["/1"]


ENCODED = {
    "CR": f"{A}/1\r{A}/2\r{A}/3\r{A}/4".encode(),
    "UTF-16": f"{A}/1\n{A}/2\r\n{A}/3\r{A}/4".encode("utf-16"),
    "UTF-16 BE": f"\ufeff{A}/1\n{A}/2\n{A}/3\n{A}/4\n".encode("utf-16-be"),
}


@pytest.mark.promise("P83")
@pytest.mark.parametrize("source", ["list", "pipe"])
@pytest.mark.parametrize("code", ENCODED)
def test_a_list_in_any_encoding_is_resumed(web: MockWeb, code: str, source: str) -> None:
    if source == "pipe":
        os.mkfifo(source)
        writer = threading.Thread(target=Path(source).write_bytes, args=(ENCODED[code],))
        writer.start()
    else:
        Path(source).write_bytes(ENCODED[code])
    assert crawl(source, "--max-pages", "2", "--concurrency", "1") == 0
    if source == "pipe":
        writer.join()
    assert crawl("--resume", "--max-pages", "9") == 0
    assert requested(web) == ["/1", "/2", "/3", "/4"]
    assert not records("failures")


@pytest.mark.promise("P83")
@pytest.mark.parametrize("code", ENCODED)
def test_a_part_of_a_pipe_has_whole_lines(web: MockWeb, code: str) -> None:
    """A kill leaves some bytes of a pipe; a resume reads them up to the last line end."""
    os.mkfifo("pipe")
    data = ENCODED[code]
    settings = Settings(sources=("pipe",), parse="inline", run="run")
    with begin(settings, facts(settings)):
        Path("run", "pipe-1.part").write_bytes(data[: len(data) * 3 // 4 + 3])
    assert crawl("--resume") == 4
    assert requested(web) == ["/1", "/2", "/3"]
    writer = threading.Thread(target=Path("pipe").write_bytes, args=(data,))
    writer.start()
    assert crawl("pipe", "--resume") == 0
    writer.join()
    assert requested(web) == ["/1", "/2", "/3", "/4"]
    assert not records("failures")


@pytest.mark.promise("P83")
def test_a_binary_file_is_refused_before_anything_is_fetched(
    web: MockWeb, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("urls.txt").write_bytes(gzip.compress(f"{A}/1\n".encode()))
    assert crawl(f"{A}/1", "urls.txt") == 2
    said = capsys.readouterr().err
    assert "urls.txt: is compressed with gzip, not a list of URLs: decompress it: gzip -dc" in said
    assert not web.seen
    assert not Path("run").exists()


@pytest.mark.promise("P83")
def test_standard_input(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/1": html("one"), "/2": html("two")})
    one, two = site.url("/1"), site.url("/2")
    run = crawl("-", stdin=f"\ufeff{one} # x\r{two}\u200b\n{one},{two}\n")
    assert set(run.pages) == {one, two}
    assert [each["message"].split(":")[0] for each in run.records("failures")] == ["line 3"]
    refused = crawl("-", stdin="%PDF-1.7\n", name="second")
    assert (refused.code, "-: is a PDF" in refused.err) == (2, True)


TEXTS = [f"{A}/1\n", "# x\n", "\n", f"{A}/2?a # x", f"{A}/3\t{A}/4", f"{A}/no\n2", f"{A}/5\u200b"]


@pytest.mark.promise("P83")
@pytest.mark.parametrize("most", [1, 2, 9])
def test_texts_of_python_are_lines_and_are_resumed(web: MockWeb, most: int) -> None:
    options = {"parse": "inline", "run": "run", "concurrency": 1, "quiet": True}
    web.page(f"{A}/2?a", GOOD)
    crawler.crawl(iter(TEXTS), max_pages=most, **options)
    crawler.crawl(iter(TEXTS), max_pages=99, resume=True, run="run")
    assert requested(web) == ["/1", "/2?a", "/3", "/4", "/5"]
    (failure,) = records("failures")
    assert "white space" in failure["message"] or "not an absolute URL" in failure["message"]


@pytest.mark.promise("P83")
def test_arguments_are_lines_and_are_resumed(web: MockWeb) -> None:
    web.page(f"{A}/2?a", GOOD)
    login = A.replace("//", "//me:s3cret@")
    given = [f"{login}/1 # x", f"{A}/2?a # x", f"{A}/no\t{A}/no", f"{A}/5\u200b"]
    assert crawl(*given, "--max-pages", "1", "--concurrency", "1") == 0
    assert crawl("--resume", "--max-pages", "9") == 0
    assert requested(web) == ["/1", "/2?a", "/5"]
    assert len(records("failures")) == 1
    texts = [path.read_bytes() for path in Path("run").glob("*.toml")]
    assert texts
    assert not any(b"s3cret" in text for text in texts)


@pytest.mark.promise("P83")
def test_arguments_of_which_none_was_read_are_resumed(web: MockWeb) -> None:
    given = (f"{A.replace('//', '//me:s3cret@')}/1 # x", f"{A}/2 # x", f"<{A}/3>")
    settings = Settings(sources=given, parse="inline", run="run")
    with begin(settings, facts(settings)):
        pass
    assert crawl("--resume") == 0
    assert requested(web) == ["/1", "/2", "/3"]
    assert not records("failures")
