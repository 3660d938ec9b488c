"""``crawler crawl`` from the outside: records, accounts, exit codes, bad input."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Serve, balanced, html
from support.engines import ENGINES

from crawler.localweb.server import CLOSE, RESET, SILENCE, Answer, Seen


def test_every_listed_url_becomes_a_record(crawl: Crawl, serve: Serve) -> None:
    site = serve(
        {
            "/a": html(
                '<html lang="en"><title>A &amp; B</title><a href="b#x">b</a><a href="/b">b</a>'
            ),
            "/b": html("<meta name=description content='of b'>"),
        }
    )
    run = crawl(lines=f"{site.url('/a')}\n# a comment\n{site.url('/b')}\n{site.url('/a#again')}\n")
    assert run.code == 0, run.err
    a, b = run.pages[site.url("/a")], run.pages[site.url("/b")]
    assert (a["title"], a["lang"], a["status"]) == ("A & B", "en", 200)
    assert a["links"] == [site.url("/b")]
    assert b["description"] == "of b"
    urls = run.report["urls"]
    assert (urls["input"], urls["duplicates"], urls["done"]) == (2, 1, 2)
    assert balanced(urls)


@pytest.mark.promise("P14", "P19", "P20")
def test_failures_have_kinds_and_the_rest_finishes(crawl: Crawl, serve: Serve) -> None:
    site = serve({
        "/good": html("<title>good"),
        "/lies": Answer(script=(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfew", CLOSE)),
        "/never": Answer(script=(SILENCE,)),
        "/drip": Answer(script=(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
                                ("repeat", b"x", None, 0.05))),
        "/reset": Answer(script=(RESET,)),
        "/big": Answer(body=b"x" * 200_000),
        "/gone": Answer(410),
        "/garbled": Answer(headers=(("Content-Encoding", "gzip"),), body=b"no gzip"),
        "/round": Answer(302, headers=(("Location", "/round"),)),
        "/away": Answer(302, headers=(("Location", "ftp://a.example/"),)),
        "/inside": Answer(302, headers=(("Location", "http://169.254.169.254/"),)),
    })  # fmt: skip
    paths = ["/lies", "/never", "/drip", "/reset", "/big", "/gone", "/garbled", "/round"]
    others = ["/away", "/inside", "/good"]
    lines = "\n".join(site.url(path) for path in paths + others)
    run = crawl("--timeout", "1", "--retries", "0", "--max-bytes", "100000", lines=lines)
    assert run.code == 0, run.err
    assert list(run.pages) == [site.url("/good")]
    assert {url.rpartition("/")[2]: each["error"] for url, each in run.failures.items()} == {
        "lies": "truncated",
        "never": "timeout",
        "drip": "timeout",
        "reset": "reset",
        "big": "too_large",
        "gone": "status",
        "garbled": "decode",
        "round": "redirect",
    }
    assert {url.rpartition("/")[2]: each["reason"] for url, each in run.skips.items()} == {
        "away": "scheme",
        "inside": "blocked",
    }
    assert balanced(run.report["urls"])


@pytest.mark.promise("P26")
def test_invalid_urls_fail_and_the_rest_finishes(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/": html("<title>x")})
    lines = b"\n".join(
        [
            b"ftp://a.example/x",
            b"no url at all",
            b"\x00\x01\xff\xfe binary",
            b"@" * 100_000,
            b"http://[::1",
            b"http://nobody.invalid/",
            site.url("/").encode(),
        ]
    )
    run = crawl("--retries", "0", lines=lines)
    assert run.code == 0, run.err
    assert list(run.pages) == [site.url("/")]
    kinds = sorted(each["error"] for each in run.failures.values())
    assert kinds == ["dns", "url", "url", "url", "url", "url"]
    assert balanced(run.report["urls"])
    assert run.report["urls"]["input"] == 7


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.txt"], "missing.txt: no such file"),
        (["."], "is a directory"),
        (["--engine=sequential", "--concurrency=2", "http://a.example/"], "one request at a time"),
        (["--concurrency", "many", "http://a.example/"], "--concurrency"),
        (["--depth", "2", "http://a.example/"], "--follow"),
        (["--parser", "no.such:thing", "http://a.example/"], "no.such"),
        (["--out", "pages.xyz", "http://a.example/"], ".jsonl"),
        (["--nonsense", "http://a.example/"], "--nonsense"),
        (["--include", "(", "--follow", "http://a.example/"], "("),
    ],
)  # fmt: skip
def test_bad_usage_ends_with_2_and_one_sentence(
    crawl: Crawl, arguments: list[str], says: str
) -> None:
    run = crawl(*arguments)
    assert run.code == 2
    assert says in run.err
    assert "Traceback" not in run.err
    assert not run.directory.exists()


@pytest.mark.parametrize("lines", ["", "# only\n\n# comments\n"])
def test_an_empty_list_is_refused(crawl: Crawl, lines: str) -> None:
    run = crawl(lines=lines)
    assert run.code == 2
    assert "contains no URLs" in run.err
    assert not run.directory.exists()


def test_a_run_directory_is_not_overwritten(crawl: Crawl, serve: Serve, tmp_path: Path) -> None:
    site = serve({"/": html("x")})
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "pages.jsonl").write_text("mine")
    run = crawl(site.url("/"))
    assert run.code == 2
    assert "not overwritten" in run.err
    assert (tmp_path / "run" / "pages.jsonl").read_text() == "mine"


def test_strict_ends_with_3_after_a_failure(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/": html("x")})
    assert crawl("--strict", lines=f"{site.url('/')}\n{site.url('/none')}").code == 3


def test_standard_output_has_only_pages(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/": html("<title>x"), "/b": html("y")})
    lines = f"{site.url('/')}\n{site.url('/b')}"
    run = crawl("--out", "-", "--parser", "support.parsers:marked", lines=lines)
    assert run.code == 0, run.err
    assert {json.loads(line)["url"] for line in run.out.splitlines()} == {
        site.url("/"),
        site.url("/b"),
    }
    assert "2 of 2 URLs" in run.err
    assert not (run.directory / "pages.jsonl").exists()


def test_json_prints_the_report(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/": html("x")})
    run = crawl("--json", site.url("/"))
    assert json.loads(run.out) == run.report


def test_standard_input_can_be_the_list(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/": html("x")})
    run = crawl("-", stdin=site.url("/") + "\n")
    assert list(run.pages) == [site.url("/")]


def test_parser_fields_and_html_are_recorded(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/": html("<b>x</b>"), "/bad": html("raise me")})
    lines = f"{site.url('/')}\n{site.url('/bad')}"
    run = crawl("--parser", "support.parsers:marked", "--html", lines=lines)
    page = run.pages[site.url("/")]
    assert page["fields"] == {"length": 8}
    assert page["html"] == "<b>x</b>"
    failure = run.failures[site.url("/bad")]
    assert failure["error"] == "parse"
    assert "the page asked for it" in failure["message"]


def test_max_pages_is_exact(crawl: Crawl, serve: Serve) -> None:
    site = serve({f"/{n}": html(str(n)) for n in range(0, 100, 2)})
    lines = "\n".join(site.url(f"/{n}") for n in range(100))
    run = crawl("--max-pages", "7", "--retries", "0", lines=lines)
    assert run.code == 0
    assert len(run.pages) == 7
    assert balanced(run.report["urls"])


def test_the_last_retry_decides(crawl: Crawl, serve: Serve) -> None:
    tries: list[str] = []

    def once(seen: Seen) -> Answer:
        tries.append(seen.target)
        return Answer(503) if len(tries) == 1 else html("at last")

    site = serve({"/once": once, "/always": Answer(500), "/refused": Answer(403)})
    lines = "\n".join(site.url(path) for path in ("/once", "/always", "/refused"))
    run = crawl("--retries", "1", lines=lines)
    assert list(run.pages) == [site.url("/once")]
    assert run.failures[site.url("/always")]["attempts"] == 2
    assert run.failures[site.url("/refused")]["attempts"] == 1
    assert run.failures[site.url("/always")]["status"] == 500


def test_follow_obeys_scope_depth_and_patterns(crawl: Crawl, serve: Serve) -> None:
    other = serve({"/": html("other")}, addresses=("127.0.0.9",))
    site = serve(
        {
            "/": html(f'<a href="/1"></a><a href="{other.url("/")}"></a><a href="/no/x"></a>'),
            "/1": html('<a href="/2"></a>'),
            "/2": html('<a href="/3"></a>'),
            "/3": html("too deep"),
            "/no/x": html("excluded"),
        }
    )
    run = crawl("--follow", "--depth", "2", "--exclude", "/no/", site.url("/"))
    assert set(run.pages) == {site.url("/"), site.url("/1"), site.url("/2")}
    assert {page["depth"] for page in run.pages.values()} == {0, 1, 2}
    assert run.report["urls"]["filtered"] == 3
    assert not other.seen


@pytest.mark.promise("P24")
def test_robots_txt_is_requested_first_and_obeyed(crawl: Crawl, serve: Serve) -> None:
    site = serve(
        {
            "/robots.txt": Answer(body=b"User-agent: *\nDisallow: /private\n"),
            "/": html("x"),
            "/private": html("y"),
        }
    )
    run = crawl(lines=f"{site.url('/private')}\n{site.url('/')}")
    assert [seen.target for seen in site.seen] == ["/robots.txt", "/"]
    assert run.skips[site.url("/private")]["reason"] == "robots"
    assert list(run.pages) == [site.url("/")]


def test_no_robots_requests_no_robots_txt(crawl: Crawl, serve: Serve) -> None:
    site = serve({"/robots.txt": Answer(body=b"User-agent: *\nDisallow: /"), "/": html("x")})
    run = crawl("--no-robots", site.url("/"))
    assert list(run.pages) == [site.url("/")]
    assert [seen.target for seen in site.seen] == ["/"]


def test_a_baseline_is_measured_on_a_sample(crawl: Crawl, serve: Serve) -> None:
    site = serve({f"/{n}": html("x", latency=0.02) for n in range(20)})
    lines = "\n".join(site.url(f"/{n}") for n in range(20))
    run = crawl("--baseline", "5", "--seed", "1", lines=lines)
    baseline = run.report["baseline"]
    assert baseline["sample"] == 5
    assert baseline["low_s"] <= baseline["sequential_s"] <= baseline["high_s"]
    # 20 pages and robots.txt, of which the pages take 20 ms each.
    assert baseline["sequential_s"] >= 15 * 0.02
    assert baseline["speedup"] == pytest.approx(
        baseline["sequential_s"] / run.report["wall_s"], rel=0.01
    )


@pytest.mark.promise("P43")
def test_a_baseline_keeps_the_delay_too(crawl: Crawl, serve: Serve) -> None:
    delay, pages = 0.2, 4
    site = serve({f"/{n}": html("x") for n in range(pages)})
    lines = "\n".join(site.url(f"/{n}") for n in range(pages))
    run = crawl("--baseline", pages, "--delay", delay, "--per-host", 1, lines=lines)
    assert run.report["baseline"]["sample"] == pages
    times = [seen.at for seen in site.seen]
    assert len(times) == 2 * pages + 1
    assert all(later - earlier >= delay - 0.02 for earlier, later in pairwise(times[1:]))
    # What it waited for the host's sake is not what a page takes.
    assert run.report["baseline"]["sequential_s"] < pages * delay


def test_budget_and_slots_add_up_to_wall_time(crawl: Crawl, serve: Serve) -> None:
    site = serve({f"/{n}": html("x" * 5000, latency=0.01) for n in range(100)})
    run = crawl("--concurrency", "8", lines="\n".join(site.url(f"/{n}") for n in range(100)))
    report = run.report
    assert sum(report["budget"].values()) == pytest.approx(report["wall_s"], rel=0.001)
    parsing = report["slots"].pop("parsing")
    assert 0 <= parsing <= report["slots"]["backpressure"]
    assert sum(report["slots"].values()) == pytest.approx(8 * report["wall_s"], rel=0.001)
    wait = report["io_wait"]
    assert wait["total_s"] >= 100 * 0.01 * 0.9
    assert wait["saved_s"] == pytest.approx(wait["total_s"] - wait["exposed_s"], abs=1e-6)


def test_a_sequential_crawl_of_slow_pages_waits(crawl: Crawl, serve: Serve) -> None:
    site = serve({f"/{n}": html("x", latency=0.05) for n in range(10)})
    lines = "\n".join(site.url(f"/{n}") for n in range(10))
    run = crawl("--engine", "sequential", "--no-robots", lines=lines)
    # The server's own lag counts as waiting too: hence a lower bound only.
    assert run.report["budget"]["waiting"] >= 0.9 * 10 * 0.05
    assert run.report["io_wait"]["total_s"] >= 0.9 * 10 * 0.05


@pytest.mark.promise("P42")
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_finds_the_same_site(crawl: Crawl, serve: Serve, engine: str) -> None:
    site = serve(
        {
            "/": html("<title>Start</title>" + "".join(f'<a href="/{n}">' for n in range(30))),
            **{
                f"/{n}": html(f'<title>{n}</title><a href="/{n + 1}">' + "é" * n) for n in range(29)
            },
            "/29": Answer(301, headers=(("Location", "/0?moved"),)),
            "/0?moved": html("moved"),
        }
    )
    run = crawl("--follow", "--engine", engine, site.url("/"))
    assert run.code == 0, run.err
    seen = {
        url.removeprefix(site.url("/")): (page["status"], page["digest"][:8], len(page["links"]))
        for url, page in run.pages.items()
    }
    assert len(seen) == 31
    assert seen[""][2] == 30
    assert run.pages[site.url("/29")]["final_url"] == site.url("/0?moved")
    assert run.report["engine"] == engine
    assert not run.failures
