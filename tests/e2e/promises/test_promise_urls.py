"""URLs: schemes, redirects, spellings, traps, and what must not come out of them."""

from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from e2e.promises.conftest import GOOD, Crawled, kinds, paths

from crawler.testing import Answer, MockWeb, Seen

HTML = (("Content-Type", "text/html"),)


def links(*hrefs: str) -> str:
    return GOOD + "".join(f'<a href="{href}">x</a>' for href in hrefs)


def moved(web: MockWeb, url: str, *locations: str) -> None:
    headers = tuple(("Location", location) for location in locations)
    web.page(url, "", status=302, headers=headers)


def pages_asked(web: MockWeb) -> list[Seen]:
    return [seen for seen in web.seen if seen.target != "/robots.txt"]


# schemes


@pytest.mark.promise("P03")
def test_other_schemes_are_never_opened(
    mock_web: MockWeb, crawled: Crawled, engine: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("<title>not for you</title>")
    targets = {
        "file": secret.as_uri(),
        "data": "data:text/html,x",
        "ftp": "ftp://a.example/",
        "script": "javascript:alert(1)",
        "gopher": "gopher://a.example/",
        "source": "view-source:http://a.example/",
        "mail": "mailto:a@a.example",
    }
    for name, target in targets.items():
        moved(mock_web, f"http://a.example/{name}", target)
    refreshes = "".join(
        f'<meta http-equiv="refresh" content="0;url={target}"><iframe src="{target}"></iframe>'
        for target in targets.values()
    )
    mock_web.page("http://a.example/page", links(*targets.values(), "/last") + refreshes)
    mock_web.page("http://a.example/last", GOOD)
    urls = [f"http://a.example/{name}" for name in (*targets, "page")]
    run = crawled(urls, engine=engine, parse="inline", follow=True, scope="any", html=True)
    assert paths(run) == {"page", "last"}
    assert run.pages["http://a.example/page"]["links"] == ["http://a.example/last"]
    assert {url.rpartition("/")[2]: skip["reason"] for url, skip in run.skips.items()} == (
        dict.fromkeys(targets, "scheme")
    )
    assert b"not for you" not in (run.directory / "pages.jsonl").read_bytes()
    assert {seen.host for seen in mock_web.seen} == {"a.example"}


# redirects


@pytest.mark.promise("P06")
def test_redirects_are_bounded(mock_web: MockWeb, crawled: Crawled, engine: str) -> None:
    at = "http://a.example"
    moved(mock_web, f"{at}/self", "/self")
    moved(mock_web, f"{at}/to", "/fro")
    moved(mock_web, f"{at}/fro", "/to")
    for n in range(400):
        moved(mock_web, f"{at}/chain{n}", f"/chain{n + 1}")
    moved(mock_web, f"{at}/none")
    moved(mock_web, f"{at}/blank", "")
    moved(mock_web, f"{at}/spaces", "   ")
    moved(mock_web, f"{at}/double", "/end", "/elsewhere")
    moved(mock_web, f"{at}/twice", "/end", "/end")
    for page in ("chain400", "end", "elsewhere"):
        mock_web.page(f"{at}/{page}", GOOD)
    names = ["self", "to", "chain0", "chain389", "chain390", "none", "blank", "spaces"]
    urls = [f"{at}/{name}" for name in (*names, "double", "twice")]
    run = crawled(urls, engine=engine, parse="inline", robots=False, retries=5)
    assert {url: page["final_url"] for url, page in run.pages.items()} == {
        f"{at}/chain390": f"{at}/chain400",
        f"{at}/twice": f"{at}/end",
    }
    ended = dict.fromkeys(names, "redirect") | {"double": "protocol"}
    del ended["chain390"]
    assert kinds(run) == ended
    assert all(failure["attempts"] == 1 for failure in run.failures.values())
    # Each asks for itself and at most ten more.
    assert Counter(seen.target for seen in mock_web.seen)["/self"] == 11
    assert not mock_web.requests(f"{at}/chain11")


# disguised hosts

DISGUISED = (
    "http://evil.example\\@good.example/x",
    "http://good.example@evil.example/x",
    "http://good.example:80@evil.example/x",
    "http:\\\\evil.example/x",
    "//evil.example\\good.example/x",
    "http://ev\til.exam\nple/x",
    " http://EVIL.example/x",
    "http://ｅｖｉｌ．example/x",
    "http://evil。example/x",
    "http://%65vil.example/x",
    "http:/\\evil.example/x",
)
"""What looks in part like good.example, and is evil.example to a browser."""
LOOPBACK = (
    "http://127.0.0.1:6666\\@1.1.1.1/",
    "http://1.1.1.1@127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://１２７.０.０.１/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://127.0.0.1./",
    "http://[::ffff:127.0.0.1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://0/",
    "http://12\t7.0.0.1/",
)


@pytest.mark.promise("P08")
def test_scope_robots_and_socket_agree_on_the_host(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    start = "http://good.example/"
    mock_web.page(start, links(*DISGUISED))
    mock_web.page("http://evil.example/robots.txt", "User-agent: *\nDisallow: /x")
    for url in ("http://evil.example/x", "http://good.example/x"):
        mock_web.page(url, GOOD)
    near = crawled([start], engine=engine, parse="inline", follow=True, name="near")
    assert set(near.pages) == {start}
    assert near.report["urls"]["filtered"] == len(near.pages[start]["links"])
    assert {seen.host for seen in mock_web.seen} == {"good.example"}
    far = crawled([start], engine=engine, parse="inline", follow=True, scope="any", name="far")
    assert set(far.pages) == {start}
    assert {skip["reason"] for skip in far.skips.values()} == {"robots"}
    assert {failure["status"] for failure in far.failures.values()} == {404}
    asked = [seen for seen in mock_web.seen if seen.host != "good.example"]
    assert {seen.host for seen in asked} == {"evil.example"}
    assert {seen.local for seen in asked}.isdisjoint(
        seen.local for seen in mock_web.seen if seen.host == "good.example"
    )
    assert all(url.startswith("http://evil.example/") for url in far.pages[start]["links"])


@pytest.mark.promise("P07", "P08")
def test_no_spelling_reaches_a_private_address(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    start = "http://good.example/"
    mock_web.page(start, links(*LOOPBACK))
    ascii_only = [text for text in LOOPBACK if text.isascii() and text.isprintable()]
    hops = [f"http://good.example/{n}" for n in range(len(ascii_only))]
    for url, target in zip(hops, ascii_only, strict=True):
        moved(mock_web, url, target)
    run = crawled([start, *hops], engine=engine, parse="inline", follow=True, scope="any")
    assert set(run.pages) == {start}
    assert set(run.skips) == {*hops, *run.pages[start]["links"]}
    assert {skip["reason"] for skip in run.skips.values()} == {"blocked"}
    assert {url.split("/")[2].rpartition(":6666")[0] or url.split("/")[2] for url in run.skips} == {
        "good.example",
        "127.0.0.1",
        "[::ffff:7f00:1]",
        "[::1]",
        "0.0.0.0",
    }
    assert {seen.host for seen in mock_web.seen} == {"good.example"}


# malformed links

MONSTERS = (
    "http://[::1",
    "http://[::1]a/",
    "http://" + "@" * 100_000 + "a.example/",
    "http://" + "%" * 100_000 + "/",
    "http://a.example/" + "%" * 100_000,
    "http://" + "ü" * 100_000 + ".example/",
    "http://" + "ü" * 250 + ".example/",
    "http://xn--" + "a" * 100_000 + "/",
    "http://a.example:99999/",
    "http://a.example:" + "9" * 100_000 + "/",
    "http://a b/",
    "http://" + "a." * 50_000 + "example/",
    "http://%00/",
    "//",
    "http:",
)


@pytest.mark.promise("P26")
def test_a_malformed_link_harms_only_itself(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    start = "http://a.example/"
    mock_web.page(start, links(*MONSTERS, "/fine"))
    mock_web.page("http://a.example/fine", GOOD)
    run = crawled([start, *MONSTERS], engine=engine, parse="inline", follow=True)
    assert set(run.pages) == {start, "http://a.example/fine"}
    assert len(run.failures) == len(MONSTERS)
    assert {failure["error"] for failure in run.failures.values()} == {"url"}
    assert max(map(len, run.failures)) <= 500
    assert {seen.target for seen in mock_web.seen} == {"/robots.txt", "/", "/fine"}


# spellings


def spellings() -> list[str]:
    return [
        f"{scheme}://{host}{port}{root}{path}{query}{fragment}"
        for scheme, host, port, root, path, query, fragment in product(
            ("http", "HTTP"),
            ("a.example", "A.Example", "%61.example"),
            ("", ":80", ":080"),
            ("/", "/./", "/x/../", "\\"),
            ("~b/c", "%7eb/c", "%7Eb/%63", "%7eb/./c"),
            ("", "?"),
            ("", "#f", "#"),
        )
    ]


@pytest.mark.promise("P27")
def test_a_thousand_spellings_are_one_page(crawled: Crawled, engine: str) -> None:
    spelled = spellings()
    assert len(spelled) == len(set(spelled)) > 1000
    body = links(*spelled).encode()
    with MockWeb(lambda _: Answer(headers=HTML, body=body)) as web:
        run = crawled(spelled, engine=engine, parse="inline", robots=False, follow=True)
    assert len(web.seen) == 1
    urls = run.report["urls"]
    assert (urls["input"], urls["duplicates"], urls["discovered"]) == (1, len(spelled) - 1, 0)


# endless sites


def calendar(seen: Seen) -> Answer:
    """A web without an end: each host has a way of its own to make up another link."""
    number = int(seen.target.rpartition("=")[2]) if "=" in seen.target else 0
    hrefs = {
        "days.example": [f"/cal?day={number + 1}", f"/cal?day={number + 2}"],
        "deep.example": ["a/"],
        "sessions.example": [f"/{letter}?id=1&sid={number + 1}" for letter in "abc"],
        "long.example": [f"{seen.target}{len(seen.target)}{'x' * 300}/"],
    }
    return Answer(headers=HTML, body=links(*hrefs[seen.host]).encode())


@pytest.mark.promise("P28")
def test_endless_sites_are_bounded_and_reported(crawled: Crawled, engine: str) -> None:
    hosts = ("days", "deep", "sessions", "long")
    with MockWeb(calendar) as web:
        run = crawled(
            [f"http://{host}.example/" for host in hosts],
            engine=engine,
            parse="inline",
            robots=False,
            follow=True,
            max_per_host=12,
            strip_param="sid",
        )
    asked = Counter(seen.host.partition(".")[0] for seen in web.seen)
    assert asked == {"days": 12, "deep": 5, "sessions": 4, "long": 7}
    assert {skip["reason"] for skip in run.skips.values()} == {"trap"}
    said = {url.split("/")[2].partition(".")[0]: each["message"] for url, each in run.skips.items()}
    assert said == {
        "days": "days.example already has 12 pages",
        "deep": "the same part occurs more than 4 times",
        "long": "longer than 2000 characters",
    }
    assert not [url for url in run.pages if "sid" in url]


@pytest.mark.promise("P28")
def test_depth_bounds_an_endless_site(crawled: Crawled, engine: str) -> None:
    start = "http://days.example/"
    with MockWeb(calendar):
        run = crawled([start], engine=engine, parse="inline", robots=False, follow=True, depth=4)
    assert {page["depth"] for page in run.pages.values()} == {0, 1, 2, 3, 4}
    assert not run.skips
    assert run.report["urls"]["filtered"] > 0


# userinfo and fragments


@pytest.mark.promise("P05")
def test_userinfo_and_fragments_are_not_written_or_sent(
    mock_web: MockWeb, crawled: Crawled, engine: str, tmp_path: Path
) -> None:
    body = links("http://me:l1nked@a.example/next#fr4g", "/same#fr4g", "http://b.example/")
    mock_web.page("http://a.example/", body)
    moved(mock_web, "http://a.example/next", "http://me:m0ved@a.example/last#fr4g")
    for url in ("http://a.example/same", "http://a.example/last", "http://b.example/"):
        mock_web.page(url, GOOD)
    run = crawled(
        ["http://user:s3cret@a.example/#fr4g", "http://user:s3cret@"],
        engine=engine,
        parse="inline",
        follow=True,
        scope="any",
        record=tmp_path / "run.warc",
        log="debug",
        log_file=tmp_path / "run.log",
    )
    assert len(run.pages) == 4
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"run.warc", "run.log", "state.db", "report.json"}
    for path in files:
        found = [word for word in ("s3cret", "dXNlcjpzM2NyZXQ", "fr4g", "l1nked", "m0ved")
                 if word.encode() in path.read_bytes()]  # fmt: skip
        # The archive has the pages as they are, links and all.
        assert found == (["fr4g", "l1nked"] if path.name == "run.warc" else []), path
    for seen in mock_web.seen:
        assert not seen.header("referer")
        assert "#" not in seen.target
        login = "Basic dXNlcjpzM2NyZXQ=" if seen.host == "a.example" else ""
        assert seen.header("authorization") == login


# file names

NAMES = (
    "../../../../evil",
    "/evil",
    "..%2f..%2f..%2fevil",
    "%2e%2e/%2e%2e/evil",
    "..\\..\\evil",
    "....//....//evil",
    "//evil",
    "evil%00.html",
    "C:\\evil",
    ".",
    "a/" * 500 + "evil",
)


def tree(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.mark.promise("P32")
def test_no_url_or_header_names_a_file(
    mock_web: MockWeb,
    crawled: Crawled,
    engine: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    mock_web.page("http://usual.example/", GOOD)
    usual = crawled(["http://usual.example/"], engine=engine, parse="inline", html=True)
    before, expected = tree(tmp_path), tree(usual.directory)
    urls = [f"http://host{number}.example/{name}" for number, name in enumerate(NAMES)]
    for url, name in zip(urls, NAMES, strict=True):
        disposition = ("Content-Disposition", f'attachment; filename="{name}"')
        mock_web.page(url, GOOD, headers=(disposition,))
    run = crawled(urls, engine=engine, parse="inline", html=True, name="odd")
    assert len(run.pages) == len(NAMES)
    assert tree(tmp_path) - before == {Path("odd"), *(Path("odd") / path for path in expected)}
