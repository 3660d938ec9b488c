"""A batch of responses → what the sinks write and what the frontier wants to know.

This is the work of one parse worker, wherever it runs: a process, a thread or the fetch thread.
"""

import time
from collections.abc import Sequence

import msgspec

from crawler.model.errors import FailureKind, FetchError
from crawler.model.pages import Link
from crawler.parsing.job import Job, ParseOptions
from crawler.parsing.page import PageParser
from crawler.sinks.base import Encoder

RECENT_LINKS = 200_000
"""How many link keys a worker remembers having reported (about 15 MB)."""


class Task(msgspec.Struct, frozen=True, array_like=True):
    """A response on its way to a worker; the body as it came."""

    job: Job
    body: bytes


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """What became of job ``id``: a page of ``bytes`` decoded bytes, or ``error`` and ``message``.

    ``links`` are worth following and not reported by this worker before; ``filtered`` counts those
    out of scope or too deep, ``trapped`` says of links why they are traps. ``digest`` is the
    beginning of the page's, as a signed number.
    """

    id: int
    links: tuple[Link, ...] = ()
    filtered: int = 0
    bytes: int = 0
    error: FailureKind | None = None
    message: str = ""
    digest: int | None = None
    trapped: tuple[tuple[Link, str], ...] = ()


class Results(msgspec.Struct, frozen=True, array_like=True):
    """A batch done: an outcome a job, the encoded pages for each sink, and the CPU it took.

    ``cpu`` (seconds) is that of other threads and processes than the fetch thread's.
    """

    outcomes: tuple[Outcome, ...]
    chunks: tuple[bytes, ...]
    cpu: float = 0.0


class BatchParser:
    """Parses batches and remembers, bounded, which links it has reported already."""

    def __init__(self, options: ParseOptions, encoders: Sequence[Encoder]) -> None:
        self._parser = PageParser(options)
        self._encoders = tuple(encoders)
        self._reported: set[int] = set()

    def run(self, tasks: Sequence[Task]) -> Results:
        """Parse them all; ``cpu`` is left at 0."""
        chunks: list[list[bytes]] = [[] for _ in self._encoders]
        outcomes = tuple([self.one(task, chunks) for task in tasks])
        return Results(outcomes, tuple([b"".join(parts) for parts in chunks]))

    def run_timed(self, tasks: Sequence[Task]) -> Results:
        """The same, with the calling thread's CPU. Asking for that takes some microseconds."""
        started = time.thread_time()
        results = self.run(tasks)
        return msgspec.structs.replace(results, cpu=time.thread_time() - started)

    def one(self, task: Task, chunks: list[list[bytes]]) -> Outcome:
        try:
            parsed = self._parser.parse(task.job, task.body)
        except FetchError as error:
            return Outcome(task.job.id, error=error.kind, message=error.message)
        for encoder, parts in zip(self._encoders, chunks, strict=True):
            parts.append(encoder.encode(parsed.page))
        digest = int.from_bytes(bytes.fromhex(parsed.page.digest[:16]), signed=True)
        return Outcome(
            task.job.id,
            tuple([link for link in parsed.follow if self._is_fresh(link)]),
            parsed.filtered,
            parsed.page.bytes,
            digest=digest,
            trapped=tuple([pair for pair in parsed.trapped if self._is_fresh(pair[0])]),
        )

    def _is_fresh(self, link: Link) -> bool:
        """Whether this worker did not report it before, as far as it remembers."""
        reported = self._reported
        if link.key in reported:
            return False
        if len(reported) >= RECENT_LINKS:
            reported.clear()
        reported.add(link.key)
        return True
