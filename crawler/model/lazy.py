"""Packages whose names are imported when somebody asks for them, and not before (PEP 562)."""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """``__getattr__`` for ``package``: ``homes`` says for each public name in which module it is.

    So that ``import crawler`` costs nothing: a parse worker needs no event loop, and a run of
    pytest that uses nothing of ours imports nothing of ours.
    """

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return get
