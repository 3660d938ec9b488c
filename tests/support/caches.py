"""Pages that are parsed with a cache of results, and without."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from crawler.model.scope import make_scope
from crawler.parsing.cache_file import NAME
from crawler.parsing.extract.rules import ExtractRule, ExtractRules
from crawler.parsing.job import CacheOptions, Job, Parsed, ParseOptions
from crawler.parsing.page import PageParser
from crawler.sinks.jsonl import JsonlEncoder

change = msgspec.structs.replace
URL = "http://h.example/dir/page"
JOB = Job(7, URL, URL, URL, 200, "text/html", None, None, "now", 1.5, 1)
RULES = ExtractRules((ExtractRule("first", "a"), ExtractRule("all", "a", "href", all=True)))
OPTIONS = ParseOptions(10_000_000, follow=True, max_depth=None, scope=make_scope("host"))
PAGE = (
    "<html lang=de><title>Grüße</title><meta name=description content=d><base href=/b/>"
    "<link rel=canonical href=c><a href=x?q=ü>1</a><a href=/y#z>2</a><iframe src=f></iframe>"
    "<meta name=robots content=none><meta name=ours content=nofollow>"
).encode()


def with_cache(folder: Path, options: ParseOptions = OPTIONS, size: int = 10**9) -> ParseOptions:
    return change(options, cache=CacheOptions(str(folder), size))


def parse(options: ParseOptions, body: bytes = PAGE, job: Job = JOB) -> Parsed:
    """Parse as a worker does that begins with this page and ends after it."""
    parser = PageParser(options)
    parsed = parser.parse(job, body)
    assert parser.flush() == ""
    return parsed


def same(found: Parsed, expected: Parsed) -> bool:
    """Whether both have the same links and, byte by byte, the same record."""
    encode = JsonlEncoder().encode
    is_same = change(found, cached=False) == change(expected, cached=False)
    return is_same and encode(found.page) == encode(expected.page)


def values(folder: Path) -> dict[bytes, bytes]:
    with closing(sqlite3.connect(folder / NAME)) as file:
        return dict(file.execute("SELECT key, value FROM results"))
