"""Packages that import each public name on first use (PEP 562)."""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return a ``__getattr__`` for ``package``; ``homes`` maps each public name to its module.

    This keeps ``import crawler`` cheap: a parse worker does not import an event loop, and a pytest
    run that does not use the crawler does not import it.
    """

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return get
