"""Where names lead, and what is at the other end: private addresses, DNS, dying connections."""

import pytest
from e2e.promises.conftest import GOOD, SIDE_BY_SIDE, Crawled, kinds, paths

from crawler.localweb import hosts
from crawler.testing import RESET, Answer, Fault, MockWeb
from crawler.testing.contract.helpers import once_a_connection

INSIDE = {
    "loopback": "127.0.0.1",
    "loopback6": "::1",
    "link": "169.254.169.254",
    "link6": "fe80::1",
    "ten": "10.1.2.3",
    "home": "192.168.0.1",
    "unique": "fd00::1",
    "carrier": "100.64.0.1",
    "zero": "0.0.0.0",
    "multicast": "224.0.0.1",
    "mapped": "::ffff:10.1.2.3",
    "compatible": "::10.1.2.3",
    "6to4": "2002:a01:203::1",
    "nat64": "64:ff9b::a01:203",
}
"""What DNS says, by host."""
LITERALS = ("127.0.0.1", "169.254.169.254", "10.1.2.3:8080", "[::1]", "[::ffff:10.1.2.3]")


def inside(web: MockWeb) -> dict[str, str]:
    """A page of each host that is inside; the name of the host."""
    for name, address in INSIDE.items():
        web.host(f"{name}.example", address=address)
        web.page(f"http://{name}.example/", GOOD)
    return {f"http://{name}.example/": name for name in INSIDE}


def moved(web: MockWeb, url: str, location: str) -> None:
    web.page(url, "", status=302, headers=(("Location", location),))


# private addresses


@pytest.mark.promise("P07")
def test_a_name_with_a_private_address_is_blocked(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    urls = inside(mock_web)
    run = crawled(urls, engine=engine, parse="inline")
    assert {url: skip["reason"] for url, skip in run.skips.items()} == dict.fromkeys(
        urls, "blocked"
    )
    for url, name in urls.items():
        assert f"--allow-private {name}.example " in run.skips[url]["message"]
    assert mock_web.seen == []


@pytest.mark.promise("P07")
def test_redirects_and_links_to_private_addresses_are_blocked(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    targets = [*inside(mock_web), *(f"http://{literal}/" for literal in LITERALS)]
    starts = []
    for n, target in enumerate(targets):
        moved(mock_web, f"http://a.example/one{n}", target)
        moved(mock_web, f"https://b.example/two{n}", f"http://a.example/one{n}")
        moved(mock_web, f"http://a.example/three{n}", f"https://b.example/two{n}")
        starts += [f"http://a.example/one{n}", f"http://a.example/three{n}"]
    links = "".join(f'<a href="{target}">x</a>' for target in targets)
    mock_web.page("http://a.example/links", links)
    run = crawled(
        [*starts, "http://a.example/links"],
        engine=engine,
        parse="inline",
        follow=True,
        scope="any",
    )
    assert paths(run) == {"links"}
    assert len(run.skips) == len(starts) + len(targets)
    assert {skip["reason"] for skip in run.skips.values()} == {"blocked"}
    assert all("--allow-private" in skip["message"] for skip in run.skips.values())
    assert {seen.host for seen in mock_web.seen} == {"a.example", "b.example"}


@pytest.mark.promise("P07")
def test_a_robots_txt_redirected_inside_blocks_its_host(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    inside(mock_web)
    for host, target in {"a": "http://link.example/", "b": "http://169.254.169.254/"}.items():
        moved(mock_web, f"http://{host}.example/robots.txt", target)
        mock_web.page(f"http://{host}.example/", GOOD)
    urls = ["http://a.example/", "http://b.example/"]
    run = crawled(urls, engine=engine, parse="inline")
    assert {url: skip["reason"] for url, skip in run.skips.items()} == dict.fromkeys(
        urls, "blocked"
    )
    assert {seen.target for seen in mock_web.seen} == {"/robots.txt"}
    assert {seen.host for seen in mock_web.seen} == {"a.example", "b.example"}


@pytest.mark.promise("P07")
def test_allow_private_opens_only_what_it_names(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    urls = inside(mock_web)
    moved(mock_web, "http://a.example/go", "http://home.example/")
    run = crawled(
        [*urls, "http://a.example/go"],
        engine=engine,
        parse="inline",
        allow_private=("loopback6.example", "192.168.0.0/16", "10.1.2.3", "fe80::/10"),
    )
    asked = {"loopback6", "home", "ten", "link6", "mapped", "6to4", "nat64"}
    assert {urls[url] for url in run.pages.keys() & urls.keys()} == asked
    assert run.pages["http://a.example/go"]["final_url"] == "http://home.example/"
    assert {urls[url] for url in run.skips} == INSIDE.keys() - asked


@pytest.mark.promise("P07")
def test_only_the_input_opens_a_private_address(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    named, other = "http://127.0.0.1:8080/", "http://127.0.0.1:8081/"
    mock_web.page(named, f'<a href="/own">x</a><a href="{other}">x</a>')
    for url in (f"{named}own", other):
        mock_web.page(url, GOOD)
    moved(mock_web, "http://a.example/back", f"{named}own?")
    moved(mock_web, "http://a.example/off", other)
    starts = [named, "http://a.example/back", "http://a.example/off"]
    run = crawled(starts, engine=engine, parse="inline", follow=True, scope="any")
    assert set(run.pages) == {named, f"{named}own"}
    assert set(run.skips) == {other, "http://a.example/back", "http://a.example/off"}
    assert {skip["reason"] for skip in run.skips.values()} == {"blocked"}


# DNS


@pytest.mark.promise("P21")
def test_an_unknown_host_is_a_dns_failure(mock_web: MockWeb, crawled: Crawled, engine: str) -> None:
    mock_web.fault("gone.example", Fault.NO_DNS)
    mock_web.page("http://fine.example/", GOOD)
    urls = ["http://gone.example/", "http://never.example/", "http://fine.example/"]
    run = crawled(urls, engine=engine, parse="inline", robots=False, retry=("dns=2,0",))
    assert set(run.pages) == {"http://fine.example/"}
    assert {(each["error"], each["attempts"]) for each in run.failures.values()} == {("dns", 3)}
    assert mock_web.lookups.count("gone.example") == 3


@pytest.mark.promise("P21")
@SIDE_BY_SIDE
def test_a_slow_name_server_delays_no_other_host(
    mock_web: MockWeb, crawled: Crawled, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "SLOW_SECONDS", 3600.0)
    slow = [f"http://slow.example/{n}" for n in range(2)]
    mock_web.fault("slow.example", Fault.SLOW_DNS)
    fine = [f"http://fine{n}.example/{n}" for n in range(10)]
    for url in fine:
        mock_web.page(url, GOOD)
    run = crawled([*slow, *fine], engine=engine, parse="inline", concurrency=3, timeout=1.0)
    assert set(run.pages) == set(fine)
    assert {url: failure["error"] for url, failure in run.failures.items()} == dict.fromkeys(
        slow, "dns"
    )
    assert mock_web.lookups[0] == "slow.example"


# dying connections


@pytest.mark.promise("P19")
def test_refused_and_reset_connections_are_retried(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    mock_web.fault("refused.example", Fault.REFUSED)
    for name, fault in {"at-once": Fault.RESET, "midway": Fault.RESET_MIDWAY}.items():
        mock_web.fault(f"http://reset.example/{name}", fault)
    midway = Answer(script=(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", 0.05, RESET))
    whole = Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())
    mock_web.answer("http://reset.example/once", midway, whole)
    names = ("at-once", "midway", "once")
    urls = ["http://refused.example/refused", *(f"http://reset.example/{name}" for name in names)]
    retries = ("connect=1,0", "reset=2,0", "truncated=2,0")
    run = crawled(urls, engine=engine, parse="inline", robots=False, retry=retries)
    assert kinds(run) == {"refused": "connect", "at-once": "reset", "midway": "reset"}
    assert {url.rpartition("/")[2]: each["attempts"] for url, each in run.failures.items()} == {
        "refused": 2,
        "at-once": 3,
        "midway": 3,
    }
    assert paths(run) == {"once"}
    assert len(mock_web.requests("http://reset.example/once")) == 2


@pytest.mark.promise("P19")
def test_requests_lost_with_a_connection_are_repeated(crawled: Crawled, engine: str) -> None:
    good = Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())
    urls = [f"http://kept.example/{n}" for n in range(20)]
    with MockWeb(once_a_connection(good, RESET)):
        run = crawled(urls, engine=engine, parse="inline", robots=False, per_host=1)
    assert set(run.pages) == set(urls)
    assert not run.failures
