"""``crawler compare`` as a user runs it: recorded once, replayed to each engine, judged."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from e2e.conftest import environment
from support.comparing import Compare, Compared, compared, record
from support.processes import ending

import crawler
from crawler.compare.results import fetches
from crawler.compare.reuse import reuse_of
from crawler.localweb.replay import Replay
from crawler.testing import Answer, MockWeb, Seen, Server

PAGES = 40
LATENCY = 0.04
ROBOTS = b"User-agent: *\nCrawl-delay: 0.001\nDisallow: /private\n"
HTML = (("Content-Type", "text/html"),)


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    return partial(compared, tmp_path)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return record(tmp_path_factory.mktemp("recorded"), PAGES, LATENCY)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, recorded: tuple[Path, str]) -> Compared:
    """The ``curl`` engine, the same under another name, and one that is a fifth slower."""
    archive, urls = recorded
    return compared(
        tmp_path_factory.mktemp("three"),
        *("--replay", archive, "--engines", "curl,twin,slower", "--concurrency", 2),
        *("--repeat", 5, "--json", "-"),
        stdin=urls,
    )


def test_an_engine_a_fifth_slower_is_called_slower(three: Compared) -> None:
    assert three.code == 0, three.err
    verdicts = {(each.a, each.b): each for each in three.found.verdict}
    for engine in ("curl", "twin"):
        verdict = verdicts[engine, "slower"]
        assert verdict.what == "faster", verdict.says
        assert verdict.says.startswith(f"{engine} is ")
        assert verdict.ratio == pytest.approx(1.25, abs=0.1)
    assert three.found.recommended is not None
    assert three.found.recommended.engine in {"curl", "twin"}


def test_equal_engines_show_no_difference(three: Compared) -> None:
    (verdict,) = (each for each in three.found.verdict if (each.a, each.b) == ("curl", "twin"))
    assert verdict.what in {"no difference", "limited"}, verdict.says
    assert three.found.same_results
    assert three.found.parity.fair


def test_each_run_has_figures_and_a_turn(three: Compared) -> None:
    found = three.found
    assert msgspec.json.decode(three.out) == msgspec.json.decode(msgspec.json.encode(found))
    order = [each.engine for each in found.runs]
    assert order[:6] == ["curl", "twin", "slower", "slower", "twin", "curl"]
    assert len(order) == 15
    for each in found.runs:
        assert (each.pages, each.requests) == (PAGES, PAGES)
        assert each.cpu_s > each.cpu.fetch_s > 0
        assert each.server_cpu_s is not None
        assert 0 < each.server_cpu_s < each.wall_s
        assert each.wait_error is not None
        assert -0.05 < each.wait_error < 1
    for summary in found.summary:
        assert summary.model.one_by_one_s >= PAGES * LATENCY * 0.9
        assert summary.model.parallel_s <= summary.model.overlapped_s <= summary.wall_s * 1.05


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        ("liar", "the results of the runs differ"),
        ("chatty", "the conditions were not the same for all"),
    ],
)
def test_unequal_results_get_no_verdict(
    compare: Compare, recorded: tuple[Path, str], engine: str, says: str
) -> None:
    archive, urls = recorded
    run = compare(
        *("--replay", archive, "--latency-scale", 0, "--engines", f"curl,{engine}"),
        *("--concurrency", 2, "--repeat", 1, "-"),
        stdin="\n".join(urls.splitlines()[:4]),
    )
    assert run.code == 0, run.err
    (verdict,) = run.found.verdict
    assert (verdict.what, verdict.ratio) == ("withheld", None)
    assert says in verdict.says
    assert run.found.recommended is None
    assert run.found.same_results is (engine != "liar")
    assert run.found.parity.fair is (engine != "chatty")
    words = " ".join(run.out.split())
    assert "pages/s" not in words
    assert "Not shown, because the runs cannot be compared." in words
    assert ("x-chatty: yes" if engine == "chatty" else "liar at 2, run 1, page 200") in words


def unequal_connections(run: Compared) -> tuple[str, ...]:
    return tuple(each for each in run.found.parity.unexplained if " connections for " in each)


@pytest.mark.parametrize("live", [False, True])
def test_an_engine_that_could_keep_connections_and_did_not_gets_no_verdict(
    compare: Compare, recorded: tuple[Path, str], site: Server, live: bool
) -> None:
    archive, listed = recorded
    source = ("--live", "--no-robots") if live else ("--replay", archive, "--latency-scale", 0)
    run = compare(
        *(*source, "--engines", "curl,forgetful"),
        *("--concurrency", 2, "--repeat", 1, "-"),
        stdin="\n".join(site.url(f"/{n}") for n in range(PAGES)) if live else listed,
    )
    assert run.code == 0, run.err
    (says,) = unequal_connections(run)
    assert says.startswith(f"forgetful at 2 opened {PAGES} connections for {PAGES} requests, alth")
    assert "; curl at 2 opened " in says
    assert says in " ".join(run.out.split())
    assert run.found.recommended is None
    kept, closed = (run.found.runs[number] for number in (0, 1))
    assert closed.connections == PAGES > (closed.connections_needed or PAGES)
    assert (kept.connections or 0) <= (kept.connections_needed or 0) + 1
    (verdict,) = run.found.verdict
    assert (verdict.what, verdict.ratio) == ("withheld", None)


@pytest.mark.promise("P78")
@pytest.mark.parametrize("engine", ["curl", "aiohttp", "tornado"])
def test_engines_may_open_connections_for_requests_at_once(
    recorded: tuple[Path, str], tmp_path: Path, engine: str
) -> None:
    """A comparison accuses none of them, also if its thread is busy with parsing."""
    archive, urls = recorded
    found = []
    with Replay(archive, latency_scale=0.1, last=True) as replay:
        for concurrency in (1, 8, 64):
            run = tmp_path / f"{concurrency}"
            settings = {"concurrency": concurrency, "parse": "inline", "robots": False}
            report = crawler.crawl(urls.splitlines(), engine=engine, run=run, **settings)
            found.append(reuse_of(report, list(fetches(run)), replay.account()))
            assert found[-1] is not None
            assert found[-1].opened == report.connections.opened
    assert [made.requests for made in found] == [PAGES] * 3
    assert [made.wasted for made in found] == [0] * 3, found
    assert found[0].opened == found[0].needed == 4, "one for each host"


def test_a_measured_baseline_is_shown_beside_the_model(
    compare: Compare, recorded: tuple[Path, str]
) -> None:
    archive, urls = recorded
    run = compare(
        *("--replay", archive, "--engines", "curl,aiohttp", "--concurrency", 8, "--repeat", 3),
        *("--baseline", 20, "-"),
        stdin=urls,
    )
    assert run.code == 0, run.err
    baseline = run.found.baseline
    assert baseline is not None
    assert baseline.sample == 20
    assert baseline.low_s <= baseline.sequential_s <= baseline.high_s
    # How much more than the waits depends on what else the machine does.
    assert 0.9 < baseline.sequential_s / (PAGES * LATENCY) < 4
    for each in run.found.summary:
        assert each.speedup is not None
        assert each.speedup.low <= each.speedup.ratio <= each.speedup.high
        assert each.speedup.ratio == pytest.approx(baseline.sequential_s / each.wall_s)
        assert each.speedup.ratio > 1.5
    assert "One request at a time, it would take" in run.out
    assert " × as fast as one by one (" in " ".join(run.out.split())
    assert "measured speed-up" in (run.directory / "report.html").read_text()


@pytest.fixture
def site() -> Any:
    """Some pages, one that fails, one that is private, one that is missing; a Crawl-delay."""

    def answer(seen: Seen) -> Answer:
        if seen.target == "/robots.txt":
            return Answer(body=ROBOTS.replace(b"0.001", b"1"))
        if seen.target == "/busy":
            return Answer(503, (("Retry-After", "0"),))
        return Answer(404) if seen.target == "/gone" else Answer(200, HTML, b"<title>x</title>")

    with Server(answer) as server:
        yield server


def test_sites_are_fetched_once_for_all_runs(compare: Compare, site: Server) -> None:
    paths = ("a", "b", "gone", "private", "busy")
    run = compare(
        *("--engines", "curl,sequential", "--concurrency", "1,4", "--repeat", 1),
        *("--retries", 0, "-"),
        stdin="".join(f"{site.url('/' + path)}\n" for path in paths),
    )
    assert run.code == 0, run.err
    asked = sorted(seen.target for seen in site.seen)
    assert asked == ["/a", "/b", "/busy", "/gone", "/robots.txt"]
    found = run.found
    assert found.urls == 3
    assert {(each.pages, each.errors.get("status")) for each in found.runs} == {(2, 1)}
    assert all(each.wall_s < 1 for each in found.runs)
    assert {each.engine for each in found.runs} == {"curl", "sequential"}
    assert found.left_out == ("sequential at 4: supports at most 1 concurrent request",)
    assert found.recording is not None
    assert "1 URL failed in the recording" in found.recording.left_out[0]
    assert all(each.what == "withheld" for each in found.verdict)
    assert "needs at least 5 pairs of runs, and there are 1" in " ".join(run.out.split())
    assert "Crawl-delay" in run.out


def test_urls_of_a_sitemap_are_compared(compare: Compare) -> None:
    def answer(seen: Seen) -> Answer:
        if seen.target != "/map.xml":
            return Answer(200, HTML, b"<title>x</title>")
        places = "".join(f"<url><loc>http://{seen.host}/{name}</loc></url>" for name in "abc")
        return Answer(
            200, (("Content-Type", "application/xml"),), f"<urlset>{places}</urlset>".encode()
        )

    with Server(answer) as server:
        engines = ("--engines", "curl,aiohttp", "--repeat", 1)
        run = compare(*engines, "--no-robots", server.url("/map.xml"))
        asked = sorted(seen.target for seen in server.seen)
    assert run.code == 0, run.err
    assert run.found.urls == 3
    assert asked == ["/a", "/b", "/c", "/map.xml"]


def test_the_named_column_of_a_table_is_compared(
    compare: Compare, site: Server, tmp_path: Path
) -> None:
    table = tmp_path / "shops.csv"
    table.write_text(f"shop,site\none,{site.url('/a')}\ntwo,{site.url('/b')}\n")
    run = compare("--engines", "curl,aiohttp", "--repeat", 1, "--column", "site", table)
    assert run.code == 0, run.err
    assert {each.pages for each in run.found.runs} == {2}


def test_a_live_baseline_fetches_only_a_sample(compare: Compare, site: Server) -> None:
    run = compare(
        *("--live", "--no-robots", "--engines", "curl,aiohttp", "--repeat", 1, "--baseline", 2),
        *(site.url(f"/{name}") for name in "abcdef"),
    )
    assert run.code == 0, run.err
    assert "about 18 requests" in run.err
    assert len(site.seen) == 2 * 6 + 2 + 2 * 2
    assert run.found.baseline is not None
    assert run.found.baseline.sample == 2


@pytest.mark.promise("P05")
def test_live_announces_its_requests_and_sends_logins(compare: Compare, site: Server) -> None:
    secret = site.url("/a").replace("://", "://me:zwieback@")
    run = compare(
        *("--live", "--no-robots", "--engines", "curl,threads", "--concurrency", 2),
        *("--repeat", 1, "-"),
        stdin=f"{secret}\n{site.url('/b')}\n",
    )
    assert run.code == 0, run.err
    assert run.err.startswith("crawler: --live: 2 crawls of 2 URLs: about 6 requests to the sites")
    assert len(site.seen) == 2 + 2 * 2
    assert all(seen.header("authorization").startswith("Basic ") for seen in site.seen)
    assert run.found.urls == 2
    assert run.found.live
    assert run.found.recording is None
    written = b"".join(path.read_bytes() for path in run.directory.rglob("*") if path.is_file())
    assert b"zwieback" not in written + run.out.encode() + run.err.encode()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--engines", "curl,wget"), "unknown engine 'wget'; available: curl, "),
        (("--engines", "curl,broken"), "the engine 'broken' (support.brought_engines:Missing)"),
        (("--engines", "curl"), "a comparison needs at least two engines, concurrencies or"),
        (("--concurrency", "0"), "--concurrency must be whole numbers from 1 to 10000"),
        (("--repeat", "0"), "--repeat must be a whole number of at least 1, not 0"),
        (("--http2",), "--http2 needs --live"),
        (("--replay", "x.warc"), "cannot read x.warc"),
        (("--out", "x.jsonl"), "--out is not an option"),
    ],
)
def test_impossible_comparisons_are_refused(
    compare: Compare, arguments: tuple[str, ...], says: str
) -> None:
    run = compare(*arguments, "http://127.0.0.1:9/")
    assert run.code == 2, run.err
    assert says in run.err
    assert not run.directory.exists()


def test_a_comparison_replays_the_last_response(
    tmp_path: Path,
) -> None:
    url, options = "http://a.example/", {"robots": False, "parse": "none"}
    with MockWeb() as web:
        web.answer(url, Answer(503, (("Retry-After", "0"),)), Answer(200, HTML, b"x"))
        crawler.crawl([url], run=tmp_path / "one", record=tmp_path / "r.warc", **options)
    for last, done in ((False, 0), (True, 1)):
        with Replay(tmp_path / "r.warc", last=last):
            report = crawler.crawl([url], run=tmp_path / str(last), retries=0, **options)
        assert report.urls.done == done


@contextmanager
def under_way(recorded: tuple[Path, str], tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A long comparison in its first runs; temporary files go to ``tmp`` there."""
    archive, urls = recorded
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "crawler", "compare", "--run", tmp_path / "run", "-"]
    command += ["--replay", archive, "--engines", "curl,threads", "--repeat", "1000"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        list(map(str, command)),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        # No warnings: the signal may come between the opening of a file and its closing.
        env={**environment(), "TMPDIR": str(temporary), "PYTHONWARNINGS": ""},
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(urls.encode())
        process.stdin.close()
        while b"run 1 of 1000" not in process.stderr.readline():
            assert process.poll() is None
        yield process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_comparison_leaves_no_process(
    recorded: tuple[Path, str], tmp_path: Path, number: signal.Signals
) -> None:
    with under_way(recorded, tmp_path) as process:
        assert process.stderr is not None
        process.send_signal(number)
        rest = process.stderr.read()  # until the last of its processes has ended
    assert process.returncode == 130
    assert b"Traceback" not in rest
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.promise("P34")
def test_a_killed_comparison_leaves_no_process(recorded: tuple[Path, str], tmp_path: Path) -> None:
    with under_way(recorded, tmp_path) as process, ending(process.pid, least=2):
        process.kill()
