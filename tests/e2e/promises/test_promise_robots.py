"""robots.txt: what cannot be had, what is odd, and who is asked for it."""

from itertools import pairwise

import pytest
from e2e.conftest import Run
from e2e.promises.conftest import GOOD, Crawled, paths

from crawler.frontier.robots import MAX_BYTES
from crawler.testing import SILENCE, Answer, Fault, MockWeb

NOBODY = "User-agent: *\nDisallow: /no"


def ends(run: Run) -> dict[str, str]:
    """Host → how its entry ended: "page", or the kind of its failure, or the reason of its skip."""
    ended = dict.fromkeys(run.pages, "page")
    ended |= {url: failure["error"] for url, failure in run.failures.items()}
    ended |= {url: skip["reason"] for url, skip in run.skips.items()}
    return {url.split("/")[2].partition(".")[0]: how for url, how in ended.items()}


# availability


@pytest.mark.promise("P24")
def test_an_unavailable_robots_txt_disallows_its_host(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    statuses = {"ok": 404, "bare": 401, "shut": 403, "gone": 410, "bad": 500, "busy": 503}
    for host, status in statuses.items():
        mock_web.page(f"http://{host}.example/robots.txt", "", status=status)
    mock_web.answer("http://silent.example/robots.txt", Answer(script=(SILENCE,)))
    mock_web.fault("http://reset.example/robots.txt", Fault.RESET)
    mock_web.fault("expired.example", Fault.EXPIRED)
    mock_web.fault("refused.example", Fault.REFUSED)
    mock_web.fault("unknown.example", Fault.NO_DNS)
    urls = [f"http://{host}.example/page" for host in (*statuses, "silent", "reset")]
    urls += ["https://expired.example/page", "http://refused.example/page"]
    urls += ["http://unknown.example/page"]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline", timeout=1.0)
    assert ends(run) == {
        **dict.fromkeys(("ok", "bare", "shut", "gone"), "page"),
        **dict.fromkeys(("bad", "busy"), "robots"),
        "silent": "timeout",
        "reset": "reset",
        "expired": "tls",
        "refused": "connect",
        "unknown": "dns",
    }
    left = [*run.failures.values(), *run.skips.values()]
    assert all(each["message"].startswith("robots.txt") for each in left)
    assert all(failure["attempts"] == 0 for failure in run.failures.values())
    assert {seen.target for seen in mock_web.seen if seen.url in run.pages} == {"/page"}
    assert not [each["url"] for each in left if mock_web.requests(each["url"])]


@pytest.mark.promise("P24")
def test_robots_txt_is_retried(mock_web: MockWeb, crawled: Crawled, engine: str) -> None:
    rules = Answer(body=NOBODY.encode())
    mock_web.answer("http://once.example/robots.txt", Answer(500), rules)
    mock_web.answer("http://always.example/robots.txt", Answer(500))
    urls = [f"http://{host}.example/{path}" for host in ("once", "always") for path in ("no", "x")]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline", retry=("status:500=2,0",))
    assert set(run.pages) == {"http://once.example/x"}
    assert {skip["reason"] for skip in run.skips.values()} == {"robots"}
    assert len(mock_web.requests("http://once.example/robots.txt")) == 2
    assert len(mock_web.requests("http://always.example/robots.txt")) == 3


def chain(web: MockWeb, host: str, hops: int) -> None:
    """robots.txt of ``host`` leads by so many redirects, to and fro, to rules."""
    places = [f"http://{host}.example/robots.txt"]
    places += [f"http://{host}{n % 2}.example/hop{n}" for n in range(hops)]
    for place, target in pairwise(places):
        web.page(place, "", status=302, headers=(("Location", target),))
    web.page(places[-1], NOBODY)


@pytest.mark.promise("P24")
def test_five_redirects_lead_to_the_rules(mock_web: MockWeb, crawled: Crawled, engine: str) -> None:
    chain(mock_web, "five", 5)
    chain(mock_web, "six", 6)
    mock_web.page("http://loop.example/robots.txt", "", status=301, headers=(("Location", "?"),))
    hosts = ("five", "five0", "five1", "six", "loop")
    urls = [f"http://{host}.example/{path}" for host in hosts for path in ("no", "yes")]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline")
    assert {url: skip["reason"] for url, skip in run.skips.items()} == {
        "http://five.example/no": "robots"
    }
    assert set(run.pages) == set(urls) - set(run.skips)
    hops = [seen.url for seen in mock_web.seen if "/hop" in seen.target]
    assert hops.count("http://five0.example/hop4") == 1
    assert "http://six1.example/hop5" not in hops


@pytest.mark.promise("P24")
def test_robots_txt_comes_first_with_the_same_headers(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    sites = ["http://a.example", "https://a.example", "http://a.example:8080"]
    urls = [f"{site}/{n}" for site in sites for n in range(4)]
    for url in urls:
        mock_web.page(url, GOOD)
    run = crawled(urls, engine=engine, parse="inline")
    assert set(run.pages) == set(urls)
    for site in sites:
        robots, *pages = [seen for seen in mock_web.seen if seen.url.startswith(f"{site}/")]
        assert robots.target == "/robots.txt"
        assert {seen.target for seen in pages} == {"/0", "/1", "/2", "/3"}
        assert {seen.headers for seen in pages} == {robots.headers}


@pytest.mark.promise("P24")
def test_redirects_and_links_obey_their_hosts_rules(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    mock_web.page("http://a.example/robots.txt", NOBODY)
    mock_web.page("http://b.example/robots.txt", NOBODY)
    mock_web.page("http://a.example/", '<a href="/no/a"></a><a href="/go"></a>')
    mock_web.page(
        "http://a.example/go", "", status=302, headers=(("Location", "http://b.example/no"),)
    )
    mock_web.page("http://a.example/no/a", GOOD)
    mock_web.page("http://b.example/no", GOOD)
    run = crawled(["http://a.example/"], engine=engine, parse="inline", follow=True, scope="any")
    assert set(run.pages) == {"http://a.example/"}
    assert {url: skip["reason"] for url, skip in run.skips.items()} == dict.fromkeys(
        ("http://a.example/no/a", "http://a.example/go"), "robots"
    )
    assert not mock_web.requests("http://b.example/no")


# odd files

ODD = {
    "long": f"{NOBODY}\n".encode() + b"# filler\n" * 155_000 + b"Disallow: /late",
    "late": b"#" * MAX_BYTES + f"\n{NOBODY}".encode(),
    "nul": b"\0\n" + NOBODY.replace("\n", "\n\0\0\n").encode() + b"\nDisallow: /\0",
    "bom": f"\ufeff{NOBODY}".encode(),
    "utf16": NOBODY.encode("utf-16"),
    "cr": NOBODY.replace("\n", "\r").encode(),
    "html": b"<!DOCTYPE html><html><body>User-agent: * <p>Disallow: /no</body></html>",
    "stars": f"{NOBODY}\nDisallow: /{'*a' * 60}b$\nDisallow: {'*' * 3000}x".encode(),
    "noise": bytes(range(256)) * 100 + f"\n{NOBODY}".encode(),
}
"""robots.txt by host."""
IGNORED = {"late", "html"}
"""Those that forbid nothing."""


@pytest.mark.promise("P25")
@pytest.mark.usefixtures("heartbeat")
def test_an_odd_robots_txt_is_still_read(mock_web: MockWeb, crawled: Crawled, engine: str) -> None:
    urls = []
    for host, body in ODD.items():
        mock_web.page(f"http://{host}.example/robots.txt", body)
        for path in ("no", "late", "a" * 2000):
            urls.append(f"http://{host}.example/{path}")
            mock_web.page(urls[-1], GOOD)
    run = crawled(urls, engine=engine, parse="inline")
    forbidden = {f"http://{host}.example/no" for host in ODD.keys() - IGNORED}
    assert {url: skip["reason"] for url, skip in run.skips.items()} == dict.fromkeys(
        forbidden, "robots"
    )
    assert set(run.pages) == set(urls) - forbidden


# Following

SAYS = {
    "plain": ("", ()),
    "meta": ('<meta name="robots" content="nofollow">', ()),
    "none": ('<META NAME="Robots" CONTENT="None">', ()),
    "index": ('<meta name="robots" content="noindex">', ()),
    "tag": ("", (("X-Robots-Tag", "noarchive, nofollow"),)),
    "second": ("", (("X-Robots-Tag", "noarchive"), ("X-Robots-Tag", "none"))),
    "other": ("", (("X-Robots-Tag", "otherbot: nofollow"),)),
}
"""By name of a page: what its head has, and its headers."""
FOLLOWED = {"plain", "index", "other"}


@pytest.mark.parametrize("robots", [True, False])
def test_nofollow_links_are_not_followed(
    mock_web: MockWeb, crawled: Crawled, engine: str, robots: bool
) -> None:
    for name, (head, headers) in SAYS.items():
        body = f'<title>{name}</title>{head}<a href="/from-{name}">x</a>'
        mock_web.page(f"http://a.example/{name}", body, headers=headers)
        mock_web.page(f"http://a.example/from-{name}", GOOD)
    urls = [f"http://a.example/{name}" for name in SAYS]
    run = crawled(urls, engine=engine, parse="inline", follow=True, robots=robots)
    followed = FOLLOWED if robots else set(SAYS)
    assert paths(run) == {*SAYS, *(f"from-{name}" for name in followed)}
    assert all(run.pages[url]["links"] for url in urls)
