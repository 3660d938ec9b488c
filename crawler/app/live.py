"""What lets an operator follow a crawl that runs: its log, and its figures for Prometheus."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from logging import Handler
from pathlib import Path

from crawler.app.assemble import Crawl
from crawler.app.run_dir import Run
from crawler.frontier.state.status import last_commit
from crawler.model.callbacks import Fail
from crawler.reporting.live.logs import Console, LogFile, written_to
from crawler.runs.layout import STATE
from crawler.settings import Settings


def logging_of(
    settings: Settings, console: Console | None, fail: Fail
) -> AbstractContextManager[None]:
    """Where log records go while the context lasts: a program has a ``console`` for them.

    Without one (another program uses us) they are that program's, unless something was asked for.
    ``fail`` is told that they can be written no more. Raises StateError.
    """
    if console is None and not (settings.log or settings.log_file or settings.log_json):
        return nullcontext()
    if settings.log_file is not None:
        handler: Handler = LogFile(Path(settings.log_file), fail)
    else:
        handler = console or Console(sys.stderr)
    return written_to(handler, settings.log_level, as_json=settings.log_json)


@contextmanager
def metrics_of(run: Run, crawl: Crawl) -> Iterator[str | None]:
    """Serve them while the context lasts, if asked to; yields the URL. Raises UsageError."""
    if run.settings.metrics_port is None:
        yield None
        return
    # Imported for who asks for it only: it brings an HTTP server along.
    from crawler.reporting.live.prometheus import Queues, RunCollector, resident, serving

    def queues() -> Queues:
        return Queues(
            crawl.executor.waiting,
            crawl.executor.waiting_bytes,
            crawl.outputs.waiting_bytes,
            last_commit(run.directory / STATE),
            resident(crawl.executor.pids),
        )

    with serving(RunCollector(crawl.meter.figures, queues), run.settings.metrics_port) as url:
        yield url
