"""The files of a run: durable, found from every directory, and never reached through a link."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Run, Serve, ended, html

from crawler.cli import main
from crawler.testing import MockWeb

URLS = [f"http://a.example/{n}" for n in range(3)]
PRECIOUS = "mine\n"


@pytest.fixture
def cli(mock_web: MockWeb, engine: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """``crawler crawl --run RUN`` in this process, where the web is mocked."""
    for url in URLS:
        mock_web.page(url, f"<title>{url}</title>")

    def run(directory: Path, *arguments: object) -> Run:
        capsys.readouterr()
        usual = ("--quiet", "--engine", engine, "--no-robots", "--run", directory)
        code = main(["crawl", *map(str, (*usual, *arguments))])
        return Run(subprocess.CompletedProcess((), code, *capsys.readouterr()), directory)

    return run


def some_done(cli: Callable[..., Run], directory: Path, *arguments: object) -> None:
    """A run with one page of ``URLS``, of which the others are pending."""
    first = cli(directory, "--parse", "inline", "--max-pages", 1, *arguments, *URLS)
    assert first.code == 0, first.err
    assert first.report["urls"]["pending"]


# P51

_SYNCED = """
import os, sys, time
def noting(sync):
    def call(file):
        sync(file)
        print(time.monotonic(), os.readlink(f"/proc/self/fd/{file}"), file=sys.stderr)
    return call
os.fsync = noting(os.fsync)
from crawler.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.promise("P51")
def test_a_run_is_durable_before_its_first_request(
    serve: Serve, tmp_path: Path, engine: str
) -> None:
    site = serve({"/": html("x")})
    run = tmp_path / "new" / "run"
    program = [sys.executable, "-c", _SYNCED, "crawl", "--quiet", "--engine", engine]
    done = ended([*program, "--parse", "inline", "--run", run, "-"], tmp_path, site.url("/"))
    assert done.returncode == 0, done.stderr
    first_last = reversed(done.stderr.splitlines())
    synced = dict(reversed(line.split(" ", 1)) for line in first_last)
    beginning = run.with_name(".run.beginning")
    folders = (tmp_path, beginning, run.parent, run)
    files = (beginning / "settings.toml", beginning / "state.db", run / "stdin.part")
    for path in (*files, *folders):
        assert float(synced[str(path)]) < site.seen[0].at, path


@pytest.mark.promise("P51")
def test_settings_that_lost_their_end_are_refused(cli: Callable[..., Run], tmp_path: Path) -> None:
    some_done(cli, tmp_path / "run")
    path = tmp_path / "run" / "settings.toml"
    whole = path.read_bytes()
    lines = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    lengths = (0, 10, *lines[:3], lines[-2] + 1, lines[-3], len(whole) - 1)
    for torn_text in (bytes(len(whole)), *(whole[:length] for length in lengths)):
        path.write_bytes(torn_text)
        torn = cli(tmp_path / "run", "--resume")
        assert torn.code == 2, torn_text
        assert f"{path}: " in torn.err
        assert "start a new crawl in another directory" in torn.err
        assert torn.err.count("\n") == 1
    path.write_bytes(whole)
    assert cli(tmp_path / "run", "--resume", "--max-pages", 9).code == 0


@pytest.mark.promise("P51")
def test_a_copy_of_standard_input_that_lost_its_end_is_refused(
    crawl: Crawl, serve: Serve, tmp_path: Path
) -> None:
    site = serve({f"/{n}": html("x") for n in range(9)})
    lines = [f"{site.url(f'/{n}')}\n" for n in range(9)]
    usual = ("--no-robots", "--parse", "inline", "--max-pages", 1)
    first = crawl(*usual, "-", stdin="".join(lines))
    assert first.code == 0, first.err
    copy, asked = tmp_path / "run" / "stdin", len(site.seen)
    for kept in (0, len(lines) - 1):
        copy.write_text("".join(lines[:kept]))
        torn = crawl("--resume", "--max-pages", 99)
        assert torn.code == 1
        assert torn.err.startswith(f"crawler: {copy}: ")
        assert "start a new crawl with the same list" in torn.err
    assert len(site.seen) == asked
    copy.write_text("".join(lines))
    assert len(crawl("--resume", "--max-pages", 99).pages) == len(lines)


# P53


@pytest.mark.promise("P53")
def test_a_run_is_resumed_from_any_directory(
    cli: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    (here / "fields.toml").write_text('heading = "title"')
    (here / "found_in_here.py").write_text("def parse(document):\n    return {'own': 'yes'}\n")
    (here / "list").write_text("\n".join(URLS))
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    outputs = ("--out", "deep/pages.jsonl", "--record", "web.warc", "--log-file", "log")
    inputs = ("--extract", "fields.toml", "--parser", "found_in_here:parse", "list")
    first = cli(Path("run"), "--parse", "inline", "--max-pages", 1, *outputs, *inputs)
    assert first.code == 0, first.err
    before = (here / "deep" / "pages.jsonl").read_bytes()
    archived = (here / "web.warc").read_bytes()
    monkeypatch.chdir(there)
    sys.path.remove(str(here))
    sys.modules.pop("found_in_here")
    resumed = cli(here / "run", "--resume", "--max-pages", 9)
    assert resumed.code == 0, resumed.err
    pages = (here / "deep" / "pages.jsonl").read_bytes()
    assert pages.startswith(before)
    assert pages.count(b'"own":"yes"') == len(URLS)
    assert (here / "web.warc").read_bytes().startswith(archived)
    assert not list(there.iterdir())
    assert {path.name for path in here.iterdir()} >= {"deep", "web.warc", "log", "run"}


@pytest.mark.promise("P53")
def test_the_same_paths_may_be_given_again(
    cli: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outputs = ("--out", "pages.jsonl", "--record", "web.warc.gz")
    some_done(cli, tmp_path / "run", *outputs)
    again = cli(tmp_path / "run", "--resume", "--max-pages", 9, *outputs)
    assert again.code == 0, again.err
    assert (tmp_path / "pages.jsonl").read_text().count("\n") == len(URLS)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    other = cli(tmp_path / "run", "--resume", *outputs)
    assert other.code == 2
    assert "--out cannot be changed when a run is resumed" in other.err


# P55


def planted(path: Path, kind: str, precious: Path) -> None:
    """Put something of ``kind`` at ``path``; what it may lead to is in ``precious``."""
    (precious / "keep").write_text(PRECIOUS)
    (precious / "lock").write_text(PRECIOUS)
    make: dict[str, Callable[[], object]] = {
        "link to a file": lambda: path.symlink_to(precious / "keep"),
        "link to a folder": lambda: path.symlink_to(precious),
        "link to nothing": lambda: path.symlink_to(precious / "new"),
        "hard link": lambda: path.hardlink_to(precious / "keep"),
        "folder": lambda: (path.mkdir(), (path / "keep").write_text(PRECIOUS)),
        "file": lambda: path.write_text(PRECIOUS),
        "pipe": lambda: os.mkfifo(path),
    }
    make[kind]()


def contents(folder: Path) -> dict[str, object]:
    """What is below ``folder``, by path, with the kind and the content of each file."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        is_file = path.is_file() and not path.is_symlink()
        data = path.read_bytes() if is_file else str(path.resolve())
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_nlink, data)
    return found


KINDS = ("link to a file", "link to a folder", "link to nothing", "folder", "file", "pipe")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    folder = tmp_path / "precious"
    folder.mkdir()
    return folder


@pytest.mark.promise("P55")
@pytest.mark.engines("curl")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["run", ".run.beginning", "out.jsonl", "web.warc"])
def test_a_new_run_touches_nothing_that_is_there(
    cli: Callable[..., Run], mock_web: MockWeb, tmp_path: Path, precious: Path, name: str, kind: str
) -> None:
    planted(tmp_path / name, kind, precious)
    before = contents(tmp_path)
    outputs = ("--out", tmp_path / "out.jsonl", "--record", tmp_path / "web.warc")
    refused = cli(tmp_path / "run", *outputs, *URLS)
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert str(tmp_path / name) in refused.err
    assert contents(tmp_path) == before
    assert not mock_web.seen


@pytest.mark.promise("P55")
@pytest.mark.engines("curl")
@pytest.mark.parametrize("kind", ["link to a file", "link to nothing", "hard link", "pipe"])
@pytest.mark.parametrize("inner", ["lock", "settings.toml", "state.db"])
def test_a_folder_like_that_of_a_killed_run_is_not_trusted(
    cli: Callable[..., Run], tmp_path: Path, precious: Path, inner: str, kind: str
) -> None:
    beginning = tmp_path / ".run.beginning"
    beginning.mkdir()
    (beginning / ("state.db" if inner == "lock" else "lock")).touch()
    planted(beginning / inner, kind, precious)
    before = contents(tmp_path)
    assert cli(tmp_path / "run", *URLS).code == 2
    assert contents(tmp_path) == before


IN_RUN = (
    *(
        "lock",
        "settings.toml",
        "state.db",
        "state.db-wal",
        "pages.jsonl",
        "failures.jsonl",
        "skipped.jsonl",
    ),
    *("timeline.jsonl", "timeline.jsonl.tmp", "report.json", "report.json.tmp"),
    *("report.html", "report.html.tmp", "failures.jsonl.draft"),
)


@pytest.mark.promise("P55")
@pytest.mark.engines("curl")
@pytest.mark.parametrize("kind", ["link to a file", "link to nothing", "hard link", "pipe"])
def test_a_resume_writes_through_no_link(
    cli: Callable[..., Run], tmp_path: Path, precious: Path, kind: str
) -> None:
    run = tmp_path / "run"
    some_done(cli, run)
    for name in IN_RUN:
        path, aside = run / name, tmp_path / "aside"
        if path.exists():
            path.rename(aside)
        planted(path, kind, precious)
        before = contents(precious), path.lstat().st_ino
        refused = cli(run, "--resume")
        assert refused.code == 1, name
        shown = name.removesuffix(".tmp").removesuffix(".draft")
        assert str(run / shown) in refused.err, name
        assert refused.err.count("\n") == 1
        assert (contents(precious), path.lstat().st_ino) == before, name
        path.unlink()
        if aside.exists():
            aside.rename(path)
    assert cli(run, "--resume", "--max-pages", 9).report["urls"]["pending"] == 0


@pytest.mark.promise("P55")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.engines("curl")
def test_a_run_of_another_user_in_a_shared_folder_is_refused(
    cli: Callable[..., Run], tmp_path: Path
) -> None:
    some_done(cli, tmp_path / "run")
    tmp_path.chmod(0o1777)
    os.chown(tmp_path / "run", 12345, 12345)
    refused = cli(tmp_path / "run", "--resume")
    assert refused.code == 2
    assert "belongs to another user" in refused.err
    (tmp_path / ".new.beginning").mkdir()
    os.chown(tmp_path / ".new.beginning", 12345, 12345)
    assert cli(tmp_path / "new", *URLS).code == 2
    tmp_path.chmod(0o755)
    assert cli(tmp_path / "run", "--resume", "--max-pages", 9).code == 0
