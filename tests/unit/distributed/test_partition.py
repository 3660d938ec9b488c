"""Which shard a URL belongs to never changes: it decides which links wait in which shard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.distributed.partition import owner

OWNERS = [
    ("http://a.example/", 3319149070, 6),
    ("http://b.a.example/x?y#z", 3319149070, 6),
    ("https://www.bbc.co.uk/news", 1779393396, 4),
    ("http://bbc.co.uk:8080/x", 1779393396, 4),
    ("http://127.0.0.1:5/", 2124912268, 4),
    ("http://[::1]:80/a", 1650531508, 4),
    ("http://xn--mnchen-3ya.de/", 371992088, 0),
    ("http://co.uk/", 2889897680, 0),
    ("no url", 659435189, 5),
    ("", 1954132660, 4),
]
"""A URL and its owner among 2**32 and among 8 shards. A release that has others loses links."""


@pytest.mark.parametrize(("url", "of_many", "of_eight"), OWNERS)
def test_an_owner_is_the_same_in_every_release(url: str, of_many: int, of_eight: int) -> None:
    assert owner(url, 1 << 32) == of_many
    assert owner(url, 8) == of_eight


@pytest.mark.parametrize(
    "same",
    [
        ("http://example.com/", "https://www.example.com/a", "http://a.b.example.com:81/?x"),
        ("http://x.co.uk/", "http://www.x.co.uk/"),
        ("http://192.0.2.1/", "http://192.0.2.1:8080/a"),
        ("http://[2001:db8::1]/", "https://[2001:db8::1]:444/"),
        ("http://example.org/", "http://example.org./"),
        ("http://127.0.0.1:8000/a:b", "http://127.0.0.1/"),
    ],
)
def test_one_site_has_one_owner(same: tuple[str, ...]) -> None:
    assert len({owner(url, 1 << 32) for url in same}) == 1


def test_sites_of_one_suffix_are_apart() -> None:
    assert len({owner(f"http://site{n}.co.uk/", 1 << 32) for n in range(50)}) == 50


@given(st.text(), st.integers(1, 5000))
def test_every_text_has_one_owner(text: str, count: int) -> None:
    assert 0 <= owner(text, count) < count


def test_sites_are_spread_evenly() -> None:
    """Chi-square of 16,000 sites in 16 shards: 40 is exceeded once in 2,000 hash functions."""
    found = [0] * 16
    for n in range(16_000):
        found[owner(f"http://site{n}.example/", 16)] += 1
    assert sum((each - 1000) ** 2 / 1000 for each in found) < 40
