"""The keywords that type checkers see are the options, with what each accepts."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Literal, get_type_hints

import pytest

from crawler.engines.base import EngineChoice
from crawler.parsing.custom import ParserFunction
from crawler.parsing.executors.names import EXECUTORS
from crawler.settings import Settings, options
from crawler.settings.keywords import (
    CrawlKeywords,
    Output,
    Place,
    SettingsKeywords,
    SizeText,
    Texts,
)
from crawler.settings.option import Option

SPECIAL = {
    "sources": Place | Sequence[Place],
    "engine": EngineChoice,
    "out": Output | Sequence[Output],
    "parser": str | ParserFunction,
    "parse": Literal[tuple(EXECUTORS)] | Executor,
    "on": str | Executor,
}
PLACES = {"FILE", "DIR", "RUN"}
WITH_FORMAT = {"auth", "header", "retry", "again"}


def accepted(option: Option) -> Any:
    """What a value of ``option`` may be, besides None."""
    if option.name in SPECIAL:
        return SPECIAL[option.name]
    if option.many:
        return Texts
    if option.choices:
        return Literal[option.choices]
    if option.extra["size"]:
        return SizeText
    return Place if option.extra["metavar"] in PLACES else option.kind


def test_every_option_is_a_keyword_of_its_type() -> None:
    expected = {
        each.name: accepted(each) | None if each.default is None else accepted(each)
        for each in options()
    }
    assert get_type_hints(SettingsKeywords) == expected


def test_a_crawl_has_no_keyword_for_its_urls() -> None:
    assert SettingsKeywords.__annotations__.keys() - CrawlKeywords.__annotations__ == {"sources"}


@pytest.mark.parametrize("kind", [Place, Texts, SizeText])
def test_each_member_of_a_type_is_accepted(kind: Any) -> None:
    values = {Place: ["a", Path("a")], Texts: ["a", ["a"], ("a",)], SizeText: [1, "1kB"]}
    for option in options():
        if accepted(option) == kind and option.name not in WITH_FORMAT:
            for value in values[kind]:
                Settings(**{"follow": True, "cache": "cache", option.name: value})
