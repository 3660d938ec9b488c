"""``crawler extract``."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from crawler.cli.flags import add_config
from crawler.cli.parser import Parser
from crawler.model.errors import UsageError
from crawler.model.units import count

if TYPE_CHECKING:
    from crawler.parsing.document import Document
    from crawler.parsing.extract.explain import Explanation, FieldMatch

_FAILED = 3
_SHOWN = 3
"""Records that are shown."""
_WIDTH = 50
"""Characters of a value that are shown."""
_ASKING = frozenset(["fetching", "politeness", "session"])
"""The groups of options that say how a page is fetched."""


def add_arguments(parser: Parser) -> None:
    """Add the file of rules, the page, and how they are read and shown."""
    parser.add_argument("rules", metavar="RULES", type=Path, help="TOML file with rules")
    parser.add_argument("page", metavar="PAGE", help="file with HTML, or a URL to fetch")
    parser.add_argument("--url", metavar="URL", help="the URL of a page in a file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what rules find in a page; returns the exit code. Raises UsageError and StateError."""
    from crawler.parsing.extract.explain import explain
    from crawler.parsing.extract.extractor import Extractor
    from crawler.parsing.extract.load import load_rules

    extractor = Extractor(load_rules(arguments.rules))
    document = _document(arguments)
    if isinstance(document, str):
        sys.stderr.write(f"crawler: {arguments.page}: {document}\n")
        return _FAILED
    if not document.is_html:
        sys.stderr.write(f"crawler: {arguments.page}: is not HTML, so rules find nothing in it\n")
        return _FAILED
    found = explain(extractor, document)
    if "json" in arguments:
        text = msgspec.json.format(msgspec.json.encode(found)).decode()
    else:
        text = "\n".join(_lines(document.final_url, found))
    sys.stdout.write(f"{text}\n")
    return _FAILED if any(each.fails for record in found.records for each in record) else 0


def _document(arguments: argparse.Namespace) -> "Document | str":
    """The page, or why there is not one."""
    if "://" not in arguments.page:
        return _from_file(Path(arguments.page), vars(arguments).get("url"))
    if "url" in arguments:
        raise UsageError("--url is for a page in a file; leave it out")
    return _fetched(arguments.page, vars(arguments).get("config"))


def _from_file(path: Path, url: str | None) -> "Document":
    from crawler.model.urls import UrlError, canonical
    from crawler.parsing.document import Document
    from crawler.parsing.job import Job

    try:
        body = path.read_bytes()
        place = canonical(url or f"http://localhost/{path.name}")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except UrlError as error:
        raise UsageError(f"--url {url}: {error}") from None
    job = Job(0, place, place, place, 200, "text/html", None, None, "", 0.0, 0)
    return Document(job, body)


def _fetched(url: str, config: str | None) -> "Document | str":
    from crawler.app.api import crawl
    from crawler.settings import load, options, taken_variables

    with taken_variables(os.environ) as variables:
        settings = load({}, variables, config)
    chosen = {
        each.name: getattr(settings, each.name)
        for each in options()
        if each.extra["group"] in _ASKING
    }
    found: list[Document] = []
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder, "run")
        crawl([url], parse="inline", parser=found.append, run=str(directory), **chosen)
        return found[0] if found else next(_reasons(directory), "no page")


def _reasons(run: Path) -> Iterator[str]:
    """Why a URL is not a page."""
    for name in ("failures.jsonl", "skipped.jsonl"):
        for line in (run / name).read_bytes().splitlines():
            yield msgspec.json.decode(line)["message"]


def _lines(url: str, found: "Explanation") -> Iterator[str]:
    yield url
    yield _pages(found)
    several = found.rules.each is not None
    for number, record in enumerate(found.records[:_SHOWN], 1):
        yield ""
        if several:
            yield f"record {number}"
        yield from _rows(record)
    if len(found.records) > _SHOWN:
        yield f"\n{count(len(found.records) - _SHOWN, 'more record')}: --json shows all"


def _pages(found: "Explanation") -> str:
    if not found.number:
        return "the rules for every page; no [[pages]] matches this URL"
    rules = found.rules
    parts = [f"{key} = {value}" for key in ("url", "each") if (value := getattr(rules, key))]
    records = f": {count(len(found.records), 'record')}" if rules.each is not None else ""
    return f"[[pages]] {found.number}, {', '.join(parts) or 'every page'}{records}"


def _rows(record: "tuple[FieldMatch, ...]") -> Iterator[str]:
    rows = [(each.name, _value(each.value), f"{each.source}: {each.remark}") for each in record]
    name, value = (max((len(row[at]) for row in rows), default=0) for at in (0, 1))
    for row in rows:
        yield f"  {row[0]:{name}}  {row[1]:{value}}  {row[2]}"


def _value(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
