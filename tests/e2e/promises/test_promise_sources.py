"""Sitemaps from the network, and tables whose columns travel along."""

import gzip
from itertools import pairwise
from pathlib import Path

import pytest
from e2e.promises.conftest import GOOD, Sourced, check, kinds
from support.hostile_bodies import EMPTY_MEMBER, hostile

from crawler.model.exchange import MAX_SITEMAP_BYTES
from crawler.testing import MockWeb
from crawler.testing.contract.helpers import little_memory

XML = (("Content-Type", "application/xml"),)
SECRET = "http://s3cret.example/"


def urlset(*urls: str) -> str:
    places = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'


def index(*urls: str) -> str:
    places = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex>{places}</sitemapindex>"


def bomb() -> bytes:
    """A sitemap that is too large by far once gzip is undone; made a megabyte at a time."""
    head, tail = (gzip.compress(text.encode()) for text in (f"{urlset()[:-9]} ", "</urlset>"))
    return head + gzip.compress(b" " * 1_000_000) * (MAX_SITEMAP_BYTES // 1_000_000 + 10) + tail


def nested_entities() -> str:
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    return f'<!DOCTYPE x [<!ENTITY e0 "x">{levels}]>{urlset("http://a.example/&e9;")}'


@pytest.mark.promise("P31")
def test_a_hostile_sitemap_expands_and_reads_nothing(
    mock_web: MockWeb, sourced: Sourced, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    uri, fine = secret.as_uri(), "http://fine.example/"
    include = f'<url><xi:include href="{uri}" parse="text" xmlns:xi="x"/></url>'
    bodies: dict[str, str | bytes] = {
        "laughs.xml": nested_entities(),
        "entity.xml": f'<!DOCTYPE x [<!ENTITY s SYSTEM "{uri}">]>{urlset("&s;")}',
        "parameter.xml": f'<!DOCTYPE x [<!ENTITY % s SYSTEM "{uri}"> %s;]>{urlset(fine)}',
        "dtd.xml": f'<!DOCTYPE urlset SYSTEM "{uri}">{urlset(fine)}',
        "undefined.xml": urlset("http://a.example/&s;"),
        "include.xml": urlset(fine).replace("<url>", f"{include}<url>"),
        "file.xml": index(uri),
        "bomb.xml.gz": bomb(),
        "coded.xml": bomb(),
        "torn.xml.gz": gzip.compress(urlset(fine).encode())[:-9],
    }
    for name, body in bodies.items():
        coding = (("Content-Encoding", "gzip"),) if name == "coded.xml" else ()
        mock_web.page(f"http://a.example/{name}", body, headers=(*XML, *coding))
    mock_web.page(fine, GOOD)
    with little_memory(3 * MAX_SITEMAP_BYTES):
        run = sourced("--parse", "inline", *(f"http://a.example/{name}" for name in bodies))
    check(run)
    lost = ("laughs.xml", "entity.xml", "undefined.xml", "include.xml")
    assert kinds(run) == {
        **dict.fromkeys((f"{name}#entry=1" for name in lost), "parse"),
        "secret": "url",
        "bomb.xml.gz": "too_large",
        "coded.xml": "too_large",
        "torn.xml.gz": "decode",
    }
    assert set(run.pages) == {fine}
    assert {seen.host for seen in mock_web.seen} == {"a.example", "fine.example"}
    for path in run.directory.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()


@pytest.mark.promise("P59")
@pytest.mark.usefixtures("heartbeat")
def test_a_sitemap_that_is_slow_to_decode_delays_no_request(
    mock_web: MockWeb, sourced: Sourced
) -> None:
    urls = [f"http://a.example/{number}.xml" for number in range(len(hostile()))]
    for url, (coding, body) in zip(urls, hostile(), strict=True):
        mock_web.page(url, body, headers=(("Content-Encoding", coding),))
    members = gzip.compress(gzip.compress(EMPTY_MEMBER * 100_000))
    coding = (("Content-Encoding", "gzip, gzip"),)
    mock_web.page("http://a.example/members.xml.gz", members, headers=coding)
    run = sourced("--parse", "inline", *urls, "http://a.example/members.xml.gz")
    check(run)
    assert kinds(run).pop("members.xml.gz") == "decode"
    assert not run.pages


@pytest.mark.promise("P43")
def test_sitemaps_are_fetched_as_politely_as_pages(mock_web: MockWeb, sourced: Sourced) -> None:
    at = "http://a.example"
    maps = [f"{at}/hidden.xml", f"{at}/one.xml", f"{at}/two.xml.gz"]
    mock_web.page(f"{at}/robots.txt", "User-agent: *\nDisallow: /hidden\nDisallow: /no")
    mock_web.page(f"{at}/index.xml", index(*maps), headers=XML)
    mock_web.page(maps[0], urlset(f"{at}/never"), headers=XML)
    mock_web.page(maps[1], urlset(f"{at}/1", f"{at}/2", f"{at}/no"), headers=XML)
    mock_web.page(maps[2], gzip.compress(urlset(f"{at}/2", f"{at}/3").encode()), headers=XML)
    for path in ("1", "2", "3", "no", "never"):
        mock_web.page(f"{at}/{path}", GOOD)
    run = sourced("--parse", "inline", "--per-host", "1", "--delay", "0.05", f"{at}/index.xml")
    check(run)
    assert set(run.pages) == {f"{at}/1", f"{at}/2", f"{at}/3"}
    assert {url: skip["reason"] for url, skip in run.skips.items()} == dict.fromkeys(
        (f"{at}/hidden.xml", f"{at}/no"), "robots"
    )
    log = mock_web.seen
    assert [seen.target for seen in log[:2]] == ["/robots.txt", "/index.xml"]
    assert sorted(seen.target for seen in log[2:]) == ["/1", "/2", "/3", "/one.xml", "/two.xml.gz"]
    assert all(after.at - before.at >= 0.05 for before, after in pairwise(log))
    # They are requests, but no entries.
    assert run.report["urls"]["input"] == 5


@pytest.mark.promise("P07")
def test_a_sitemap_opens_no_private_address(mock_web: MockWeb, sourced: Sourced) -> None:
    own, foreign = "http://127.0.0.1:8080", "http://a.example"
    inside = [f"{own}/page", "http://127.0.0.1:8081/", "http://10.1.2.3/", "http://localhost/"]
    login = "http://user:s3cret@a.example/login"
    for url in (*inside, f"{foreign}/login"):
        mock_web.page(url, GOOD)
    mock_web.page(f"{own}/map.xml", urlset(f"{own}/page"), headers=XML)
    mock_web.page(f"{foreign}/map.xml", urlset(*inside[1:], login), headers=XML)
    run = sourced("--parse", "inline", f"{foreign}/map.xml", f"{own}/map.xml")
    check(run)
    assert set(run.pages) == {f"{own}/page", f"{foreign}/login"}
    assert {url: skip["reason"] for url, skip in run.skips.items()} == dict.fromkeys(
        inside[1:], "blocked"
    )
    assert not [seen for seen in mock_web.seen if seen.header("authorization")]


def test_table_columns_reach_every_kind_of_record(
    mock_web: MockWeb, sourced: Sourced, tmp_path: Path
) -> None:
    at = "http://a.example"
    mock_web.page(f"{at}/robots.txt", "User-agent: *\nDisallow: /no")
    for n in range(4):
        mock_web.page(f"{at}/{n}", GOOD)
    urls = [f"{at}/0", f"{at}/1", "nonsense", f"{at}/no", f"{at}/gone", f"{at}/2", f"{at}/3"]
    rows = [f'"{n}, as it is",{url}' for n, url in enumerate(urls)]
    (tmp_path / "list.csv").write_text("\n".join(["note,URL", *rows]))
    first = sourced("--concurrency", "1", "--max-pages", "1", tmp_path / "list.csv")
    assert len(first.pages) == 1
    assert first.report["urls"]["pending"] > 0
    run = sourced("--resume", "--max-pages", "100")
    check(run)
    assert set(run.pages) == {f"{at}/{n}" for n in range(4)}
    assert set(run.failures) == {"nonsense", f"{at}/gone"}
    assert set(run.skips) == {f"{at}/no"}
    ends = run.pages | run.failures | run.skips
    assert {url: record["input"] for url, record in ends.items()} == {
        url: {"line": n + 2, "note": f"{n}, as it is"} for n, url in enumerate(urls)
    }
