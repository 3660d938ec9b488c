"""A recorded crawl, replayed: every engine sees what was there, as fast or slow as it was."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Crawl, balanced, environment, html
from support.engines import ENGINES
from support.needs import wget

import crawler
from crawler.fetch.addresses import AddressRules
from crawler.localweb.replay import Replay
from crawler.localweb.replay_server import replayed
from crawler.model.errors import FailureKind, FetchError, SkipError, StateError, UsageError
from crawler.model.exchange import Response
from crawler.sinks.warc.archive import Archive
from crawler.testing import Answer, Fault, MockWeb, Seen

SLOW = 0.3
"""Seconds that each of the slow pages takes; much more than all else that a crawl waits for."""
HTML = (("Content-Type", "text/html"),)
SEEDS = (
    "http://shop.example/",
    "https://shop.example/",
    "https://other.example:8443/",
    "http://no.example/",
    "http://down.example/",
    "https://bad.example/",
)
SHOP = "".join(f'<a href="/{name}">x</a>' for name in ("a", "moved", "gone", "busy", "private"))
FAULTS = {"cut": Fault.TRUNCATED, "reset": Fault.RESET, "noise": Fault.NOT_HTTP}
COMPARED = ("final_url", "status", "content_type", "bytes", "digest", "depth", "title", "links")


def build(web: MockWeb) -> None:
    for origin in ("http://shop.example", "https://shop.example"):
        coded = (*HTML, ("Content-Encoding", "gzip"), ("Server", "mock/1"))
        web.answer(f"{origin}/", Answer(headers=coded, body=gzip.compress(SHOP.encode())))
        web.page(f"{origin}/a", "<title>A</title>" + "a" * 70_000)
        web.answer(f"{origin}/moved", Answer(301, (("Location", "/a?here"),)))
        web.page(f"{origin}/a?here", "<title>Moved</title>")
        busy = (
            Answer(503, (("Retry-After", "0"),)),
            Answer(headers=HTML, body=b"<title>B</title>"),
        )
        web.answer(f"{origin}/busy", *busy)
        web.page(f"{origin}/robots.txt", "User-agent: *\nDisallow: /private\n")
    links = "".join(f'<a href="/{name}">x</a>' for name in FAULTS)
    web.page("https://other.example:8443/", f"<title>Other</title>{links}")
    for name, fault in FAULTS.items():
        web.fault(f"https://other.example:8443/{name}", fault)
    web.fault("no.example", Fault.NO_DNS)
    web.fault("down.example", Fault.REFUSED)
    web.fault("bad.example", Fault.SELF_SIGNED)


def results(directory: Path) -> dict[str, Any]:
    """What a crawl found, but for what differs from run to run."""
    found: dict[str, Any] = {}
    for name in ("pages", "failures", "skipped"):
        for line in (directory / f"{name}.jsonl").read_text().splitlines():
            record = json.loads(line)
            keys = {"pages": COMPARED, "failures": ("error", "status", "attempts")}
            found[record["url"]] = [name, *(record[key] for key in keys.get(name, ("reason",)))]
    return found


@pytest.fixture(scope="module", params=["run.warc", "run.warc.gz"])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a crawl, which stands beside it as ``run``."""
    folder = tmp_path_factory.mktemp("recorded")
    with MockWeb() as web:
        build(web)
        report = crawler.crawl(
            SEEDS, run=folder / "run", record=folder / request.param, follow=True, retries=1
        )
    assert (report.urls.done, report.urls.failed, report.urls.skipped) == (9, 8, 2)
    return folder / str(request.param)


@pytest.mark.promise("P42")
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_replays_what_was_recorded(recorded: Path, crawl: Crawl, engine: str) -> None:
    options = ("--follow", "--retries", 1, "--engine", engine, "--latency-scale", 0)
    run = crawl(*options, "--replay", recorded, lines="\n".join(SEEDS))
    assert run.code == 0, run.err
    assert "not in the archive" not in run.err
    assert balanced(run.report["urls"])
    assert results(run.directory) == results(recorded.parent / "run")


def test_another_program_finds_the_archive_valid(recorded: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("warcio")), "check", str(recorded)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_a_recorded_replay_holds_the_same(recorded: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.warc.gz"
    with Replay(recorded, latency_scale=0):
        crawler.crawl(SEEDS, run=tmp_path / "run", record=again, follow=True, retries=1)
    assert results(tmp_path / "run") == results(recorded.parent / "run")
    with Archive(recorded) as one, Archive(again) as other:
        assert len(one) == len(other)
        assert one.origins == other.origins
        for url in ("http://shop.example/", "https://shop.example/a", "http://shop.example/moved"):
            first, second = one.answer(url), other.answer(url)
            assert isinstance(first, Response)
            assert isinstance(second, Response)
            assert (first.status, first.body) == (second.status, second.body)
            assert sorted(first.headers) == sorted(second.headers)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "kind",
    [
        FailureKind.RESET,
        FailureKind.TRUNCATED,
        FailureKind.PROTOCOL,
        FailureKind.TOO_LARGE,
        FailureKind.TIMEOUT,
    ],
)
def test_a_recorded_failure_keeps_its_kind(tmp_path: Path, engine: str, kind: FailureKind) -> None:
    options: dict[str, Any] = {"engine": engine, "robots": False, "retries": 0, "timeout": 3}
    answer = replayed(FetchError(kind, "as it was"), 1.0)
    with MockWeb(lambda _: answer):
        report = crawler.crawl(["http://a.example/"], run=tmp_path / "run", **options)
    assert report.errors == {kind.value: 1}


# What is not in an archive


def test_requests_missing_in_the_archive_are_reported(recorded: Path, crawl: Crawl) -> None:
    urls = ["http://shop.example/a", "http://shop.example/new", "https://down.example:444/"]
    run = crawl(
        *("--replay", recorded, "--latency-scale", 0, "--retries", 0),
        lines="\n".join([*urls, "http://new.example/", "http://10.1.2.3/"]),
    )
    assert run.code == 0, run.err
    assert list(run.pages) == urls[:1]
    assert run.failures[urls[1]]["status"] == 404
    for host in ("https://down.example:444", "http://new.example", "http://10.1.2.3"):
        failure = run.failures[f"{host}/"]
        assert failure["error"] == "dns"
        assert "is not in the archive" in failure["message"]
    assert "not in the archive: 1 request (answered with status 404)" in run.err
    assert "not in the archive: 3 hosts (10.1.2.3, down.example, new.example)" in run.err


@pytest.mark.promise("P07")
async def test_private_addresses_stay_blocked_in_a_replay(
    recorded: Path,
) -> None:
    with Replay(recorded) as replay:
        resolver = replay.network.resolver(AddressRules())
        with pytest.raises(SkipError):
            await resolver.resolve("169.254.169.254", 80)
        assert replay.unknown_hosts == []


def test_a_torn_archive_is_reported(recorded: Path, crawl: Crawl) -> None:
    torn = recorded.with_name(f"torn-{recorded.name}")
    torn.write_bytes(recorded.read_bytes()[:-1])
    run = crawl("--replay", torn, "--latency-scale", 0, "http://shop.example/a")
    assert run.code == 0, run.err
    assert list(run.pages) == ["http://shop.example/a"]
    assert "file is incomplete" in run.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--replay", "missing.warc"), "cannot read missing.warc"),
        (("--replay", "list"), "list is not a WARC file"),
        (("--replay", "list", "--http2"), "--http2 cannot be combined with --replay"),
        (("--latency-scale", "0"), "--latency-scale needs --replay"),
        (("--record", "list"), "--record list: already exists and is not overwritten"),
    ],
)
def test_impossible_options_are_refused(crawl: Crawl, options: tuple[str, ...], says: str) -> None:
    run = crawl(*options, lines="http://127.0.0.1:9/\n")
    assert run.code == 2
    assert says in run.err
    assert "Traceback" not in run.err
    assert not run.directory.exists()


def test_replay_as_a_setting_is_refused_in_python(recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Replay"):
        crawler.crawl(["http://shop.example/"], run=tmp_path / "run", replay=str(recorded))


def test_a_dead_replay_server_is_an_error(recorded: Path) -> None:
    with pytest.raises(StateError, match="died"), Replay(recorded) as replay:
        replay._child._process.kill()


@pytest.mark.promise("P34")
def test_the_replay_server_ends_with_its_parent(recorded: Path) -> None:
    code = (
        "import sys; from crawler.testing import Replay\n"
        f"with Replay({str(recorded)!r}): print('ready', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, env=environment()
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        parent.kill()
        # The child has standard error too: its end is the child's.
        assert parent.communicate(timeout=60) == (b"", b"")


# A baseline, and archives of others


def test_baseline_requests_are_not_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    urls = [f"http://a.example/{number}" for number in range(4)]
    with MockWeb(lambda _: Answer(headers=HTML, body=b"x", latency=0.1)) as web:
        crawler.crawl(urls, run=tmp_path / "run", record=tmp_path / "r.warc", baseline=4)
        asked = len(web.seen)
    with Archive(tmp_path / "r.warc") as archive:
        assert len(archive) == len(urls) + 1  # and robots.txt
    assert asked > len(urls) + 1
    assert not caplog.records


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An archive of GNU Wget and the origin that is in it, which is served no more."""
    folder = tmp_path_factory.mktemp("wget")

    def handler(seen: Seen) -> Answer:
        pages = {
            "/": html('<title>Start</title><a href="/chunked">c</a><a href="/moved">m</a>'),
            "/chunked": Answer(
                headers=(*HTML, ("Transfer-Encoding", "chunked")),
                body=b"10\r\n<title>C</title>\r\n4\r\nbody\r\n0\r\n\r\n",
            ),
            "/moved": Answer(302, (("Location", "/there?x=1"),)),
            "/there?x=1": html("<title>There</title>"),
        }
        return pages.get(seen.target, Answer(404))

    with crawler.testing.Server(handler) as server:
        origin = server.url("")
        tool = wget()
        assert tool is not None
        for options in (("site",), ("plain", "--no-warc-compression")):
            subprocess.run(
                [
                    tool,
                    "-q",
                    "-r",
                    "--no-proxy",
                    f"--warc-file={folder / options[0]}",
                    *options[1:],
                    f"{origin}/",
                ],
                cwd=folder,
                check=False,
                timeout=60,
            )
    return folder, origin


@pytest.mark.wget
@pytest.mark.parametrize("name", ["site.warc.gz", "plain.warc"])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_replays_an_archive_of_wget(
    mirrored: tuple[Path, str], crawl: Crawl, engine: str, name: str
) -> None:
    folder, origin = mirrored
    run = crawl("--follow", "--engine", engine, "--replay", folder / name, f"{origin}/")
    assert run.code == 0, run.err
    assert {url.removeprefix(origin): page["title"] for url, page in run.pages.items()} == {
        "/": "Start",
        "/chunked": "C",
        "/moved": "There",
    }
    assert run.pages[f"{origin}/chunked"]["bytes"] == 20
    assert "not in the archive" not in run.err


def test_only_an_archive_with_https_imports_certificates(tmp_path: Path) -> None:
    """It takes 0.2 s to import what makes certificates, and most archives of tests need none."""
    for scheme, imported in (("http", False), ("https", True)):
        url = f"{scheme}://shop.example/"
        path = tmp_path / f"{scheme}.warc"
        with MockWeb() as web:
            web.page(url, "<title>Tea</title>")
            crawler.crawl([url], run=tmp_path / f"record-{scheme}", record=path)
        with Replay(path, latency_scale=0) as replay:
            report = crawler.crawl([url], run=tmp_path / f"replay-{scheme}")
            maps = Path(f"/proc/{replay._child._process.pid}/maps").read_text()
        assert report.urls.done == 1
        assert ("cryptography" in maps) is imported


@pytest.mark.parametrize("engine", ENGINES)
def test_https_of_an_http_archive_is_not_recorded(tmp_path: Path, engine: str) -> None:
    url, secure = "http://shop.example/", "https://shop.example/"
    with MockWeb() as web:
        web.page(url, "<title>Tea</title>")
        crawler.crawl([url], run=tmp_path / "record", record=tmp_path / "r.warc")
    with Replay(tmp_path / "r.warc", latency_scale=0) as replay:
        report = crawler.crawl([url, secure], engine=engine, run=tmp_path / "run", retries=0)
    assert (report.urls.done, report.errors) == (1, {"dns": 1})
    assert replay.unknown_hosts == ["shop.example"]
