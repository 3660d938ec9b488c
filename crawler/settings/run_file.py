"""The text of a run's settings file, and the check that it is complete."""

from collections.abc import Mapping

import msgspec

from crawler.model.errors import UsageError

_FIRST = "# The settings of this run. They are complete if the last line is: # end"
_LAST = "# end"


def settings_text(values: Mapping[str, object]) -> str:
    """Return ``values`` by name as TOML, with a mark at the end."""
    options = (
        # For the types of the options, a JSON value is also a TOML value.
        f"{name} = {msgspec.json.encode(value, enc_hook=str).decode()}"
        for name, value in values.items()
    )
    return "\n".join([_FIRST, *options, _LAST, ""])


def check_complete(path: str, text: str) -> None:
    """Raises UsageError if ``text`` at ``path`` is empty or has lost its end (a loss of power).

    A file that an earlier version wrote has no marks, and cannot be checked.
    """
    is_marked = text.startswith(f"{_FIRST}\n")
    is_begun = not _FIRST.startswith(text.strip("\0\n"))
    if text.endswith(f"\n{_LAST}\n") if is_marked else is_begun:
        return
    raise UsageError(
        f"{path}: is empty or has lost its end, so the options of the run are not known: restore "
        "this file, or start a new crawl in another directory; the records of this one are kept"
    )
