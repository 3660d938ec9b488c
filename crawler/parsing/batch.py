"""Parses a batch of responses: bytes for the sinks, and results for the frontier.

This is the work of one parse worker, which may be a process, a thread or the fetch thread.
"""

import time
from collections.abc import Iterable, Sequence

import msgspec

from crawler.model.errors import FailureKind, FetchError
from crawler.model.pages import Link
from crawler.parsing.job import Job, ParseOptions
from crawler.parsing.page import PageParser
from crawler.sinks.base import Encoder

RECENT_LINKS = 200_000
"""Number of reported link keys that a worker remembers (about 15 MB)."""
MOST_RESULT_BYTES = 4 << 20
"""Results end with the page that makes them this large: they wait in the memory of the parent."""


class Task(msgspec.Struct, frozen=True, array_like=True):
    """A response for a worker; ``body`` is as received."""

    job: Job
    body: bytes


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """The result of job ``id``: a page of ``bytes`` decoded bytes, or ``error`` and ``message``.

    ``links`` are links to follow that this worker has not reported before. ``filtered`` is the
    number of links out of scope or too deep, ``cut`` that of links beyond the limits of a page.
    ``trapped`` are links that look like traps, with the reason. ``digest`` is the first 64 bits of
    the page's digest, as a signed number. ``cached``: it was not parsed, see ``Parsed``.
    """

    id: int
    links: tuple[Link, ...] = ()
    filtered: int = 0
    bytes: int = 0
    error: FailureKind | None = None
    message: str = ""
    digest: int | None = None
    trapped: tuple[tuple[Link, str], ...] = ()
    cut: int = 0
    cached: bool = False


class Results(msgspec.Struct, frozen=True, array_like=True):
    """The results of a batch: one outcome per job, and the encoded pages for each sink.

    The last jobs of the batch have no outcome if the results were large enough without them: parse
    them again. ``cpu`` is CPU time in seconds, without that of the fetch thread. ``trouble`` says
    why a worker does not use the cache from now on.
    """

    outcomes: tuple[Outcome, ...]
    chunks: tuple[bytes, ...]
    cpu: float = 0.0
    trouble: str = ""


class BatchParser:
    """Parses batches, and remembers a limited number of links that it has reported."""

    def __init__(self, options: ParseOptions, encoders: Sequence[Encoder]) -> None:
        self._reported: set[int] = set()
        self._parser = PageParser(options, self._reported)
        self._encoders = tuple(encoders)

    def run(self, tasks: Iterable[Task]) -> Results:
        """Parse ``tasks`` in order, at least one; ``cpu`` is not measured (0)."""
        chunks: list[list[bytes]] = [[] for _ in self._encoders]
        outcomes: list[Outcome] = []
        size = 0
        for task in tasks:
            outcomes.append(self.one(task, chunks))
            size += _size(outcomes[-1], chunks)
            if size >= MOST_RESULT_BYTES:
                break
        joined = tuple([b"".join(parts) for parts in chunks])
        return Results(tuple(outcomes), joined, trouble=self._parser.flush())

    def run_timed(self, tasks: Iterable[Task]) -> Results:
        """Like ``run``, with the CPU time of the calling thread. Costs some microseconds more."""
        started = time.thread_time()
        results = self.run(tasks)
        return msgspec.structs.replace(results, cpu=time.thread_time() - started)

    def one(self, task: Task, chunks: list[list[bytes]]) -> Outcome:
        try:
            parsed = self._parser.parse(task.job, task.body)
        except FetchError as error:
            return Outcome(task.job.id, error=error.kind, message=error.message)
        try:
            encoded = [encoder.encode(parsed.page) for encoder in self._encoders]
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - an encoder may be the user's
            message = f"an output could not encode the page: {type(error).__name__}: {error}"
            return Outcome(task.job.id, error=FailureKind.PARSE, message=message)
        for piece, parts in zip(encoded, chunks, strict=True):
            parts.append(piece)
        digest = int.from_bytes(bytes.fromhex(parsed.page.digest[:16]), signed=True)
        follow, trapped = parsed.follow, parsed.trapped
        if follow or trapped:
            follow = tuple([link for link in follow if self._is_fresh(link)])
            trapped = tuple([pair for pair in trapped if self._is_fresh(pair[0])])
        return Outcome(
            task.job.id,
            follow,
            parsed.filtered,
            parsed.page.bytes,
            digest=digest,
            trapped=trapped,
            cut=parsed.cut,
            cached=parsed.cached,
        )

    def _is_fresh(self, link: Link) -> bool:
        """Whether this worker has not reported ``link`` before, as far as it remembers."""
        reported = self._reported
        if link.key in reported:
            return False
        if len(reported) >= RECENT_LINKS:
            reported.clear()
        reported.add(link.key)
        return True


def _size(outcome: Outcome, chunks: Sequence[Sequence[bytes]]) -> int:
    """The bytes of the newest page: its record in each of ``chunks``, and its links."""
    size = 0 if outcome.error else sum([len(parts[-1]) for parts in chunks])
    if outcome.links or outcome.trapped:
        size += sum([len(link.url) for link in outcome.links])
        size += sum([len(link.url) for link, _ in outcome.trapped])
    return size
