"""Content-Encoding: bombs, chains, damage."""

import gzip
import sys
import zlib
from collections.abc import Callable
from functools import cache
from itertools import repeat

import brotli
import pytest
from e2e.promises.conftest import GOOD, Crawled, kinds, paths

from crawler.testing import MockWeb
from crawler.testing.contract.helpers import little_memory

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MEGABYTE = bytes(1_000_000)
BOMB = 64
"""Megabytes."""
LIMIT = 1_000_000
ROOM = 30.0
"""Megabytes by which a limit of one may make all processes of a crawl larger."""
PLAIN = GOOD.encode()
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


@cache
def bomb(coding: str) -> bytes:
    """Zeros; made piece by piece, for this process is measured too."""
    if coding == "gzip, gzip":
        return gzip.compress(bomb("gzip"))
    if coding == "br":
        packer = brotli.Compressor(quality=1)
        return b"".join([*map(packer.process, repeat(MEGABYTE, BOMB)), packer.finish()])
    if coding == "zstd":
        packer = zstd.ZstdCompressor()
    else:
        packer = zlib.compressobj(1, wbits=31 if coding == "gzip" else 15)
    return b"".join([*map(packer.compress, repeat(MEGABYTE, BOMB)), packer.flush()])


BOMBS = (*ENCODERS, "gzip, gzip")


def encoded(*codings: str) -> tuple[tuple[str, str], ...]:
    return tuple(("Content-Encoding", coding) for coding in codings)


@pytest.mark.promise("P11")
@pytest.mark.usefixtures("heartbeat")
def test_a_bomb_fails_within_its_limit(mock_web: MockWeb, crawled: Crawled, engine: str) -> None:
    for number, coding in enumerate(BOMBS):
        url = f"http://bombs.example/{number}"
        mock_web.page(url, bomb(coding), headers=encoded(coding))
        mock_web.page(f"http://fine.example/good{number}", GOOD)
    good = [f"http://fine.example/good{number}" for number in range(len(BOMBS))]
    bad = [f"http://bombs.example/{number}" for number in range(len(BOMBS))]
    with little_memory():
        usual = crawled(good, engine=engine, name="usual")
    with little_memory():
        run = crawled(bad + good, engine=engine, max_bytes=LIMIT)
    assert kinds(run) == {str(number): "too_large" for number in range(len(BOMBS))}
    assert set(run.pages) == set(good)
    assert run.report["rss_peak_mb"] - usual.report["rss_peak_mb"] < ROOM


@pytest.mark.promise("P11")
def test_a_bomb_in_a_redirect_is_ignored(mock_web: MockWeb, crawled: Crawled, engine: str) -> None:
    urls = [f"http://moved.example/{number}" for number in range(len(BOMBS))]
    for url, coding in zip(urls, BOMBS, strict=True):
        headers = (*encoded(coding), ("Location", url.replace("moved", "here")))
        mock_web.page(url, bomb(coding), status=302, headers=headers)
        mock_web.page(url.replace("moved", "here"), GOOD)
    with little_memory():
        run = crawled(urls, engine=engine, max_bytes=LIMIT)
    assert {url: page["final_url"] for url, page in run.pages.items()} == {
        url: url.replace("moved", "here") for url in urls
    }


@pytest.mark.promise("P11")
@pytest.mark.usefixtures("heartbeat")
def test_a_bomb_as_robots_txt_disallows_its_host(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    hosts = [f"bomb{number}.example" for number in range(len(BOMBS))]
    for host, coding in zip(hosts, BOMBS, strict=True):
        mock_web.page(f"http://{host}/robots.txt", bomb(coding), headers=encoded(coding))
        mock_web.page(f"http://{host}/page", GOOD)
    mock_web.page("http://fine.example/good", GOOD)
    urls = [f"http://{host}/page" for host in hosts]
    with little_memory():
        run = crawled([*urls, "http://fine.example/good"], engine=engine, max_bytes=LIMIT)
    assert paths(run) == {"good"}
    assert {url: failure["error"] for url, failure in run.failures.items()} == dict.fromkeys(
        urls, "too_large"
    )
    assert not [url for url in urls if mock_web.requests(url)]


@pytest.mark.promise("P12")
@pytest.mark.usefixtures("heartbeat")
def test_more_than_five_codings_are_refused(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    chains = {"five": 5, "six": 6, "hundreds": 300}
    for name, length in chains.items():
        body = PLAIN
        for _ in range(length):
            body = gzip.compress(body)
        mock_web.page(
            f"http://chains.example/{name}", body, headers=encoded(", ".join(["gzip"] * length))
        )
    mock_web.page("http://chains.example/plain", GOOD)
    urls = [f"http://chains.example/{name}" for name in (*chains, "plain")]
    run = crawled(urls, engine=engine)
    assert kinds(run) == {"six": "decode", "hundreds": "decode"}
    assert {page["bytes"] for page in run.pages.values()} == {len(PLAIN)}


@pytest.mark.promise("P12")
def test_codings_in_several_headers_form_one_chain(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    twice = brotli.compress(gzip.compress(PLAIN))
    mock_web.page("http://chains.example/two", twice, headers=encoded("gzip", "br"))
    mock_web.page("http://chains.example/six", twice, headers=encoded(*["gzip"] * 6))
    run = crawled([f"http://chains.example/{name}" for name in ("two", "six")], engine=engine)
    assert kinds(run) == {"six": "decode"}
    assert [page["bytes"] for page in run.pages.values()] == [len(PLAIN)]


def flipped(data: bytes, place: int) -> bytes:
    damaged = bytearray(data)
    damaged[place] ^= 1
    return bytes(damaged)


def damaged() -> dict[str, tuple[str, bytes]]:
    """By name: what the label says, and the body."""
    cases = {
        "gzip-crc": ("gzip", flipped(gzip.compress(PLAIN), -5)),
        "gzip-length": ("gzip", flipped(gzip.compress(PLAIN), -1)),
        "deflate-sum": ("deflate", flipped(zlib.compress(PLAIN), -1)),
        "gzip-in-part": ("gzip", gzip.compress(PLAIN) + gzip.compress(PLAIN)[:12]),
        "unsupported": ("compress", PLAIN),
    }
    for coding, encode in ENCODERS.items():
        cases[f"{coding}-cut"] = (coding, encode(PLAIN * 9)[:-3])
        cases[f"{coding}-lie"] = (coding, PLAIN)
        other = "gzip" if coding != "gzip" else "br"
        cases[f"{coding}-for-{other}"] = (coding, ENCODERS[other](PLAIN))
    return cases


@pytest.mark.promise("P13")
def test_damaged_and_mislabelled_bodies_are_not_stored(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    cases = damaged()
    for name, (label, body) in cases.items():
        mock_web.page(f"http://damaged.example/{name}", body, headers=encoded(label))
    mock_web.page("http://damaged.example/sound", gzip.compress(PLAIN), headers=encoded("gzip"))
    urls = [f"http://damaged.example/{name}" for name in (*cases, "sound")]
    run = crawled(urls, engine=engine)
    assert kinds(run) == dict.fromkeys(cases, "decode")
    assert paths(run) == {"sound"}


@pytest.mark.promise("P13")
def test_garbage_after_a_complete_body_is_ignored(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    for coding, encode in ENCODERS.items():
        body = encode(PLAIN) + b"\0\0<!-- cached -->"
        mock_web.page(f"http://trailing.example/{coding}", body, headers=encoded(coding))
    run = crawled([f"http://trailing.example/{coding}" for coding in ENCODERS], engine=engine)
    # The library for br refuses such a body, and does not tell where the garbage began.
    assert kinds(run) == {"br": "decode"}
    assert paths(run) == set(ENCODERS) - {"br"}
    assert {page["bytes"] for page in run.pages.values()} == {len(PLAIN)}
    assert {page["title"] for page in run.pages.values()} == {"fine"}
