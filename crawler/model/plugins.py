"""Finds parts by their names: in our tables, and as entry points of installed packages."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def entry_point(group: str, name: str) -> "EntryPoint | None":
    """Return the entry point ``name`` of ``group``, or None if no installed package has it."""
    from importlib.metadata import entry_points

    return next(iter(entry_points(group=group, name=name)), None)


def load(place: str) -> Any:
    """Return what ``place``, a ``module:name``, names. Raises ImportError, AttributeError."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
