"""What a resume needs of the input: its logins, its content, and its end."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from e2e.conftest import Run, balanced, command, ended, environment, html
from support.engines import ENGINES

from crawler.cli import main
from crawler.frontier.state.status import read_counts
from crawler.localweb.server import SILENCE, Answer, Seen, Server
from crawler.runs.status import status_of
from crawler.testing import MockWeb

PASSWORD = "s3cr3t"
BASIC = "Basic bWU6czNjcjN0"  # me:s3cr3t


class Site:
    """Pages that need a login; while ``silent``, only the first one of a host is answered."""

    hosts = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")

    def __init__(self) -> None:
        self.silent = True
        self.server = Server(self._answer, addresses=self.hosts)

    def _answer(self, seen: Seen) -> Answer:
        if self.silent and seen.target != "/0":
            return Answer(script=(SILENCE,))
        return html(seen.target) if seen.header("authorization") == BASIC else Answer(401)

    def urls(self, host: str) -> list[str]:
        return [self.server.url(f"/{number}", host) for number in range(5)]

    def lines(self, host: str) -> str:
        """The URLs with the login, one per line."""
        return "".join(url.replace("//", f"//me:{PASSWORD}@") + "\n" for url in self.urls(host))


def kill_at(run: Path, process: "subprocess.Popen[bytes]", lines: int) -> None:
    """SIGKILL when the state of ``run`` has ``lines`` of the input."""
    until = time.monotonic() + 30
    while not (run / "state.db").exists() or read_counts(run / "state.db")[0].taken < lines:
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()


def started(folder: Path, *arguments: object) -> "subprocess.Popen[bytes]":
    """A crawl into ``folder``/run whose standard input is a pipe."""
    return subprocess.Popen(
        command("crawl", "--quiet", "--no-robots", "--run", folder / "run", *arguments),
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
    )


def resumed(folder: Path, *arguments: object, stdin: str = "") -> Run:
    given = command("crawl", "--run", folder / "run", "--resume", *arguments)
    return Run(ended(given, folder, stdin), folder / "run")


# logins of the input


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    with site.server:
        yield site


@pytest.fixture(scope="module")
def with_logins(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a killed run whose list, table, standard input and argument have logins."""
    folder = tmp_path_factory.mktemp("logins")
    of_list, of_table, of_input, of_argument = map(site.lines, site.hosts)
    (folder / "list").write_text(of_list)
    (folder / "table.csv").write_text(f"url\n{of_table}")
    process = started(folder, "list", "table.csv", "-", *of_argument.split())
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(of_input.encode())
    kill_at(folder / "run", process, 20)
    site.silent = False
    return folder


@pytest.mark.promise("P47")
@pytest.mark.parametrize("engine", ENGINES)
def test_logins_of_the_input_survive_a_kill(
    site: Site, with_logins: Path, tmp_path: Path, engine: str
) -> None:
    shutil.copytree(with_logins / "run", tmp_path / "run")
    run = resumed(tmp_path, "--engine", engine)
    assert run.failures == {}, run.err
    assert set(run.pages) == {url for host in site.hosts for url in site.urls(host)}
    assert balanced(run.report["urls"])
    for path in run.directory.iterdir():
        if path.name.startswith("state.db") or path.name == "stdin":
            assert path.stat().st_mode & 0o777 == 0o600
        else:
            assert PASSWORD.encode() not in path.read_bytes(), path.name


# secrets of flags


@pytest.mark.promise("P47")
def test_secrets_of_flags_come_from_flags_or_a_private_file(
    mock_web: MockWeb,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    urls = [f"http://a.example/{number}" for number in range(3)]
    for url in urls:
        mock_web.answer(url, Answer(200))
    (tmp_path / "list").write_text("\n".join(urls))
    usual = ["crawl", "--quiet", "--no-robots", "--parse", "none", "--run", str(tmp_path / "run")]
    secret = ["--auth", f"a.example=me:{PASSWORD}", "--header", f"X-Key: {PASSWORD}"]
    assert main([*usual, *secret, "--max-pages", "1", str(tmp_path / "list")]) == 0
    resume = [*usual, "--resume", "--max-pages", "9"]
    assert main(resume) == 2
    assert "--header and --auth must be given again: a run does not st" in capsys.readouterr().err

    file = tmp_path / "secrets.toml"
    file.write_text(f'auth = "a.example=me:{PASSWORD}"\nheader = ["X-Key: {PASSWORD}"]\n')
    monkeypatch.setenv("CRAWLER_SECRETS", str(file))
    file.chmod(0o640)
    assert main(resume) == 2
    assert f"others may read {file} (mode 0640)" in capsys.readouterr().err
    file.chmod(0o600)
    assert main(resume) == 0
    assert {seen.target for seen in mock_web.seen} == {"/0", "/1", "/2"}
    for seen in mock_web.seen:
        assert (seen.header("authorization"), seen.header("x-key")) == (BASIC, PASSWORD)
    for path in (tmp_path / "run").iterdir():
        assert PASSWORD.encode() not in path.read_bytes(), path.name


# the end of standard input


LINES = [f"/{number}" for number in range(8)]


@pytest.fixture(scope="module")
def web() -> Iterator[Server]:
    with Server(lambda seen: html(seen.target)) as server:
        yield server


@pytest.fixture(scope="module")
def cut(web: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was killed while its input had three lines and a half."""
    folder = tmp_path_factory.mktemp("cut")
    process = started(folder, "-")
    assert process.stdin is not None
    process.stdin.write("\n".join(map(web.url, LINES[:4])).encode())
    process.stdin.flush()
    kill_at(folder / "run", process, 3)
    with suppress(BrokenPipeError):
        process.stdin.close()
    return folder


def given(web: Server, paths: Sequence[str] = LINES) -> str:
    return "".join(f"{web.url(path)}\n" for path in paths)


@pytest.mark.promise("P49")
@pytest.mark.parametrize("engine", ENGINES)
def test_an_incomplete_input_is_given_again(
    web: Server, cut: Path, tmp_path: Path, engine: str
) -> None:
    shutil.copytree(cut / "run", tmp_path / "run")
    run = resumed(tmp_path, "-", "--engine", engine, stdin=given(web))
    assert run.code == 0, run.err
    assert set(run.pages) == set(map(web.url, LINES))
    assert (run.report["urls"]["input"], run.report["urls"]["duplicates"]) == (8, 0)


@pytest.mark.promise("P49")
def test_a_resume_says_that_the_input_is_incomplete(web: Server, cut: Path, tmp_path: Path) -> None:
    shutil.copytree(cut / "run", tmp_path / "run")
    command = f"crawler crawl - --run {tmp_path / 'run'} --resume"
    assert status_of(tmp_path / "run").resume == command
    for _ in range(2):
        run = resumed(tmp_path, "--quiet")
        assert (run.code, set(run.pages)) == (4, set(map(web.url, LINES[:3])))
        assert "the input had not ended when the run was stopped" in run.err
        assert run.err.endswith(f"{command}\n")
    status = status_of(tmp_path / "run")
    assert (status.finished, status.resume) == (False, command)
    other = resumed(tmp_path, "-", stdin=given(web, [*LINES[:2], "/other", *LINES[3:]]))
    assert (other.code, "the input is not the same as before" in other.err) == (2, True)
    whole = resumed(tmp_path, "-", stdin=given(web))
    assert (whole.code, set(whole.pages)) == (0, set(map(web.url, LINES))), whole.err
    assert status_of(tmp_path / "run").finished
    assert resumed(tmp_path).code == 0


PRODUCER = """
import sys, time
sys.stdout.write(sys.argv[1].rstrip()[:-1])
sys.stdout.flush()
time.sleep(60)
"""


@pytest.mark.promise("P49")
def test_ctrl_c_ends_the_producer_too(web: Server, tmp_path: Path) -> None:
    """All processes of a shell's pipe get the signal; one that dies in a line has not ended it."""
    before = len(web.seen)
    producer = subprocess.Popen(
        [sys.executable, "-c", PRODUCER, given(web, LINES[:4])],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    assert producer.stdout is not None
    with producer.stdout:
        process = subprocess.Popen(
            command("crawl", "-", "--quiet", "--no-robots", "--run", tmp_path / "run"),
            env=environment(),
            stdin=producer.stdout,
            process_group=producer.pid,
        )
    until = time.monotonic() + 30
    while len(web.seen) < before + 3:
        assert time.monotonic() < until
        time.sleep(0.01)
    os.killpg(producer.pid, signal.SIGINT)
    assert process.wait(20) == 130
    producer.wait()
    run = resumed(tmp_path, "--quiet")
    assert (run.code, set(run.pages)) == (4, set(map(web.url, LINES[:3])))
    whole = resumed(tmp_path, "-", stdin=given(web))
    assert (whole.code, set(whole.pages)) == (0, set(map(web.url, LINES))), whole.err
