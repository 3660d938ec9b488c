"""Lets an operator follow a running crawl: its log, and its metrics for Prometheus."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from logging import Handler
from pathlib import Path

from crawler.app.assemble import Crawl
from crawler.app.run_dir import Run
from crawler.frontier.state.status import last_commit
from crawler.model.callbacks import Fail
from crawler.model.secrets import Hide
from crawler.reporting.live.logs import Console, LogFile, written_to
from crawler.runs.layout import STATE
from crawler.settings import Settings

EVERY = 0.5
"""Seconds between two looks at a crawl that perhaps is blocked."""


def logging_of(
    settings: Settings, console: Console | None, fail: Fail, hide: Hide
) -> AbstractContextManager[None]:
    """Write log records as the settings say during the context, by default to ``console``.

    Without a console, in another program, its own logging applies unless a log option is set.
    ``fail`` receives the error if the log cannot be written any more. ``hide`` takes the secrets
    out of each line. Raises StateError.
    """
    if console is None and not (settings.log or settings.log_file or settings.log_json):
        return nullcontext()
    if settings.log_file is not None:
        handler: Handler = LogFile(Path(settings.log_file), fail)
    else:
        handler = console or Console(sys.stderr)
    return written_to(handler, settings.log_level, as_json=settings.log_json, hide=hide)


@contextmanager
def metrics_of(run: Run, crawl: Crawl) -> Iterator[str | None]:
    """Serve the metrics during the context if ``metrics_port`` is set; yields the URL or None.

    Raises UsageError.
    """
    if run.settings.metrics_port is None:
        yield None
        return
    # Imported only when needed: it imports an HTTP server.
    from crawler.reporting.live.prometheus import MachineFigures, RunCollector, resident, serving

    def machine() -> MachineFigures:
        return MachineFigures(last_commit(run.directory / STATE), resident(crawl.executor.pids))

    with serving(RunCollector(crawl.progress.read, machine), run.settings.metrics_port) as url:
        yield url


@contextmanager
def watched(crawl: Crawl) -> Iterator[None]:
    """Keep the figures that others see up to date, also while the run is blocked.

    Call it on the fetch thread.
    """
    ticking = asyncio.create_task(_tick(crawl))
    try:
        yield
    finally:
        ticking.cancel()
        crawl.observer.close()


async def _tick(crawl: Crawl) -> None:
    while True:
        await asyncio.sleep(EVERY)
        crawl.observer.tick(time.monotonic())
