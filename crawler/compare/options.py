"""What to compare, as the user asked for it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from crawler.model.errors import UsageError
from crawler.settings import Settings, load

Parsing = tuple[str, int]
"""A parse executor and the number of its workers, 0 for one that has none."""


class CompareOptions(msgspec.Struct, frozen=True):
    """What to compare. ``flags`` (by field name) and ``config`` are those of ``crawler crawl``.

    ``concurrencies`` and ``repeat`` are at least 1. ``live``: every run uses the real sites.
    ``variables`` are those of the environment that set options.
    ``executors`` and ``workers`` are texts, to be checked; if empty, those of the settings count.
    """

    flags: dict[str, Any]
    config: str | None
    engines: tuple[str, ...]
    concurrencies: tuple[int, ...]
    repeat: int
    live: bool = False
    executors: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    variables: dict[str, str] = {}

    def settings(self, **changes: Any) -> Settings:
        """The settings with ``changes``. Raises UsageError."""
        return load({**self.flags, **changes}, self.variables, self.config)

    def common(self) -> Settings:
        """The settings with the first way to parse. Raises UsageError."""
        return self.settings(**parse_flags(*self.parsings()[0]))

    def parsings(self) -> tuple[Parsing, ...]:
        """Every executor with every number of workers, in the order given. Raises UsageError."""
        some_workers = {"workers": self.workers[0]} if self.workers else {}
        names = self.executors or (str(self.settings(**some_workers).parse),)
        if "none" in names and len(set(names)) > 1:
            raise UsageError(
                "--parse none does not parse, so its results are not those of other executors, "
                "and it cannot be compared with them"
            )
        found = tuple(dict.fromkeys(each for name in names for each in self._with_workers(name)))
        if not any(workers for _, workers in found):
            self.settings(parse=names[0], **some_workers)  # refuses a number of workers
        return found

    def _with_workers(self, name: str) -> Iterator[Parsing]:
        if not self.settings(parse=name, workers=None).parse_workers:
            yield name, 0
        elif self.workers:
            yield from ((name, self._workers(name, workers=each)) for each in self.workers)
        else:
            yield name, self._workers(name)

    def _workers(self, name: str, **changes: str) -> int:
        return self.settings(parse=name, **changes).parse_workers


def parse_flags(parse: str, workers: int) -> dict[str, Any]:
    """The flags of a crawl that parses like this."""
    return {"parse": parse, "workers": workers or None}
