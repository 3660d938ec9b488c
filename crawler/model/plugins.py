"""Finds parts by their names: in our tables, and as entry points of installed packages.

``importlib.metadata`` takes 9 ms to import, and a run with built-in parts does not need it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def entry_point(group: str, name: str) -> "EntryPoint | None":
    """Return the entry point ``name`` of ``group``, or None if no installed package has it."""
    from importlib.metadata import entry_points

    return next(iter(entry_points(group=group, name=name)), None)


def entry_point_names(group: str) -> set[str]:
    """Return the names of the entry points of ``group`` in all installed packages."""
    from importlib.metadata import entry_points

    return entry_points(group=group).names


def load(place: str) -> Any:
    """Return what ``place``, a ``module:name``, names. Raises ImportError, AttributeError."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
