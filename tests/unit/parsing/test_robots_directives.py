"""nofollow: who it is for, in headers and in meta tags.

The cases are those of Google's documentation of the robots meta tag and X-Robots-Tag, and their
neighbours.
"""

import pytest
from selectolax.lexbor import LexborHTMLParser

from crawler.parsing.facts import FactsReader
from crawler.parsing.robots_directives import forbids_following

pytestmark = pytest.mark.promise("P90")

OURS = frozenset({"mybot", "mozilla"})


@pytest.mark.parametrize(
    ("lines", "forbidden"),
    [
        (None, False),
        ("", False),
        # for everyone
        ("nofollow", True),
        ("noindex, nofollow", True),
        ("NoIndex,NOFOLLOW", True),
        (" nofollow ", True),
        ("none", True),
        ("None", True),
        ("noindex", False),
        ("all", False),
        ("follow, index", False),
        ("follow, nofollow", True),
        ("nofollow, follow", True),
        ("all, nofollow", True),
        ("noindex nofollow", True),
        ("noindex;nofollow", True),
        ("noindex,\tnofollow", True),
        ("nofollowing, nonesuch, xnofollow", False),
        ("*: nofollow", True),
        ("robots: nofollow", True),
        # for one robot
        ("otherbot: nofollow", False),
        ("otherbot: noindex, nofollow", False),
        ("otherbot:nofollow", False),
        ("otherbot : nofollow", False),
        ("mybot: nofollow", True),
        ("MyBot:NOFOLLOW", True),
        ("mybot: noindex, nofollow", True),
        ("mybot/1.0: nofollow", True),
        ("mybots: nofollow", False),
        ("my: nofollow", False),
        ("Mozilla: none", True),
        ("360spider: nofollow", False),
        # several robots in a line
        ("noindex, otherbot: nofollow", False),
        ("nofollow, otherbot: noindex", True),
        ("otherbot: noindex, mybot: nofollow", True),
        ("mybot: noindex, otherbot: nofollow", False),
        ("otherbot: nofollow, mybot: noindex", False),
        ("otherbot: none, *: none", True),
        # several lines: a name holds for its own line
        ("otherbot: noindex\nnofollow", True),
        ("nofollow\notherbot: noindex", True),
        ("otherbot: nofollow\nmybot: noindex", False),
        ("otherbot: nofollow\nnoarchive\nmybot: none", True),
        # directives with a value are not names
        ("max-snippet:20, nofollow", True),
        ("max-snippet: -1, max-image-preview: large, max-video-preview: 0, nofollow", True),
        ("max-anything: 1, nofollow", True),
        ("max-image-preview: none", False),
        ("unavailable_after: 25 Jun 2010 15:00:00 GMT, nofollow", True),
        ("unavailable_after: 25 Jun 2010 15:00:00 PST", False),
        ("unavailable_after: Fri, 25 Jun 2010 15:00:00 PST, nofollow", True),
        ("unavailable_after: Friday, 25-Jun-10 15:00:00 UTC, none", True),
        ("unavailable_after: 2010-06-25T15:00:00+00:00, nofollow", True),
        ("Unavailable_After:2010-06-25, noindex", False),
        ("otherbot: unavailable_after: 25 Jun 2010 15:00:00 PST, nofollow", False),
        ("mybot: unavailable_after: 25 Jun 2010 15:00:00 PST, nofollow", True),
        ("otherbot: max-snippet:20, nofollow", False),
        # damaged
        (":", False),
        (": nofollow", True),
        ("nofollow:", False),
        (",,nofollow,,", True),
        ("\0nofollow", False),
        ("nofollow\u00a0", True),
    ],
)
def test_a_directive_is_for_whom_it_names(lines: str | None, forbidden: bool) -> None:
    assert forbids_following(lines, OURS) is forbidden


def test_long_lines_take_linear_time() -> None:
    for text in ("a" * 100_000, "max-" * 30_000, "a:" * 50_000, "a " * 50_000, "," * 100_000):
        assert forbids_following(f"{text} , *: nofollow", OURS)
        assert not forbids_following(f"nofollower {text}", OURS)


@pytest.mark.parametrize(
    ("head", "forbidden"),
    [
        ('<meta name="robots" content="nofollow">', True),
        ("<META NAME=' Robots ' CONTENT=' NOFOLLOW '>", True),
        ('<meta name="robots" content="noindex"><meta name="robots" content="nofollow">', True),
        ('<meta name="robots" content="nofollow"><meta name="robots" content="all">', True),
        ('<meta name="robots" content="follow"><meta name="mybot" content="nofollow">', True),
        ('<meta name="mybot" content="follow"><meta name="robots" content="nofollow">', True),
        ('<meta name="MyBot" content="none">', True),
        ('<meta name="otherbot" content="nofollow">', False),
        ('<meta name="otherbot" content="none"><meta name="robots" content="noindex">', False),
        ('<meta name="mybots" content="nofollow">', False),
        ('<meta name="robots" content="noindex,\n nofollow">', True),
        ('<meta name="robots" content="otherbot: noindex\n, nofollow">', False),
        ('<meta name="robots"><meta name="robots" content="nofollow">', True),
        ('<meta name="robots">', False),
        ('<meta property="robots" content="nofollow">', False),
        ('<meta content="nofollow" name="robots">', True),
        ('<body><p><meta name="robots" content="nofollow">', True),
        ('<meta name="description" content="nofollow">', False),
    ],
)
def test_every_meta_tag_counts(head: str, forbidden: bool) -> None:
    facts = FactsReader().read(LexborHTMLParser(head), "http://a.example/", OURS)
    assert facts.nofollow is forbidden
