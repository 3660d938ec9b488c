"""robots.txt means what the reference parser of RFC 9309 says (tests/data/robots)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.frontier.robots import Rules, from_answer

pytestmark = pytest.mark.promise("P91")

DATA = Path(__file__).parents[2] / "data" / "robots"
DIFFERENT = {
    # RFC 9309 §2.2.2: an escaped letter is compared as the letter; the reference parser leaves
    # that to its caller.
    ("ID_Encoding", "http://foo.bar/foo/bar/baz"),
    # Our URLs are canonical, so a path is never raw.
    ("ID_Encoding", "http://foo.bar/foo/bar/\u00e3\u0083\u0084"),
    # The name in a User-Agent "Foo Bar" is Foo.
    ("GoogleOnly_AcceptUserAgentUpToFirstSpace", "http://foo.bar/x/y"),
}
"""Tests and URLs whose answers are not ours, and why."""


def cases(name: str) -> Iterator[dict[str, Any]]:
    for line in (DATA / name).read_text().splitlines():
        yield json.loads(line)


def rules(text: str, agent: str) -> Rules:
    return from_answer(200, text.encode("latin-1"), agent)


def test_the_reference_parser_agrees() -> None:
    wrong, count = [], 0
    for case in cases("reference.jsonl"):
        count += 1
        is_known = (case["test"], case["url"]) in DIFFERENT and not case["allowed"]
        allowed = rules(case["robots"], case["agent"]).refusal(case["url"]) is None
        if allowed != case["allowed"] and not is_known:
            wrong.append(case)
    assert wrong == []
    assert count == 136


def test_files_of_real_sites_mean_the_same() -> None:
    wrong, count = [], 0
    for site in cases("sites.jsonl"):
        for agent, paths in site["agents"].items():
            found = rules(site["robots"], f"{agent}/1.0")
            for word in ("allowed", "disallowed"):
                for path in paths[word]:
                    count += 1
                    if (found.refusal(f"http://a.example{path}") is None) != (word == "allowed"):
                        wrong.append((site["robots"], agent, path, word))
    assert wrong == []
    assert count > 1_000
