"""What a run depends on besides its options: a resume has it again, or refuses what has changed."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import crawler
from crawler.app.inputs import facts
from crawler.app.run_dir import begin
from crawler.cli import main
from crawler.localweb.server import Answer, Seen
from crawler.model.errors import UsageError
from crawler.settings import Settings
from crawler.testing import MockWeb


def fetch(seen: Seen) -> Answer:
    return Answer(headers=(("Content-Type", "text/html"),), body=seen.target.encode())


URLS = [f"http://a.example/{number}" for number in range(6)]
PARSER = "def fields(document):\n    return {'length': len(document.body)}\n"
MAP = "".join(f"<url><loc>{url}</loc></url>\n" for url in URLS)
FILES = {
    "list": "\n".join(URLS),
    "table.csv": "\n".join(["url,n", *(f"{url},{n}" for n, url in enumerate(URLS))]),
    "map.xml": f"<urlset>{MAP}</urlset>",
    "history/pages.jsonl": "".join(
        f'{{"url":"{url}","elapsed_ms":{number}}}\n' for number, url in enumerate(URLS)
    ),
    "fields.toml": 'title = "title"\n',
    "lengths.py": PARSER,
}
FLAGS = {
    "history/pages.jsonl": ["--history", "history"],
    "fields.toml": ["--extract", "fields.toml"],
    "lengths.py": ["--parser", "lengths:fields"],
}
CHANGES: dict[str, Callable[[Path], object]] = {
    "grown in the middle": lambda path: path.write_text(path.read_text().replace("\n", "\n\n", 1)),
    "appended": lambda path: path.write_text(path.read_text() + "\n"),
    "removed": lambda path: path.unlink(),
    "another behind a link": lambda path: linked(path, path.read_text() + " "),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


def linked(path: Path, text: str) -> None:
    """Put a link in the place of the file, to one with that text."""
    other = path.with_name("other")
    other.write_text(text)
    path.unlink(missing_ok=True)
    path.symlink_to(other)


@pytest.fixture
def begun(mock_web: MockWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with ``FILES``, which is the current one."""
    for url in URLS:
        mock_web.answer(url, fetch)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lengths", raising=False)
    return tmp_path


def crawl(*arguments: str) -> int:
    usual = ("crawl", "--quiet", "--parse", "inline", "--run", "run")
    return main([*usual, *arguments])


def pages(folder: Path) -> set[str]:
    lines = (folder / "run" / "pages.jsonl").read_text().splitlines()
    urls = {json.loads(line)["url"] for line in lines}
    assert len(urls) == len(lines)
    return urls


@pytest.mark.promise("P48")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", FILES)
def test_a_resume_refuses_what_has_changed(
    begun: Path, capsys: pytest.CaptureFixture[str], name: str, change: str
) -> None:
    source = ["list"] if name in FLAGS else [name]
    assert crawl(*source, *FLAGS.get(name, []), "--max-pages", "2") == 0
    files = {path: path.read_bytes() for path in (begun / "run").glob("*.json*")}
    CHANGES[change](begun / name)
    capsys.readouterr()
    assert crawl("--resume", "--max-pages", "9") == 2
    said = capsys.readouterr().err
    assert Path(name).name in said
    assert "has changed since the crawl began" in said or change in ("removed", "a folder")
    assert {path: path.read_bytes() for path in files} == files
    (begun / name).rename(begun / "away") if change != "removed" else None
    linked(begun / name, FILES[name])  # the same behind a link is the same
    assert crawl("--resume", "--max-pages", "9") == 0
    assert pages(begun) == set(URLS)


@pytest.mark.promise("P48")
def test_one_of_several_lists_has_changed(begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (begun / "more").write_text("http://a.example/5\nhttp://a.example/6\n")
    assert crawl("list", "more", "--max-pages", "2") == 0
    (begun / "more").write_text("http://a.example/6\nhttp://a.example/5\n")
    assert crawl("--resume", "--max-pages", "9") == 2
    assert "more: has changed since the crawl began" in capsys.readouterr().err


@pytest.mark.promise("P48")
def test_what_a_parser_imports_may_change(begun: Path) -> None:
    (begun / "helper_of_lengths.py").write_text("")
    assert crawl("list", "--parser", "lengths:fields", "--max-pages", "2") == 0
    (begun / "helper_of_lengths.py").write_text("x = 1")
    assert crawl("--resume", "--max-pages", "9") == 0


@pytest.mark.promise("P48")
def test_a_run_from_python_checks_its_files(begun: Path) -> None:
    options: dict[str, Any] = {"run": "run", "parse": "inline", "extract": "fields.toml"}
    crawler.crawl(URLS, **options, max_pages=2)
    (begun / "fields.toml").write_text('title = "h1"\n')
    with pytest.raises(UsageError, match=r"--extract: .*fields.toml has changed"):
        crawler.crawl(URLS, **options, max_pages=9, resume=True)


def written(text: str) -> threading.Thread:
    """Write into the pipe."""
    thread = threading.Thread(target=Path("pipe").write_text, args=(text,))
    thread.start()
    return thread


@pytest.mark.promise("P48")
def test_a_list_on_a_pipe_is_in_the_run(begun: Path, engine: str) -> None:
    os.mkfifo("pipe")
    writer = written(FILES["list"])
    assert crawl("pipe", "--engine", engine, "--max-pages", "2") == 0
    writer.join()
    while not (begun / "run" / "pipe-1").exists():
        time.sleep(0.01)  # its end may come after that of the crawl
    Path("pipe").unlink()
    assert crawl("--resume", "--max-pages", "9") == 0
    assert pages(begun) == set(URLS)


@pytest.mark.promise("P49")
@pytest.mark.parametrize(("order", "known"), [("input", URLS[:3]), ("random", [])])
def test_an_incomplete_pipe_is_given_again(
    begun: Path, engine: str, order: str, known: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Until then no line of a later source is taken, and no line in another order than theirs."""
    os.mkfifo("pipe")
    settings = Settings(sources=("pipe", "list"), engine=engine, order=order, run="run")
    with begin(settings, facts(settings)):  # and it was killed when this had arrived:
        (begun / "run" / "pipe-1.part").write_text("\n".join(URLS[:4]))
    assert crawl("--resume") == 4
    assert pages(begun) == set(known)
    said = capsys.readouterr().err
    assert said.endswith(f": crawler crawl {begun}/pipe {begun}/list --run run --resume\n")
    writer = written("\n".join(URLS[:5]))
    assert crawl("pipe", "list", "--resume") == 0
    writer.join()
    assert pages(begun) == set(URLS)


@pytest.mark.promise("P48")
def test_fields_on_a_pipe_are_not_known_again(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo("pipe")
    writer = written(FILES["fields.toml"])
    assert crawl("list", "--extract", "pipe", "--max-pages", "2") == 0
    writer.join()
    assert crawl("--resume", "--max-pages", "9") == 2
    assert "pipe was a pipe, which cannot be read a second time" in capsys.readouterr().err
