from itertools import accumulate

import pytest
from support.reports import fetch

from crawler.reporting.html.fetches import PHASES, columns, split, top_hosts


def test_every_fetch_can_be_read_from_the_columns() -> None:
    later = fetch("https://b.example:8443/x?y=1", 2.5, 0.25, wait=0.2, receive=0.05, queued=0.01)
    first = fetch("http://a.example/", 1.0, 0.5, status=None, error="timeout")
    made = columns([later, first])
    assert list(accumulate(made.begin)) == [100_000, 250_000]
    assert [made.hosts[host] for host in made.host] == [
        "http://a.example",
        "https://b.example:8443",
    ]
    assert [made.paths[path] for path in made.path] == ["/", "/x?y=1"]
    assert [made.ends[end] for end in made.end] == ["timeout", "200"]
    assert [made.failed[end] for end in made.end] == [True, False]
    assert {name: made.phases[name][1] for name in PHASES} == {
        "queued": 1000, "dns": 0, "connect": 0, "tls": 0,
        "wait": 20_000, "receive": 5000, "buffered": 0,
    }  # fmt: skip


def test_no_fetches_make_empty_columns() -> None:
    made = columns([])
    assert made.begin == [] and list(made.phases) == list(PHASES)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://a.example/b/c", ("http://a.example", "/b/c")),
        ("https://[::1]:8443/", ("https://[::1]:8443", "/")),
        ("nonsense", ("nonsense", "")),
        ("", ("", "")),
    ],
)
def test_a_url_is_split_into_host_and_path(url: str, parts: tuple[str, str]) -> None:
    assert split(url) == parts


def test_top_hosts_are_by_fetches_and_time() -> None:
    many = [fetch(f"http://many-{k}.example/") for k in range(30) for _ in range(2)]
    slow = fetch("http://slow.example/", total=9.0)
    found = top_hosts([*many, slow])
    assert found[0].fetches == 2
    assert [host.name for host in found].count("http://slow.example") == 1
    assert len(found) <= 40


def test_figures_of_a_host() -> None:
    lines = [fetch(total=k / 10) for k in range(1, 11)]
    lines.append(fetch(total=5.0, status=None, error="timeout"))
    (host,) = top_hosts(lines)
    assert (host.fetches, host.failed, host.median, host.p90, host.slowest) == (11, 1, 0.6, 1.0, 5)
    assert host.total == pytest.approx(10.5)
