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
from crawler.fetch.network import mocking
from crawler.localweb.replay import ReplayNetwork
from crawler.localweb.replay_messages import Ready
from crawler.model.errors import CrawlerError, UsageError
from crawler.parsing.executors.registry import prestarted
from crawler.settings import load


class RunJob(msgspec.Struct, frozen=True):
    """Flags (by field name) and ``--config`` of the crawl, and the web to ask, if not the real one.

    What ``-`` among its sources stands for comes on standard input. The other end of ``parent`` is
    open, in the parent alone, as long as the run is wanted.
    """

    flags: dict[str, Any]
    config: str | None = None
    replay: Ready | None = None
    parent: int | None = None


def main() -> int:
    """Run the job in the file that the first argument names; gives the exit code of the crawl."""
    try:
        return crawl_as_asked()
    except CrawlerError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, UsageError) else 1


def crawl_as_asked() -> int:
    job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=RunJob)
    if job.parent is not None:
        threading.Thread(target=end_with, args=(job.parent,), daemon=True).start()
    settings = load(job.flags, os.environ, job.config)
    with ExitStack() as stack:
        if job.replay is not None:
            stack.enter_context(mocking(ReplayNetwork(job.replay)))
        processes = prestarted(settings.parse, settings.parse_workers)
        return run(settings, stack.enter_context(processes))


def end_with(parent: int) -> None:
    """End at once when the parent has died: nobody will read what this run finds."""
    os.read(parent, 1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
