"""Passes responses to the parse executor, and processes its pages and links."""

from collections.abc import Callable

from crawler.frontier.state.store_thread import StoreThread
from crawler.frontier.ticket import EntryTicket
from crawler.model.callbacks import Fail, Wake
from crawler.model.errors import FetchError
from crawler.model.events import Counted, Event, Finished
from crawler.parsing.batch import Outcome, Results, Task
from crawler.parsing.executors.base import ParseExecutor
from crawler.pipeline.final_states import FinalStates
from crawler.pipeline.intake import Intake

Failed = Callable[[EntryTicket, FetchError], None]


class ParseStage:
    """Submits tasks to the executor, writes the resulting pages and follows their links.

    ``parsing`` is the number of entries at the executor, ``done`` that of the pages of all
    sessions.
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
        self.done = store.done

    @property
    def parsing(self) -> int:
        return len(self._tickets)

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
        if not self._is_open:
            return
        self._final_states.write(results.chunks)
        done = size = 0
        for outcome in results.outcomes:
            ticket = self._tickets.pop(outcome.id)
            if outcome.error is not None:
                self._failed(ticket, FetchError(outcome.error, outcome.message))
                continue
            done += 1
            size += outcome.bytes
            self._follow(outcome, ticket)
            self._final_states.page(ticket.entry, outcome.digest)
        self.done += done
        self._store.count(bytes=size)
        self._observe(Finished(done, body_bytes=size, parse_cpu=results.cpu))
        self._wake()

    def _follow(self, outcome: Outcome, ticket: EntryTicket) -> None:
        entry = ticket.entry
        if outcome.links or outcome.trapped:
            # If an input URL was redirected, its crawl begins at the target.
            seed = entry.seed if entry.depth else ticket.url
            self._intake.follow(outcome.links, entry.depth + 1, seed, outcome.trapped, ticket.url)
        if outcome.filtered:
            self._store.count(filtered=outcome.filtered)
            self._observe(Counted(filtered=outcome.filtered))
