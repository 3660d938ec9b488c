"""Entry points of installed packages."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def entry_point(group: str, name: str) -> "EntryPoint | None":
    """Return the entry point ``name`` of ``group``, or None if no installed package has it."""
    from importlib.metadata import entry_points

    return next(iter(entry_points(group=group, name=name)), None)
