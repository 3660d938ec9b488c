"""Each fault by name: what the crawler makes of it, with every engine, and what it is made of."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from support.mocked import crawl

from crawler.engines.names import ENGINES
from crawler.localweb.faults import HOST_FAULTS, SLOW_SECONDS, answers
from crawler.model.errors import UsageError
from crawler.testing import Answer, Fault, MockWeb

SHOP = "https://shop.example/"
PAGE = Answer(headers=(("Content-Type", "text/html"),), body=b"<title>Sound</title>" * 50)
SOON = {
    Fault.NOT_FOUND: {"status"},
    Fault.GONE: {"status"},
    Fault.SERVER_ERROR: {"status"},
    Fault.BUSY: {"status"},
    Fault.TOO_MANY: {"status"},
    Fault.REDIRECT: {"page"},
    Fault.REDIRECT_LOOP: {"redirect"},
    Fault.BLANK_REDIRECT: {"redirect"},
    Fault.RESET: {"reset"},
    Fault.RESET_MIDWAY: {"reset", "truncated"},
    Fault.EMPTY: {"reset"},
    Fault.TRUNCATED: {"truncated"},
    Fault.CHUNKS: {"protocol"},
    Fault.UNENDED: {"truncated"},
    Fault.SLOW: {"page"},
    Fault.BOMB: {"too_large"},
    Fault.ENDLESS_HEADERS: {"protocol"},
    Fault.ENDLESS_BODY: {"too_large"},
    Fault.NOT_HTTP: {"protocol"},
    Fault.MISLABELLED: {"decode"},
    Fault.WRONG_CHARSET: {"page"},
    Fault.REFUSED: {"connect"},
    Fault.NO_DNS: {"dns"},
    Fault.SLOW_DNS: {"page"},
    Fault.EXPIRED: {"tls"},
    Fault.WRONG_HOST: {"tls"},
    Fault.SELF_SIGNED: {"tls"},
    Fault.UNKNOWN_ROOT: {"tls"},
    Fault.SLOW_HANDSHAKE: {"page"},
}
NEVER = {Fault.SILENCE, Fault.STALL, Fault.DRIP, Fault.UNANSWERED}
"""Those that only the deadline ends."""
WITHOUT_REQUEST = HOST_FAULTS - {Fault.SLOW_DNS, Fault.SLOW_HANDSHAKE}


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def web() -> Iterator[MockWeb]:
    with MockWeb() as web:
        web.answer(SHOP, PAGE)
        yield web


def make(web: MockWeb, fault: Fault) -> str:
    """Let there be ``fault``; gives the URL that has it."""
    if fault not in HOST_FAULTS:
        url = urljoin(SHOP, fault)
        web.fault(url, fault)
        return url
    host = f"{fault.replace('_', '-')}.example"
    web.answer(f"https://{host}/", PAGE)
    web.fault(host, fault)
    return f"https://{host}/"


def test_every_fault_is_tried() -> None:
    assert SOON.keys() | NEVER == set(Fault)
    assert not SOON.keys() & NEVER


def test_every_fault_has_its_failure(web: MockWeb, name: str, tmp_path: Path) -> None:
    urls = {fault: make(web, fault) for fault in SOON}
    ends = crawl(tmp_path / "run", urls.values(), engine=name, max_bytes=1_000_000).ends()
    found = {fault: ends[url] for fault, url in urls.items()}
    assert found == {fault: found[fault] for fault, kinds in SOON.items() if found[fault] in kinds}
    for fault, url in urls.items():
        assert bool(web.requests(url)) == (fault not in WITHOUT_REQUEST), fault


def test_endless_faults_end_at_the_deadline(web: MockWeb, name: str, tmp_path: Path) -> None:
    urls = [make(web, fault) for fault in NEVER]
    crawled = crawl(tmp_path / "run", [*urls, SHOP], engine=name, timeout=1)
    assert crawled.ends() == {**dict.fromkeys(urls, "timeout"), SHOP: "page"}


def test_passing_faults_succeed_at_the_second_try(web: MockWeb, tmp_path: Path) -> None:
    for fault in (Fault.BUSY, Fault.TOO_MANY):
        web.answer(urljoin(SHOP, fault), PAGE)
        web.fault(urljoin(SHOP, fault), fault)
    crawled = crawl(tmp_path / "run", [f"{SHOP}busy", f"{SHOP}too_many"], retries=1)
    assert {page["title"] for page in crawled.pages.values()} == {"Sound"}
    assert [len(web.requests(url)) for url in crawled.pages] == [2, 2]


def test_a_fault_is_for_its_port_only(web: MockWeb, tmp_path: Path) -> None:
    web.fault("shop.example:8080", "refused")
    web.fault("shop.example:8443", "expired")
    urls = [
        "http://shop.example:8080/",
        "https://shop.example:8443/",
        "http://shop.example:8443/",
        "http://shop.example:81/",
        SHOP,
    ]
    for url in urls:
        web.answer(url, PAGE)
    ends = crawl(tmp_path / "run", urls).ends()
    assert list(map(ends.get, urls)) == ["connect", "tls", "page", "page", "page"]


def test_a_fault_of_a_host_may_come_later(web: MockWeb, tmp_path: Path) -> None:
    """Though the name was looked up long since."""
    urls = [SHOP, f"{SHOP}second"]

    def fall(_: object) -> Answer:
        web.fault("shop.example", Fault.REFUSED)
        return Answer(headers=(("Connection", "close"),), body=b"<title>Last</title>")

    web.answer(SHOP, fall)
    ends = crawl(tmp_path / "run", urls, engine="sequential").ends()
    assert ends == {urls[0]: "page", urls[1]: "connect"}


def test_slow_lookups_and_handshakes_take_time(web: MockWeb, tmp_path: Path) -> None:
    urls = [make(web, fault) for fault in (Fault.SLOW_DNS, Fault.SLOW_HANDSHAKE)]
    crawled = crawl(tmp_path / "run", urls)
    assert crawled.report.urls.done == 2
    assert crawled.report.io_wait.total_s >= 2 * SLOW_SECONDS


# --- what the faults are made of


def one(fault: Fault, page: Answer = PAGE) -> Answer:
    [answer] = answers(fault, page, "/here")
    return answer


def sent(fault: Fault) -> bytes:
    return b"".join(step for step in one(fault).script if isinstance(step, bytes))


def test_a_fault_uses_the_page_it_affects() -> None:
    assert PAGE.body not in sent(Fault.TRUNCATED)
    assert PAGE.body[:400] in sent(Fault.TRUNCATED)
    assert b"Content-Length: %d\r\n" % len(PAGE.body) in sent(Fault.TRUNCATED)
    for fault in (Fault.SLOW, Fault.DRIP, Fault.UNENDED):
        assert PAGE.body in sent(fault)


def test_a_fault_without_a_page_has_its_own(web: MockWeb, tmp_path: Path) -> None:
    empty, twice = f"{SHOP}empty", f"{SHOP}twice"
    web.answer(empty, Answer(204))
    web.fault(empty, Fault.TRUNCATED)
    web.fault(twice, Fault.RESET)
    web.fault(twice, Fault.TRUNCATED)
    ends = crawl(tmp_path / "run", [empty, twice]).ends()
    assert ends == {empty: "truncated", twice: "truncated"}


def test_a_bomb_is_small_and_expands() -> None:
    bomb = one(Fault.BOMB)
    assert len(bomb.body) < 100_000
    assert len(gzip.decompress(bomb.body)) == 50_000_000
    assert dict(bomb.headers) == {"Content-Type": "text/html", "Content-Encoding": "gzip"}


def test_redirect_faults_have_their_location() -> None:
    places = [
        dict(one(fault).headers)["Location"]
        for fault in (Fault.REDIRECT, Fault.REDIRECT_LOOP, Fault.BLANK_REDIRECT)
    ]
    assert places == ["/", "/here", ""]


def test_busy_faults_have_a_retry_after() -> None:
    for fault, status, seconds in ((Fault.BUSY, 503, "0"), (Fault.TOO_MANY, 429, "1")):
        first, then = answers(fault, PAGE)
        assert (first.status, dict(first.headers)["Retry-After"]) == (status, seconds)
        assert then == PAGE


def test_the_wrong_charset_does_not_decode() -> None:
    answer = one(Fault.WRONG_CHARSET)
    assert "charset=utf-8" in dict(answer.headers)["Content-Type"]
    with pytest.raises(UnicodeDecodeError):
        answer.body.decode()


@pytest.mark.parametrize(
    ("place", "fault", "says"),
    [
        (SHOP, "slip", "unknown fault 'slip'; available: not_found, gone"),
        (SHOP, Fault.REFUSED, "refused is a fault of a host"),
        ("shop.example", Fault.RESET, "reset is a fault of a page"),
        ("shop.example:8080", Fault.NO_DNS, "no_dns is a fault of a host name"),
        ("10.0.0.1", Fault.SLOW_DNS, "slow_dns is a fault of a host name"),
    ],
)
def test_an_impossible_fault_is_refused(place: str, fault: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        MockWeb().fault(place, fault)
