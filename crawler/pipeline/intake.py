"""Input and links → entries, by way of the ledger; and entries that wait on disk → the frontier."""

import time
from collections.abc import Callable, Iterable, Sequence

import msgspec

from crawler.frontier.entry import Candidate, Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.memory_window import PART
from crawler.frontier.quota import Quota
from crawler.frontier.state.store_thread import StoreThread
from crawler.model.errors import FailureKind, FetchError, SkipError, SkipReason
from crawler.model.events import Counted, Event
from crawler.model.pages import Link
from crawler.model.scope import Strip
from crawler.model.urls import authority, key
from crawler.sources import InputLine, Source


class EntryRules(msgspec.Struct, frozen=True):
    """What every URL comes in by.

    ``accept`` is told every good line of the input before its URL is asked for, ``strip`` leaves
    parameters out of it, ``quota`` bounds how many links are followed to one host.
    """

    accept: Callable[[InputLine], None]
    strip: Strip
    quota: Quota


class Intake:
    """What may become an entry is asked of the ledger, and comes back by ``entered``.

    ``observe`` is told what came in. An input line that cannot be fetched is an entry too, one that
    has failed: ``reject`` is told. ``arrived`` is called when there is more to fetch.
    """

    def __init__(
        self,
        source: Source,
        ledger: StoreThread,
        frontier: Frontier,
        gate: EntryRules,
        observe: Callable[[Event], None],
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._frontier = frontier
        self._gate = gate
        self._observe = observe
        self.reject: Callable[[Entry, FetchError | SkipError], None]
        self.arrived: Callable[[], None]
        ledger.entered = self._entered
        ledger.loaded = self._loaded

    @property
    def is_dry(self) -> bool:
        """Whether nothing more will come in of itself."""
        return self._source.exhausted and not self._ledger.is_busy

    def read(self) -> None:
        """Take more of the input, unless there is still some on its way."""
        if self._ledger.is_entering:
            return
        lines = self._source.take()
        if lines:
            self._ledger.enter([self._new(line) for line in lines], len(lines))

    def _new(self, line: InputLine) -> Candidate:
        if line.wrong is not None:
            return self._place(line.url, key(line.url), 0, None, _row(line), _wrong(line))
        self._gate.accept(line)
        url = self._gate.strip.apply(line.url)
        return self._place(url, key(url), 0, None, _row(line))

    def follow(
        self,
        links: Iterable[Link],
        depth: int,
        seed: str,
        trapped: Iterable[tuple[Link, str]] = (),
    ) -> None:
        """Links worth following, found on a page, and traps, with why; ``depth`` is theirs."""
        knows = self._ledger.knows
        news = [
            self._place(link.url, link.key, depth, seed) for link in links if not knows(link.key)
        ]
        news += [
            self._place(link.url, link.key, depth, seed, None, f"{SkipReason.TRAP} {why}")
            for link, why in trapped
            if not knows(link.key)
        ]
        if news:
            self._ledger.enter(news)

    def _place(
        self,
        url: str,
        identity: int,
        depth: int,
        seed: str | None,
        row: str | None = None,
        wrong: str | None = None,
    ) -> Candidate:
        host = "" if wrong is not None else authority(url)
        spilled = not self._frontier.heads.place(host)
        identifier = self._ledger.new_id()
        return Candidate(identifier, identity, url, host, depth, seed, spilled, row, wrong)

    def _entered(self, new: Sequence[Candidate], known: Sequence[Candidate]) -> None:
        heads = self._frontier.heads
        for each in known:
            if not each.spilled:
                heads.drop(each.host)
        for each in new:
            if each.spilled:
                heads.left(each.host)
        inputs = sum(not each.depth for each in new)
        duplicates = sum(not each.depth for each in known)
        self._observe(Counted(inputs, duplicates, len(new) - inputs))
        self._frontier.entered([each.depth for each in new])
        self._loaded([each.entry() for each in new if not each.spilled])

    def feed(self) -> None:
        """Bring from disk what the frontier needs next."""
        hosts = self._frontier.heads.load()
        if hosts:
            self._ledger.load(hosts, PART)

    def _loaded(self, entries: Sequence[Entry]) -> None:
        judged = [(entry, self._judge(entry)) for entry in entries]
        good = [entry for entry, wrong in judged if wrong is None]
        self._frontier.add(good, time.monotonic())
        for entry, wrong in judged:
            if wrong is not None:
                self.reject(entry, wrong)
        self.arrived()

    def _judge(self, entry: Entry) -> FetchError | SkipError | None:
        """Why ``entry`` is not to be asked for."""
        if entry.wrong is not None:
            return _why(entry.wrong)
        quota = self._gate.quota
        why = quota.reason(entry.host) if entry.depth else None
        if why is not None:
            return SkipError(SkipReason.TRAP, why)
        quota.add(entry.host)
        return None


def _row(line: InputLine) -> str | None:
    """What stood beside a URL in its table, as JSON, with its line number."""
    if line.row is None:
        return None
    return msgspec.json.encode({"line": line.line, **line.row}).decode()


def _wrong(line: InputLine) -> str | None:
    """What is wrong with a line, as an entry keeps it: kind or reason, and the message."""
    return None if line.wrong is None else f"{line.skip or line.error} {line.wrong}"


def _why(wrong: str) -> FetchError | SkipError:
    name, _, message = wrong.partition(" ")
    if name in set(SkipReason):
        return SkipError(SkipReason(name), message)
    return FetchError(FailureKind(name), message)
