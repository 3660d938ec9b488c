import sys

import pytest

from crawler.parsing.facts import forbids_following, tune_allocator


@pytest.mark.parametrize(
    ("directives", "forbidden"),
    [
        (None, False),
        ("", False),
        ("noindex", False),
        ("nofollow", True),
        ("NONE", True),
        ("googlebot: nofollow", False),
        ("googlebot: noindex, nofollow", False),
        ("nofollow, googlebot: noindex", True),
        ("max-snippet:20, nofollow", True),
        ("unavailable_after: 25 Jun 2010 15:00:00 GMT, nofollow", True),
    ],
)
def test_robots_directives(directives: str | None, forbidden: bool) -> None:
    assert forbids_following(directives) is forbidden


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_the_allocator_can_be_tuned() -> None:
    assert tune_allocator() is True
