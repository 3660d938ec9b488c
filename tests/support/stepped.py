"""A job thread whose jobs and results a test steps through one by one."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar, cast

T = TypeVar("T")


class SteppedJobs:
    """Jobs that are done one at a time: they wait in ``jobs``, and their results in ``answers``."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []
        self.answers: list[Callable[[], None]] = []

    def do(self, job: Callable[[], T], then: Callable[[T], None], _: object) -> None:
        def run() -> None:
            result = job()
            self.answers.append(lambda: then(result))

        self.jobs.append(run)

    def run(self, job: Callable[[], T]) -> Any:
        self.jobs.append(lambda: cast("None", job()))
        return _at_once()

    def close(self) -> None:
        """Nothing is open."""


class _at_once:  # noqa: N801 - an awaitable that nobody sees
    def __await__(self) -> Iterator[None]:
        return iter(())


def drive(step: Awaitable[None]) -> None:
    """Run what waits for nothing."""
    for _ in step.__await__():
        raise AssertionError("it waits")
