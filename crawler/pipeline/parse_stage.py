"""Passes responses to the parse executor, and processes its pages and links."""

from collections import deque
from collections.abc import Callable

import msgspec

from crawler.frontier.state.store_thread import StoreThread
from crawler.frontier.ticket import EntryTicket
from crawler.model.callbacks import Fail, Wake
from crawler.model.errors import FetchError
from crawler.model.events import CacheFailed, Counted, Event, Finished, LinksCut
from crawler.parsing.batch import Outcome, Results, Task
from crawler.parsing.executors.base import ParseExecutor
from crawler.pipeline.final_states import FinalStates
from crawler.pipeline.intake import Intake

Failed = Callable[[EntryTicket, FetchError], None]


class _AwaitingLinks(msgspec.Struct, frozen=True):
    """Results whose links were given to the state, as the last of its first ``links`` links."""

    results: Results
    links: int


class ParseStage:
    """Submits tasks to the executor, writes the resulting pages and follows their links.

    ``parsing`` is the number of entries at the executor, ``done`` that of the pages of all
    sessions, ``mean_links`` that of the new links of a page, on average.
    """

    def __init__(
        self,
        executor: ParseExecutor,
        store: StoreThread,
        intake: Intake,
        final_states: FinalStates,
        observe: Callable[[Event], None],
    ) -> None:
        self._executor = executor
        self._store = store
        self._intake = intake
        self._final_states = final_states
        self._observe = observe
        self._tickets: dict[int, EntryTicket] = {}
        self._is_open = False
        self._arrived: deque[Results] = deque()
        self._followed: deque[_AwaitingLinks] = deque()
        self.done = store.done
        self.mean_links = 0.0

    @property
    def parsing(self) -> int:
        return len(self._tickets)

    @property
    def is_holding(self) -> bool:
        """Whether pages wait until the state has entered the links of earlier pages."""
        return not self._store.has_room

    def start(self, failed: Failed, wake: Wake, fail: Fail) -> None:
        """``failed`` receives a page that cannot be parsed; ``wake`` is called after each batch."""
        self._failed = failed
        self._wake = wake
        self._is_open = True
        self._executor.start(self._deliver, fail)

    def stop(self) -> None:
        """Ignore all further results."""
        self._is_open = False

    def submit(self, ticket: EntryTicket, task: Task) -> None:
        self._tickets[ticket.entry.id] = ticket
        self._executor.submit(task)

    def _deliver(self, results: Results) -> None:
        self._arrived.append(results)
        self.proceed()

    def proceed(self) -> None:
        """Follow and finish results, as far as the state has room for links and has entered them.

        While it has no room, the executor is held.
        """
        while self._is_open and self._arrived and self._store.has_room:
            results = self._arrived.popleft()
            self._follow(results)
            self._followed.append(_AwaitingLinks(results, self._store.links_sent))
        while self._is_open and self._followed:
            if not self._store.has_entered(self._followed[0].links):
                break
            self._finish(self._followed.popleft().results)
        if self._store.has_room:
            self._executor.release()
        else:
            self._executor.hold()

    def _follow(self, results: Results) -> None:
        for outcome in results.outcomes:
            links = len(outcome.links) + len(outcome.trapped)
            self.mean_links += (links - self.mean_links) / 4
            if links:
                ticket = self._tickets[outcome.id]
                entry = ticket.entry
                # If an input URL was redirected, its crawl begins at the target.
                seed = entry.seed if entry.depth else ticket.url
                depth, trapped = entry.depth + 1, outcome.trapped
                self._intake.follow(outcome.links, depth, seed, trapped, ticket.url)

    def _finish(self, results: Results) -> None:
        """Write the pages, and give their entries the final state.

        Their links were entered before, so no commit has a page without its links. All pages are
        finished in one iteration of the loop, so none has a record without its final state.
        """
        self._final_states.write(results.chunks)
        done = size = cached = 0
        for outcome in results.outcomes:
            ticket = self._tickets.pop(outcome.id)
            if outcome.error is not None:
                self._failed(ticket, FetchError(outcome.error, outcome.message))
                continue
            done += 1
            size += outcome.bytes
            cached += outcome.cached
            self._count(outcome, ticket.url)
            self._final_states.page(ticket.entry, outcome.digest)
        self.done += done
        self._store.count(bytes=size)
        self._observe(Finished(done, body_bytes=size, parse_cpu=results.cpu, cached=cached))
        if results.trouble:
            self._observe(CacheFailed(results.trouble))
        self._wake()

    def _count(self, outcome: Outcome, url: str) -> None:
        filtered = outcome.filtered + outcome.cut
        if filtered:
            self._store.count(filtered=filtered)
            self._observe(Counted(filtered=filtered))
        if outcome.cut:
            self._observe(LinksCut(url, outcome.cut))
