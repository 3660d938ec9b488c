"""Pages that describe the code say what the code says."""

import sys
from collections.abc import Iterator
from datetime import datetime
from enum import EnumMeta
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from support.samples import ROOT
from support.tables import names, table

from crawler import Failure, Skipped
from crawler.testing import Fault

sys.path.append(str(ROOT / "docs"))
import generate

DOCS = ROOT / "docs"
RECORDS = DOCS / "reference" / "records.md"
SECTIONS = {
    "Pages": "page",
    "Failures": "failure",
    "Skipped": "skipped",
    "Timeline": "timeline",
    "Report": "report",
    "Urls": "report.urls",
    "Latency": "report.latency_ms",
    "IO wait": "report.io_wait",
    "Connections": "report.connections",
    "Budget": "report.budget",
    "Slots": "report.slots",
    "CPU": "report.cpu",
    "Limit": "report.limited_by",
    "Baseline": "report.baseline",
    "Model": "report.model",
    "Progress": "progress",
    "Session": "progress.session",
    "Queues": "progress.queues",
    "Resting hosts": "progress.resting",
    "Recent failures": "progress.failures",
}
"""The record that each section of records.md describes, as its schema and the path into it."""
_PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false", datetime: "text"}


@pytest.mark.parametrize(
    "path", list(generate.files()), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_generated_page_is_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == generate.files()[path], "run scripts/make-docs"


def spelled(hint: Any) -> str:
    """A type as records.md calls it."""
    if get_origin(hint) in (Union, UnionType):
        parts = [part for part in get_args(hint) if part not in (type(None), msgspec.UnsetType)]
        absent = ", may be absent" if msgspec.UnsetType in get_args(hint) else ""
        null = " or null" if type(None) in get_args(hint) else ""
        return " or ".join(map(spelled, parts)) + null + absent
    if get_origin(hint) in (tuple, list):
        item = spelled(get_args(hint)[0])
        return f"list of {'objects' if item == 'object' else item}"
    if get_origin(hint) is dict:
        return "integers by name" if get_args(hint)[1] is int else "object"
    return "text" if isinstance(hint, EnumMeta) else _PLAIN.get(hint, "object")


def record(path: str) -> Any:
    name, *fields = path.split(".")
    found: Any = generate.RECORDS[name]
    for field in fields:
        hint = get_type_hints(found)[field]
        parts = [part for part in get_args(hint) if part not in (type(None), Ellipsis)]
        found = parts[0] if parts else hint
    return found


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_field_of_a_record_is_described(heading: str) -> None:
    described = [(names(row[0])[0], row[1]) for row in table(RECORDS, heading)]
    fields = msgspec.structs.fields(record(SECTIONS[heading]))
    assert described == [(field.name, spelled(field.type)) for field in fields]


def enumerated() -> Iterator[tuple[str, list[str]]]:
    yield "Kinds of failure", list(get_type_hints(Failure)["error"])
    yield "Reasons of skipping", list(get_type_hints(Skipped)["reason"])


@pytest.mark.parametrize(("heading", "values"), list(enumerated()))
def test_every_kind_is_described(heading: str, values: list[str]) -> None:
    assert [names(row[0])[0] for row in table(RECORDS, heading)] == values


def test_what_can_limit_a_run_is_listed() -> None:
    what = next(row for row in table(RECORDS, "Limit") if row[0] == "`what`")
    assert names(what[2]) == list(get_type_hints(record("report.limited_by"))["what"])


def test_every_fault_is_described() -> None:
    text = (DOCS / "guide" / "testing.md").read_text("utf-8")
    section = text.partition("\n## Faults\n")[2].partition("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| `")]
    assert {name for row in rows for name in names(row.split(" | ")[0])} == {*Fault.__members__}
