"""One run of a comparison: a crawl like that of ``crawler crawl``, in a process of its own."""

import os
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from crawler.app.execute import run
from crawler.app.standard_streams import prepare
from crawler.localweb.replay import replaying
from crawler.localweb.replay_messages import Ready
from crawler.model.errors import CrawlerError, UsageError
from crawler.parsing.executors.registry import prestarted
from crawler.settings import load


class RunJob(msgspec.Struct, frozen=True):
    """Flags (by field name), ``--config`` and variables of the crawl, and the replay, if any.

    Source ``-`` is read from standard input. ``parent`` is the reading end of a pipe; only the
    parent process has the other end, and keeps it open for as long as it needs the run.
    """

    flags: dict[str, Any]
    config: str | None = None
    replay: Ready | None = None
    parent: int | None = None
    variables: dict[str, str] = {}


def main() -> int:
    """Run the job in the file that the first argument names; returns the crawl's exit code."""
    prepare()
    try:
        return crawl_job()
    except CrawlerError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, UsageError) else 1


def crawl_job() -> int:
    job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=RunJob)
    if job.parent is not None:
        threading.Thread(target=end_with, args=(job.parent,), daemon=True).start()
    settings = load(job.flags, job.variables, job.config)
    with ExitStack() as stack:
        if job.replay is not None:
            stack.enter_context(replaying(job.replay))
        return run(settings, stack.enter_context(prestarted(settings.parse)))


def end_with(parent: int) -> None:
    """Kill this process when the parent has died: nobody needs its results."""
    os.read(parent, 1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
