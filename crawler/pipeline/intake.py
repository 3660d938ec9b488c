"""Turns input lines and links into entries with the store, and loads entries for the frontier."""

import time
from collections.abc import Callable, Iterable, Sequence

import msgspec

from crawler.fetch.addresses import Refuse, refuse_nothing
from crawler.frontier.entry import (
    INPUT,
    LINK,
    Candidate,
    Continuation,
    Entry,
    Wrong,
    next_url,
)
from crawler.frontier.frontier import Frontier
from crawler.frontier.quota import Quota
from crawler.frontier.state.store_thread import StoreThread
from crawler.frontier.ticket import EntryTicket
from crawler.model.callbacks import Wake
from crawler.model.errors import FetchError, SkipError, SkipReason
from crawler.model.events import Counted, Event
from crawler.model.pages import Link
from crawler.model.scope import Strip
from crawler.model.urls import host_name, key
from crawler.pipeline.outbox import Outbox
from crawler.pipeline.source import Source
from crawler.sources import InputLine

_FoundLink = tuple[Link, Wrong | None]


class EntryRules(msgspec.Struct, frozen=True):
    """Checks applied to every URL before it becomes an entry.

    ``accept`` is called with every valid input line before its URL is requested. ``strip`` removes
    query parameters from the URL. ``quota`` limits the links that are followed to one host.
    ``refuse`` judges links and the lines of a sitemap by the page where they were found.
    """

    accept: Callable[[InputLine], None]
    strip: Strip
    quota: Quota
    refuse: Refuse = refuse_nothing


class Intake:
    """Enters URLs into the store; those that are new go to the frontier.

    ``observe`` receives the counts. An entry that cannot be fetched goes to ``reject``. ``wake`` is
    called when there is more to fetch, ``prepare`` with a URL that will be requested soon. What
    another shard fetches goes to ``outbox``.
    """

    def __init__(
        self,
        source: Source,
        store: StoreThread,
        frontier: Frontier,
        rules: EntryRules,
        observe: Callable[[Event], None],
        reject: Callable[[Entry, FetchError | SkipError], None],
        wake: Wake,
        prepare: Callable[[str], None],
        outbox: Outbox | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._store = store
        self._frontier = frontier
        self._rules = rules
        self._observe = observe
        self._reject = reject
        self._wake = wake
        self._outbox = outbox
        self._prepare = prepare
        self._clock = clock

    @property
    def is_dry(self) -> bool:
        """Whether the input and the store have no more entries for the frontier."""
        return self._source.exhausted and not self._store.is_busy

    def read(self) -> None:
        """Take more lines of the input, unless the store is still entering earlier ones."""
        if self._store.is_entering:
            return
        lines = self._source.take()
        if lines:
            found = [each for line in lines if (each := self._taken(line)) is not None]
            self._store.enter(found, len(lines))

    def _taken(self, line: InputLine | Candidate) -> Candidate | None:
        """The candidate of ``line``; None for one that is blank or for another shard."""
        if isinstance(line, Candidate):
            return self._arrived(line)
        if not line.url and not line.wrong:
            return None
        if self._outbox is not None and self._outbox.is_foreign(line.url):
            self._outbox.send(line)
            return None
        return self._from_line(line)

    def _from_line(self, line: InputLine) -> Candidate:
        if line.wrong is not None:
            return self._candidate(line.url, key(line.url), 0, None, _row(line), _wrong(line))
        self._rules.accept(line)
        url = self._rules.strip.apply(line.url)
        wrong = None if line.found_at is None else self._refused(line.found_at, url)
        return self._candidate(url, key(url), 0, None, _row(line), wrong)

    def follow(
        self,
        links: Iterable[Link],
        depth: int,
        seed: str,
        trapped: Iterable[tuple[Link, str]] = (),
        found_at: str | None = None,
    ) -> None:
        """Enter the ``links`` of a page, which will have this ``depth``.

        ``found_at`` is the URL of the page, by default ``seed``.

        Each of ``trapped`` has the reason why the link looks like a crawler trap.
        """
        knows, page = self._store.knows, found_at or seed
        found = [(link, self._refused(page, link.url)) for link in links if not knows(link.key)] + [
            (link, Wrong(None, SkipReason.TRAP, why))
            for link, why in trapped
            if not knows(link.key)
        ]
        if self._outbox is not None:
            found = self._sorted_out(found, depth, seed, self._outbox)
        if found:
            self._store.enter(
                [
                    self._candidate(link.url, link.key, depth, seed, None, wrong)
                    for link, wrong in found
                ]
            )

    def _sorted_out(
        self, found: Iterable[_FoundLink], depth: int, seed: str, outbox: Outbox
    ) -> list[_FoundLink]:
        """Send the links of other shards; return the others."""
        own = []
        for link, wrong in found:
            if outbox.is_foreign(link.url):
                outbox.send(Candidate(0, link.key, link.url, "", depth, seed, 0, None, wrong))
            else:
                own.append((link, wrong))
        return own

    def hand_over(self, ticket: EntryTicket, url: str, not_before: float) -> str | None:
        """``ticket`` was redirected to ``url``: if another shard fetches that, it continues there.

        ``not_before`` is that of a ``Continuation``. Returns what the entry was found by, or None
        if it stays here.
        """
        if self._outbox is None or not self._outbox.is_foreign(url):
            return None
        entry, hops = ticket.entry, ticket.hops + 1
        # Every way that leads to a shard is an entry of its own there, also one that returns.
        identity = key(f"{url} {hops} {entry.url}")
        seed = entry.seed if entry.depth else None
        after = Continuation(url, hops, ticket.attempt, ticket.unanswered, not_before)
        self._outbox.send(
            Candidate(0, identity, entry.url, "", entry.depth, seed, 0, entry.row, None, after)
        )
        return LINK if entry.depth else INPUT

    def _refused(self, found_at: str, url: str) -> Wrong | None:
        refusal = self._rules.refuse(found_at, url)
        return None if refusal is None else Wrong(None, refusal.reason, refusal.message)

    def _candidate(
        self,
        url: str,
        identity: int,
        depth: int,
        seed: str | None,
        row: str | None = None,
        wrong: Wrong | None = None,
    ) -> Candidate:
        host = "" if wrong is not None else host_name(url)
        spilled = not self._frontier.window.place(host)
        identifier = self._store.new_id()
        return Candidate(identifier, identity, url, host, depth, seed, spilled, row, wrong)

    def _arrived(self, sent: Candidate) -> Candidate:
        """A candidate of another shard, which has no id and no host yet."""
        host = "" if sent.wrong is not None else host_name(next_url(sent))
        spilled = not self._frontier.window.place(host)
        identifier = self._store.new_id()
        return msgspec.structs.replace(sent, id=identifier, host=host, spilled=spilled)

    def entered(self, new: Sequence[Candidate], known: Sequence[Candidate]) -> None:
        """The store has entered ``new``; the keys of ``known`` were already entered."""
        window = self._frontier.window
        for each in known:
            if not each.spilled:
                window.drop(each.host)
        for each in new:
            if each.spilled:
                window.left(each.host)
        inputs = sum(not each.depth for each in new)
        duplicates = sum(not each.depth for each in known)
        self._observe(Counted(inputs, duplicates, len(new) - inputs))
        self._frontier.entered([each.depth for each in new])
        self.loaded([each.entry() for each in new if not each.spilled])

    def feed(self) -> None:
        """Load the entries that the frontier needs next from disk."""
        if not self._store.is_loading:
            for most, hosts in self._frontier.window.load(is_stuck=self._frontier.is_stuck).items():
                self._store.load(hosts, most)

    def loaded(self, entries: Sequence[Entry]) -> None:
        """``entries`` are in memory now: pass them to the frontier or reject them."""
        checked = [(entry, self._check(entry)) for entry in entries]
        good = [entry for entry, wrong in checked if wrong is None]
        if self._frontier.lacks_requests:  # else they wait too long
            for entry in good:
                self._prepare(entry.url)
        self._frontier.add(good, self._clock())
        for entry, wrong in checked:
            if wrong is not None:
                self._reject(entry, wrong)
        self._wake()

    def _check(self, entry: Entry) -> FetchError | SkipError | None:
        """Return why ``entry`` must not be fetched, or None."""
        if entry.wrong is not None:
            return entry.wrong.error()
        if entry.next is not None:
            return None  # it has counted where it was redirected
        quota = self._rules.quota
        why = quota.reason(entry.host) if entry.depth else None
        if why is not None:
            return SkipError(SkipReason.TRAP, why)
        quota.add(entry.host)
        return None


def _row(line: InputLine) -> str | None:
    """Return the other columns of a table line as JSON, with the line number."""
    if line.row is None:
        return None
    return msgspec.json.encode({"line": line.line, **line.row}).decode()


def _wrong(line: InputLine) -> Wrong | None:
    if line.wrong is None:
        return None
    return Wrong(None if line.skip else line.error, line.skip, line.wrong)
