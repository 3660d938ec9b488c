"""Which functions and classes other processes can import."""

import sys
from functools import partial
from types import FunctionType, ModuleType

import pytest

from crawler.model.importable import import_path, name_of


def function() -> None:
    pass


class Outer:
    class Inner:
        def __call__(self) -> None:
            pass


def test_what_a_module_has_is_named() -> None:
    assert import_path(function) == f"{__name__}:function"
    assert import_path(Outer.Inner) == f"{__name__}:Outer.Inner"


def of_module(name: str | None) -> FunctionType:
    """A copy of ``function`` that says it is of the module ``name``."""
    copy = FunctionType(function.__code__, {})
    copy.__module__, copy.__qualname__ = name, "function"
    return copy


@pytest.mark.parametrize(
    "thing",
    [
        lambda: None,
        partial(function),
        Outer.Inner(),
        of_module("__main__"),
        of_module("no.such.module"),
        of_module(__name__),  # another function has this name there
        of_module(None),
    ],
)
def test_what_no_module_has_is_not(thing: object) -> None:
    assert import_path(thing) is None


def test_a_module_without_a_file_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ModuleType("made")
    made.function = of_module("made")
    monkeypatch.setitem(sys.modules, "made", made)
    assert import_path(made.function) is None


def test_a_local_function_is_not_importable() -> None:
    def local() -> None:
        pass

    assert import_path(local) is None
    assert name_of(local) == "local"


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (function, "function"),
        (Outer.Inner, "Inner"),
        (Outer.Inner(), "Inner"),
        (partial(int), "partial"),
    ],
)
def test_names(thing: object, name: str) -> None:
    assert name_of(thing) == name
