"""The pages about the code say what is in the code: its files, its functions, its rooms."""

import ast
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from support.samples import ROOT, samples
from support.tables import names, table
from unit.test_imports import ROOMS

import crawler
from crawler.testing import MockWeb

ARCHITECTURE = ROOT / "docs" / "architecture.md"
ABOUT_CODE = [
    ARCHITECTURE,
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs" / "extend").glob("*.md")),
]
WAY = "A request's way through `pipeline/`"
_PLACE = re.compile(r"`((?:\w+/)+\w+\.py)(?::([\w.]+))?`")


def places(page: Path) -> Iterator[tuple[str, str | None]]:
    """Every file that ``page`` names, with a function or class in it.

    Files that a reader writes are left out: samples, and ``NAME.py``.
    """
    written = {"NAME.py", *(sample.notes.get("file") for sample in samples(page))}
    for path, name in _PLACE.findall(page.read_text("utf-8")):
        if Path(path).name not in written:
            yield path, name or None


def file_of(path: str) -> Path:
    inside = ROOT / "crawler" / path
    return inside if inside.is_file() else ROOT / path


def defined(tree: ast.AST, prefix: str = "") -> Iterator[str]:
    """Names of the classes and functions below ``tree``, such as ``Class.method``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name
            yield from defined(node, f"{prefix}{node.name}.")


@pytest.mark.parametrize("page", ABOUT_CODE, ids=lambda page: page.name)
def test_every_named_file_and_function_exists(page: Path) -> None:
    for path, name in places(page):
        assert file_of(path).is_file(), path
        assert name is None or name in defined(ast.parse(file_of(path).read_text())), (path, name)


def test_the_places_of_a_page_are_found() -> None:
    assert ("pipeline/core.py", "Pipeline._request") in set(places(ARCHITECTURE))


def test_the_rooms_are_those_of_the_code() -> None:
    rows = table(ARCHITECTURE, "Rooms")
    allowed = {names(room)[0]: None if may == "everything" else names(may) for room, _, may in rows}
    folders = {path.parent.name for path in (ROOT / "crawler").glob("*/__init__.py")}
    expected = {room: None if may is None else list(may) for room, may in ROOMS.items()}
    assert allowed == {room: expected[room] for room in folders}


class Trace:
    """The functions of ``pipeline/`` that one request enters, until the executor has its answer.

    Called for each function that any thread enters. ``_start_requests`` enters some before it
    starts the task, ``_request`` the others.
    """

    def __init__(self) -> None:
        self.entered: set[str] = set()
        self._before: set[str] = set()

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        path = frame.f_code.co_filename.rpartition("/crawler/pipeline/")[2]
        if path == frame.f_code.co_filename:
            return
        name = frame.f_code.co_qualname
        callers = list(_callers(frame))
        if name == "Pipeline._start_requests":
            self._before.clear()
        if "Pipeline._request" in (name, *callers) and "ParseStage.submit" not in callers:
            self.entered.add(f"pipeline/{path}:{name}")
        elif "Pipeline._start_requests" in (name, *callers):
            self._before.add(f"pipeline/{path}:{name}")
            if name == "Lifetime.spawn":
                self.entered |= self._before


def _callers(frame: FrameType) -> Iterator[str]:
    above = frame.f_back
    while above is not None:
        yield above.f_code.co_qualname
        above = above.f_back


def test_a_request_enters_the_functions_on_its_way(tmp_path: Path) -> None:
    with MockWeb() as web:
        web.page("https://shop.example/", "<title>Shop</title>")
        trace = Trace()
        threading.setprofile(trace)
        try:
            crawler.crawl(
                "https://shop.example/", parse="inline", robots=False, run=tmp_path / "run"
            )
        finally:
            threading.setprofile(None)
    text = ARCHITECTURE.read_text("utf-8").partition(f"\n## {WAY}\n")[2].partition("\n## ")[0]
    rows = [row for row in text.splitlines() if row.startswith("| `")]
    assert {":".join(_PLACE.findall(row)[0]) for row in rows} == trace.entered
