"""The synthetic web is the same every time, hangs together, and is as broken as it says."""

import gzip
import os
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from urllib.parse import urldefrag, urljoin, urlsplit
from xml.etree import ElementTree as ET

import pytest

from crawler.localweb.synthetic import FAULTS
from crawler.model.errors import UsageError
from crawler.testing import (
    CLOSE,
    Answer,
    Fault,
    Seen,
    SyntheticHandler,
    SyntheticWeb,
)

PORT = 8080
HOST = f"127.10.0.1:{PORT}"


@pytest.fixture(scope="module")
def sound() -> SyntheticWeb:
    return SyntheticWeb(hosts=4, pages=1_200, seed=3)


@pytest.fixture(scope="module")
def faulty() -> SyntheticWeb:
    return SyntheticWeb(hosts=4, pages=4_000, seed=3, faults=True)


def get(web: SyntheticWeb, url: str, *, accepts_gzip: bool = False) -> Answer:
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return web.page(parts.netloc, target, accepts_gzip)


def fault(web: SyntheticWeb, url: str) -> Fault | None:
    return web.fault(urlsplit(url).netloc, urlsplit(url).path)


def with_fault(web: SyntheticWeb, wanted: Fault | None) -> Iterator[str]:
    return (url for url in web.urls(PORT) if fault(web, url) is wanted)


def links(base: str, answer: Answer) -> set[str]:
    hrefs = re.findall(r'<a href="([^"]*)"', answer.body.decode())
    return {urldefrag(urljoin(base, href)).url for href in hrefs}


def spill(answer: Answer) -> bytes:
    """All bytes that a script writes."""
    return b"".join(step for step in answer.script if isinstance(step, bytes))


def seen(url: str, *headers: tuple[str, str]) -> Seen:
    parts = urlsplit(url)
    return Seen("GET", parts.path, "HTTP/1.1", headers, parts.netloc, 1, 0.0, ("", 0))


DIGEST = """
import hashlib, sys
from urllib.parse import urlsplit
from crawler.testing import SyntheticWeb
web = SyntheticWeb(3, 300, seed=5, latency=0.02, faults=True)
urls = web.urls(8080)
order = urls if sys.argv[1] == "forward" else reversed(urls)
pages = {u: repr(web.page(urlsplit(u).netloc, urlsplit(u).path, True)) for u in order}
print(hashlib.sha256("".join(pages[u] for u in urls).encode()).hexdigest())
"""


def test_the_same_seed_makes_the_same_web() -> None:
    def digest(hash_seed: str, order: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            [sys.executable, "-c", DIGEST, order],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert digest("1", "forward") == digest("2", "backward") != ""


def test_another_seed_makes_another_web(sound: SyntheticWeb) -> None:
    other = SyntheticWeb(hosts=4, pages=1_200, seed=4)
    assert get(sound, f"http://{HOST}/").body != get(other, f"http://{HOST}/").body


@pytest.mark.parametrize("web_name", ["sound", "faulty"])
def test_every_page_can_be_reached_from_the_root(
    web_name: str, request: pytest.FixtureRequest
) -> None:
    """Within its host, and through sound pages only."""
    web: SyntheticWeb = request.getfixturevalue(web_name)
    for host, address in enumerate(web.addresses):
        site = f"http://{address}:{PORT}/"
        found, todo = {site}, [site]
        while todo:
            url = todo.pop()
            if fault(web, url) is None and url.startswith(site):
                new = links(url, get(web, url)) - found
                found |= new
                todo += new
        assert found >= set(web.urls(PORT, host))
        assert any(not url.startswith(site) for url in found)


def test_every_page_links_to_its_children(sound: SyntheticWeb) -> None:
    """So that nothing depends on the links that are drawn."""
    urls = sound.urls(PORT, 0)
    for number, url in enumerate(urls):
        assert links(url, get(sound, url)) >= set(urls[6 * number + 1 : 6 * number + 7])


def test_links_lead_to_pages(sound: SyntheticWeb) -> None:
    pages = set(sound.urls(PORT))
    hrefs = Counter[str]()
    for url in sound.urls(PORT, 0):
        for link in links(url, get(sound, url)):
            kind = "private" if "/private/" in link else "page"
            hrefs[kind] += 1
            assert kind == "private" or link in pages
            assert get(sound, link).status == 200
    assert hrefs["private"] > 0


def test_the_list_has_all_pages_of_all_hosts(sound: SyntheticWeb) -> None:
    urls = sound.urls(PORT)
    assert len(set(urls)) == len(urls) == 1_200
    per_host = [sound.urls(PORT, host) for host in range(4)]
    assert [len(some) for some in per_host] == [300] * 4
    assert sorted(chain.from_iterable(per_host)) == sorted(urls)
    assert sound.page(HOST, "/urls.txt").body.decode().splitlines() == urls


def test_a_page_looks_like_a_page(sound: SyntheticWeb) -> None:
    answer = get(sound, f"http://{HOST}/guide/1")
    html = answer.body.decode()
    assert dict(answer.headers) == {"Content-Type": "text/html; charset=utf-8"}
    for pattern in (
        r"^<!DOCTYPE html>\n<html lang=\"[a-z]{2}\">",
        r"<title>[^<]+</title>",
        r'<meta name="description" content="[^"]+">',
        rf'<link rel="canonical" href="http://{HOST}/guide/1">',
        r"<nav>[^§]*<a href=\"/\">",
        r"<p>[^<]+</p>",
    ):
        assert re.search(pattern, html), pattern
    styles = {"/": r'"/\w', "../": r'"\.\./', "//": r'"//', "http": r'"http://', "#": r"#more"}
    everything = "".join(get(sound, url).body.decode() for url in sound.urls(PORT, 0)[:20])
    assert all(re.search(f"href={p}" if p[0] == '"' else p, everything) for p in styles.values())


def test_sizes_and_latencies_are_spread_around_their_medians() -> None:
    web = SyntheticWeb(hosts=50, pages=2_000, seed=1, latency=0.05)
    answers = [get(web, url) for url in web.urls(PORT)]
    sizes = [len(answer.body) for answer in answers]
    latencies = [answer.latency for answer in answers]
    assert 9_000 < statistics.median(sizes) < 15_000
    assert max(sizes) < 205_000
    assert max(sizes) > 10 * min(sizes)
    assert 0.04 < statistics.median(latencies) < 0.0625
    assert max(latencies) > 4 * min(latencies) > 0
    hosts = [statistics.median(latencies[host::50]) for host in range(50)]
    assert max(hosts) > 2.2 * min(hosts)  # pages alone make less than 1.6 of it


def test_without_latency_there_is_none() -> None:
    web = SyntheticWeb(hosts=1, pages=20, latency=0)
    assert {get(web, url).latency for url in web.urls(PORT)} == {0}


def test_a_web_has_robots_and_sitemap(sound: SyntheticWeb) -> None:
    robots = sound.page(HOST, "/robots.txt").body.decode()
    assert "User-agent: *\nDisallow: /private/\n" in robots
    assert "crawl-delay" not in robots.lower()
    [place] = re.findall("^Sitemap: (.*)$", robots, re.MULTILINE)
    tree = ET.fromstring(get(sound, place).body)
    space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    assert [loc.text for loc in tree.findall("s:url/s:loc", space)] == sound.urls(PORT, 0)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/news/1", "/guide/01", "/guide/9999999", "/guide/1/", "/guide/²", ""]
)
def test_other_paths_are_not_found(sound: SyntheticWeb, path: str) -> None:
    assert sound.page(HOST, path).status == 404


def test_a_query_is_ignored(sound: SyntheticWeb) -> None:
    assert sound.page(HOST, "/guide/1?x=1") == sound.page(HOST, "/guide/1")


def test_other_hosts_are_misdirected(sound: SyntheticWeb) -> None:
    assert sound.page("127.10.0.5:80", "/").status == 421
    assert sound.fault("a.test", "/") is None


def test_without_faults_every_page_is_good(sound: SyntheticWeb) -> None:
    for url in sound.urls(PORT):
        answer = get(sound, url, accepts_gzip=True)
        assert (answer.status, answer.script, len(answer.headers)) == (200, (), 1)
        assert fault(sound, url) is None


def test_a_few_percent_have_faults_of_every_kind(faulty: SyntheticWeb) -> None:
    counts = Counter(fault(faulty, url) for url in faulty.urls(PORT))
    assert set(counts) == {None, *FAULTS}
    assert 0.02 < 1 - counts[None] / counts.total() < 0.1


def test_pages_with_children_have_no_faults(faulty: SyntheticWeb) -> None:
    for host in range(4):
        urls = faulty.urls(PORT, host)
        parents = len(urls) // 6  # the first of them: the tree is numbered level by level
        assert all(fault(faulty, url) is None for url in urls[:parents])


def test_a_root_has_no_fault() -> None:
    for seed in range(100):
        assert SyntheticWeb(1, 1, seed, faults=True).fault(HOST, "/") is None


@pytest.mark.parametrize(
    ("kind", "status"), [(Fault.NOT_FOUND, 404), (Fault.GONE, 410), (Fault.SERVER_ERROR, 500)]
)
def test_error_faults_have_their_status(faulty: SyntheticWeb, kind: Fault, status: int) -> None:
    assert {get(faulty, url).status for url in with_fault(faulty, kind)} == {status}


def test_redirects_lead_to_good_pages(faulty: SyntheticWeb) -> None:
    statuses = set()
    for url in with_fault(faulty, Fault.REDIRECT):
        answer = get(faulty, url)
        statuses.add(answer.status)
        target = urljoin(url, dict(answer.headers)["Location"])
        assert fault(faulty, target) is None
        assert get(faulty, target).status == 200
    assert statuses == {301, 302}


def test_redirect_loops_never_end(faulty: SyntheticWeb) -> None:
    url = start = next(with_fault(faulty, Fault.REDIRECT_LOOP))
    visited = set()
    for _ in range(4):
        visited.add(url)
        answer = get(faulty, url)
        assert answer.status in (301, 302)
        url = urljoin(url, dict(answer.headers)["Location"])
    assert url == start
    assert len(visited) == 2


def test_truncated_pages_promise_more_than_they_send(faulty: SyntheticWeb) -> None:
    answer = get(faulty, next(with_fault(faulty, Fault.TRUNCATED)))
    head, _, body = spill(answer).partition(b"\r\n\r\n")
    [length] = re.findall(rb"Content-Length: (\d+)", head)
    assert 0 < len(body) < int(length)
    assert answer.script[-1] is CLOSE


def test_slow_pages_come_whole_in_a_bounded_time(faulty: SyntheticWeb) -> None:
    answer = get(faulty, next(with_fault(faulty, Fault.SLOW)))
    head, _, body = spill(answer).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert 1 <= sum(step for step in answer.script if isinstance(step, float)) <= 5


def test_mislabelled_pages_have_a_wrong_type(faulty: SyntheticWeb) -> None:
    answer = get(faulty, next(with_fault(faulty, Fault.WRONG_CHARSET)))
    assert "charset=utf-8" in dict(answer.headers)["Content-Type"]
    with pytest.raises(UnicodeDecodeError):
        answer.body.decode()
    assert "<title>" in answer.body.decode("cp1252")


def test_some_pages_are_compressed_if_accepted(faulty: SyntheticWeb) -> None:
    packed = 0
    for url in with_fault(faulty, None):
        plain, answer = get(faulty, url), get(faulty, url, accepts_gzip=True)
        if answer != plain:
            packed += 1
            assert dict(answer.headers)["Content-Encoding"] == "gzip"
            assert gzip.decompress(answer.body) == plain.body
    assert 0.15 < packed / len(faulty.urls(PORT)) < 0.35


@pytest.mark.parametrize(("hosts", "pages"), [(0, 10), (70_000, 100_000), (8, 7)])
def test_an_impossible_web_is_refused(hosts: int, pages: int) -> None:
    with pytest.raises(UsageError):
        SyntheticWeb(hosts, pages)


def test_addresses_continue_past_the_last_octet() -> None:
    addresses = SyntheticWeb(hosts=600, pages=600).addresses
    assert (addresses[0], addresses[254], addresses[255]) == (
        "127.10.0.1",
        "127.10.0.255",
        "127.10.1.0",
    )
    assert len(set(addresses)) == 600


def test_a_busy_page_recovers(faulty: SyntheticWeb) -> None:
    handler = SyntheticHandler(faulty)
    one, other = list(with_fault(faulty, Fault.BUSY))[:2]
    assert [handler(seen(url)).status for url in (one, other, one, other, one)] == [
        503,
        503,
        200,
        200,
        200,
    ]


def test_the_handler_obeys_accept_encoding(faulty: SyntheticWeb) -> None:
    handler = SyntheticHandler(faulty)
    url = next(
        u for u in with_fault(faulty, None) if get(faulty, u) != get(faulty, u, accepts_gzip=True)
    )
    assert handler(seen(url)) == get(faulty, url)
    accepts = seen(url, ("accept-encoding", "br, GZIP"))
    assert handler(accepts) == get(faulty, url, accepts_gzip=True)


def test_the_bounded_cache_forgets_the_least_used(
    sound: SyntheticWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = sound.urls(PORT)[:3]
    sizes = [len(get(sound, url).body) for url in (first, second, third)]
    rendered: list[str] = []
    page: Callable[..., Answer] = sound.page

    def counting(host: str, path: str, accepts_gzip: bool) -> Answer:
        rendered.append(f"http://{host}{path}")
        return page(host, path, accepts_gzip)

    monkeypatch.setattr(sound, "page", counting)
    handler = SyntheticHandler(sound, cache_bytes=sum(sizes) - 1)
    for url in (first, second, first, third, first, second):
        assert handler(seen(url)).status == 200
    assert rendered == [first, second, third, second]
    assert SyntheticHandler(sound, cache_bytes=0)(seen(first)).status == 200
