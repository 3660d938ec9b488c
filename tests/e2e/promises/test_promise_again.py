"""--again: what failed or was skipped is fetched again, and then has one record of its new end."""

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Run
from e2e.promises.conftest import check

import crawler
from crawler.cli import main
from crawler.model.errors import FailureKind, SkipReason
from crawler.testing import CLOSE, Answer, MockWeb, Seen

AT = "http://a.example"
PATHS = ("good", "no", "status", "cut")
LINES = [*(f"{AT}/{path}" for path in PATHS), "nonsense"]


class Broken:
    """A site with troubles of several kinds, until it is ``mended``."""

    def __init__(self, web: MockWeb) -> None:
        self.is_mended = False
        self.web = web
        for path in ("robots.txt", *PATHS):
            web.answer(f"{AT}/{path}", self._answer)

    def _answer(self, seen: Seen) -> Answer:
        html = (("Content-Type", "text/html"),)
        if seen.target == "/robots.txt":
            text = b"User-agent: *\nDisallow: " + (b"" if self.is_mended else b"/no")
            return Answer(body=text)
        if not self.is_mended and seen.target == "/status":
            return Answer(500)
        if not self.is_mended and seen.target == "/cut":
            return Answer(script=(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", CLOSE))
        return Answer(headers=html, body=seen.target.encode())

    @property
    def asked(self) -> Counter[str]:
        return Counter(seen.target for seen in self.web.seen if seen.target != "/robots.txt")


@pytest.fixture
def broken(mock_web: MockWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Broken:
    """The site, and a list of its pages in the current folder."""
    (tmp_path / "list").write_text("\n".join(LINES))
    monkeypatch.chdir(tmp_path)
    return Broken(mock_web)


def crawl(*arguments: str) -> Run:
    usual = ["crawl", "--quiet", "--run", "run", "--retries", "0", "--parse", "inline"]
    code = main([*usual, *arguments])
    return Run(subprocess.CompletedProcess((), code, "", ""), Path("run"))


def ends(run: Run) -> dict[str, str]:
    """The end of each entry; every one has one record, and the report says the same."""
    check(run)
    failed = {url: str(each["error"]) for url, each in run.failures.items()}
    skipped = {url: str(each["reason"]) for url, each in run.skips.items()}
    assert run.report["errors"] == Counter(failed.values())
    return {**dict.fromkeys(run.pages, "page"), **failed, **skipped}


BEFORE = dict(zip(LINES, ("page", "robots", "status", "truncated", "url"), strict=True))


@pytest.mark.promise("P45")
@pytest.mark.parametrize("kinds", [["status"], ["truncated", "robots"], ["all"], ["url"]])
def test_what_failed_or_was_skipped_is_fetched_again(
    broken: Broken, engine: str, kinds: list[str]
) -> None:
    assert ends(crawl("list", "--engine", engine)) == BEFORE
    broken.is_mended = True
    before = broken.asked
    flags = [each for kind in kinds for each in ("--again", kind)]
    run = crawl("--resume", *flags)
    assert run.code == 0
    again = {line for line, end in BEFORE.items() if end in kinds or kinds == ["all"]}
    expected = {line: "page" if line in again else end for line, end in BEFORE.items()}
    assert ends(run) == {**expected, "nonsense": "url"}
    assert {f"{AT}{path}" for path in broken.asked - before} == again - {LINES[0], "nonsense"}
    assert crawl("--resume").code == 0
    assert ends(run) == {**expected, "nonsense": "url"}


@pytest.mark.promise("P45")
def test_what_fails_again_has_one_record(broken: Broken) -> None:
    crawl("list")
    for _ in range(2):
        assert ends(crawl("--resume", "--again", "all")) == BEFORE
    assert broken.asked == {"/good": 1, "/status": 3, "/cut": 3}


@pytest.mark.promise("P45")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--resume", "--again", "statsu"], "not 'statsu'; did you mean status?"),
        (["--resume", "--again", "status", "--again", "503"], "not '503'"),
        (["--resume", "--again", ""], "not ''"),
        (["list", "--again", "status"], "--again needs --resume"),
    ],
)
def test_an_unknown_kind_is_refused_with_the_list(
    broken: Broken, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert ends(crawl("list")) == BEFORE
    assert main(["crawl", "--run", "run", *arguments]) == 2
    said = capsys.readouterr().err
    assert says in said
    if "needs" not in says:
        assert f"--again must be one of all, {', '.join([*FailureKind, *SkipReason])}" in said
    assert ends(crawl("--resume")) == BEFORE
    assert set(broken.asked.values()) == {1}


@pytest.mark.promise("P45")
def test_python_puts_back_too(broken: Broken) -> None:
    options: dict[str, Any] = {"run": "run", "retries": 0, "parse": "inline"}
    report = crawler.crawl(LINES, **options)
    assert (report.urls.done, report.urls.failed, report.urls.skipped) == (1, 3, 1)
    broken.is_mended = True
    report = crawler.crawl(LINES, **options, resume=True, again="robots")
    assert (report.urls.done, report.urls.failed, report.urls.skipped) == (2, 3, 0)
    report = crawler.crawl(LINES, **options, resume=True, again=["all"])
    assert (report.urls.done, report.urls.failed, report.errors) == (4, 1, {"url": 1})
    records = [json.loads(line) for line in Path("run/failures.jsonl").read_text().splitlines()]
    assert [record["url"] for record in records] == ["nonsense"]
    with pytest.raises(crawler.UsageError, match="again must be one of all, url, "):
        crawler.Settings(run="run", resume=True, again="every")
