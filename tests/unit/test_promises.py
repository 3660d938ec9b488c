"""Every promise has a test, every mark names a promise, and docs/promises.md says so."""

import pytest
from support.promises import DOCUMENT, Mark, Promise, document, marks, marks_of, promises

MARKED = """
import pytest

pytestmark = pytest.mark.promise("P01")

@pytest.mark.promise("P02", "P03")
@pytest.mark.parametrize("case", [1, pytest.param(2, marks=pytest.mark.promise("P04"))])
def test_a(case): ...

@pytest.mark.slow
async def test_b(): ...

class TestC:
    pytestmark = [pytest.mark.slow, pytest.mark.promise("P05")]

    @pytest.mark.promise("P06")
    async def test_d(self): ...

MARKS = {"test_e": pytest.mark.promise("P07"), "another": {**{}, 1: pytest.mark.promise("P08")}}
"""


@pytest.fixture(scope="module")
def listed() -> list[Promise]:
    return promises()


@pytest.fixture(scope="module")
def marked() -> list[Mark]:
    return marks()


def test_every_number_is_listed_once(listed: list[Promise]) -> None:
    numbers = [promise.number for promise in listed]
    assert len(numbers) == len(set(numbers))


def test_every_promise_has_a_test(listed: list[Promise], marked: list[Mark]) -> None:
    assert {promise.number for promise in listed} - {mark.number for mark in marked} == set()


def test_every_mark_names_a_promise(listed: list[Promise], marked: list[Mark]) -> None:
    numbers = {promise.number for promise in listed}
    assert [mark for mark in marked if mark.number not in numbers] == []


def test_the_document_is_up_to_date(listed: list[Promise], marked: list[Mark]) -> None:
    assert DOCUMENT.read_text() == document(listed, marked), "run scripts/make-promises"


def test_marks_are_found_wherever_they_stand() -> None:
    assert [(mark.number, mark.name) for mark in marks_of("tests/test_it.py", MARKED)] == [
        ("P01", ""),
        ("P02", "test_a"),
        ("P03", "test_a"),
        ("P04", "test_a"),
        ("P05", "TestC"),
        ("P06", "TestC::test_d"),
        ("P07", "test_e"),
        ("P08", ""),
    ]


def test_the_document_names_the_tests_of_a_promise() -> None:
    two = [
        Promise("P01", "Disks", "A disk is full.", "It says so.", ("RFC 1", "CVE-1")),
        Promise("P02", "Disks", "A disk is slow.", "It waits.", ()),
    ]
    found = [
        Mark("P01", "tests/a.py", "test_a"),
        Mark("P01", "tests/a.py", "test_b"),
        Mark("P02", "tests/a.py", "test_c"),
        Mark("P02", "tests/b.py", ""),
    ]
    _, _, sections = document(two, found).partition("\n## Disks\n\n")
    assert sections.splitlines() == [
        "### P01",
        "",
        "**Fault:** A disk is full.",
        "",
        "**Behaviour:** It says so.",
        "",
        "**Sources:** RFC 1, CVE-1",
        "",
        "**Tests:**",
        "",
        "- [tests/a.py](../tests/a.py): `test_a`, `test_b`",
        "",
        "### P02",
        "",
        "**Fault:** A disk is slow.",
        "",
        "**Behaviour:** It waits.",
        "",
        "**Tests:**",
        "",
        "- [tests/a.py](../tests/a.py): `test_c`",
        "- [tests/b.py](../tests/b.py)",
    ]
