"""What installed packages offer by entry points."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def entry_point(group: str, name: str) -> "EntryPoint | None":
    """What an installed package offers as ``name`` in ``group``."""
    from importlib.metadata import entry_points

    return next(iter(entry_points(group=group, name=name)), None)
