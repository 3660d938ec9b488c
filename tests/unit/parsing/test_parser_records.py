"""Several records of a page: from a user's function, from rules, and from both."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support.caches import JOB, OPTIONS, change, parse, same, with_cache

from crawler.model.errors import FailureKind, FetchError
from crawler.parsing.extract.rules import ExtractRule, ExtractRules, PageRules
from crawler.sinks.jsonl import JsonlEncoder

PAGE = b"<title>Tea</title><li>Green</li><li>Black</li>"
TITLE = ExtractRules((ExtractRule("title", "title"),))
ITEMS = ExtractRules((), (PageRules((ExtractRule("name", "li"),), each="li"),))


def fields(parser: Callable[..., Any] | None, rules: ExtractRules | None = None) -> Any:
    parsed = parse(change(OPTIONS, parser=parser, extract=rules), PAGE)
    return msgspec.json.decode(JsonlEncoder().encode(parsed.page))["fields"]


def test_a_function_may_return_several_records() -> None:
    assert fields(lambda _: [{"n": 1}, {"n": 2}]) == [{"n": 1}, {"n": 2}]
    assert fields(lambda _: ({"n": 1},)) == [{"n": 1}]
    assert fields(lambda _: []) == []


@pytest.mark.parametrize(
    ("own", "rules", "found"),
    [
        ({"n": 1}, TITLE, {"title": "Tea", "n": 1}),
        ([{"n": 1}, {"title": "x"}], TITLE, [{"title": "Tea", "n": 1}, {"title": "x"}]),
        ({"n": 1}, ITEMS, [{"name": "Green", "n": 1}, {"name": "Black", "n": 1}]),
        (None, ITEMS, [{"name": "Green"}, {"name": "Black"}]),
    ],
)
def test_fields_of_rules_and_of_a_function_are_merged(
    own: Any, rules: ExtractRules, found: Any
) -> None:
    assert fields(lambda _: own, rules) == found


@pytest.mark.parametrize(
    ("own", "rules", "says"),
    [
        ([{"n": 1}], ITEMS, "--extract and --parser both have a list of records"),
        ([{"n": 1}, 2], None, "must return a dict, a list of dicts or None, not int in a list"),
        ("text", None, "must return a dict, a list of dicts or None, not str"),
    ],
)
def test_what_has_no_meaning_is_a_failure(own: Any, rules: ExtractRules | None, says: str) -> None:
    with pytest.raises(FetchError, match=says) as caught:
        fields(lambda _: own, rules)
    assert caught.value.kind is FailureKind.PARSE


def test_records_are_kept_in_the_cache(tmp_path: Any) -> None:
    options = change(with_cache(tmp_path), extract=ITEMS)
    first, second = parse(options, PAGE), parse(options, PAGE)
    assert (first.cached, second.cached) == (False, True)
    assert same(second, first)
    assert second.page.fields == [{"name": "Green"}, {"name": "Black"}]


def test_the_rules_of_another_url_are_not_taken_from_the_cache(tmp_path: Any) -> None:
    rules = ExtractRules((), (PageRules((ExtractRule("name", "li"),), url="/page$"),))
    options = change(with_cache(tmp_path), extract=rules)
    assert parse(options, PAGE).page.fields == {"name": "Green"}
    other = parse(options, PAGE, change(JOB, final_url="http://h.example/dir/other"))
    assert other.page.fields == {}
