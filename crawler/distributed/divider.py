"""Divides the input: each line goes to the shard of its host, by a log that shards read."""

import threading
from collections.abc import Mapping
from contextlib import ExitStack

import msgspec

from crawler.app.input_rights import rights_to_share
from crawler.app.resume import INPUT, how_far
from crawler.app.run_dir import Run
from crawler.distributed.origins import OriginsFile
from crawler.distributed.outbox import Letters
from crawler.distributed.partition import owner
from crawler.model.callbacks import Fail, Wake
from crawler.runs.layout import INPUT_LOG, ORIGINS
from crawler.runs.shards import SENT, numbers
from crawler.sinks.file import FileWriter
from crawler.sources import InputLine, SourceReader
from crawler.sources.input_line import RawLines

MOST_LINES = 20_000
"""Lines of one commit."""


class Divided(msgspec.Struct, frozen=True):
    """How far the input is divided.

    ``sent`` has the records by shard, ``log`` the length of their log in bytes; ``has_ended`` if
    there will be no more.
    """

    sent: Mapping[int, int] = {}
    log: int = 0
    has_ended: bool = False


class Divider:
    """Divides the lines of a run between ``count`` shards, on a thread of its own."""

    def __init__(self, run: Run, lines: RawLines, count: int) -> None:
        """The lines that an earlier session has divided are passed over. Raises StateError."""
        facts, store = run.store.facts, run.store
        self._store = store
        self._count = count
        with ExitStack() as undo:
            self._log = FileWriter(run.directory / INPUT_LOG, resumed=run.resumed)
            undo.callback(self._log.close)
            if run.resumed:
                self._log.cut(store.offsets.get(INPUT_LOG, 0))
            self._origins = OriginsFile(run.directory / ORIGINS)
            undo.pop_all()
        known, of_sources = self._origins.found, run.store.logins()
        for place, userinfo in of_sources.items():
            if known.logins.get(place) != userinfo:
                self._origins.remember_login(place, userinfo)
        logins = {**known.logins, **of_sources}
        self._rights = rights_to_share(run.settings, self._origins, known.names, logins)
        sent = numbers(facts.get(SENT, "{}"))
        self._letters = Letters(self._log.append, sent)
        self._source: SourceReader[InputLine] = SourceReader(lines, store.counts.taken)
        self._room = threading.Event()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._work, name="crawler-divider", daemon=True)
        self.standing = Divided(sent, store.offsets.get(INPUT_LOG, 0))

    def start(self, wake: Wake, fail: Fail) -> None:
        """``wake`` is called when more is divided, ``fail`` with an error, on other threads."""
        self._wake = wake
        self._fail = fail
        self._source.start(self._room.set, self._fail_soon)
        self._thread.start()

    def stop(self) -> None:
        """Divide no more lines; what was divided is committed when this returns."""
        self._is_stopped = True
        self._source.stop()
        self._room.set()
        if self._thread.is_alive():
            self._thread.join()
        self._log.close()
        self._origins.close()

    def _fail_soon(self, error: Exception) -> None:
        self._is_stopped = True
        self._fail(error)
        self._room.set()

    def _work(self) -> None:
        try:
            while not self._is_stopped and not self.standing.has_ended:
                self._room.wait()
                self._room.clear()
                self._divide()
        except Exception as error:  # noqa: BLE001 - whatever it is, the crawl must end
            self._fail(error)

    def _divide(self) -> None:
        """Divide what there is, in commits of a bounded size."""
        while not self._is_stopped:
            taken = 0
            while taken < MOST_LINES and (lines := self._source.take()):
                for line in lines:
                    self._send(line)
                taken += len(lines)
            if taken or self._source.exhausted:
                self._commit(taken)
            if taken < MOST_LINES:
                return

    def _send(self, line: InputLine) -> None:
        if not line.url and not line.wrong:
            return
        if line.wrong is None:
            self._rights.accept(line)
        # The login is in the file of origins, which is kept apart.
        sent = msgspec.structs.replace(line, userinfo=None) if line.userinfo else line
        self._letters.add(owner(line.url, self._count), sent)

    def _commit(self, lines: int) -> None:
        """First the files, then the state that refers to them."""
        sent = self._letters.flush()
        self._origins.commit()
        length = self._log.commit()
        has_ended = self._source.exhausted
        self._store.add((), lines)
        state = how_far(self._source, is_read=has_ended)
        facts = {SENT: msgspec.json.encode(sent).decode(), INPUT: state}
        self._store.commit({INPUT_LOG: length}, facts)
        self.standing = Divided(sent, length, has_ended)
        self._wake()
