"""The synthetic web as a program: in the foreground for people, or as a child process."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self, TextIO

import msgspec

from crawler.localweb.process import Child, allow_many_sockets, wait_for_parent
from crawler.localweb.server import serve
from crawler.localweb.synthetic import SyntheticHandler, SyntheticWeb
from crawler.model.errors import CrawlerError


class SiteOptions(msgspec.Struct, frozen=True):
    """The web to serve: ``pages`` in total, the median ``latency_ms``; ``port`` 0: a free one."""

    pages: int = 1000
    hosts: int = 8
    latency_ms: float = 50
    seed: int = 1
    faults: bool = False
    port: int = 0


def run_site(options: SiteOptions, out: TextIO) -> None:
    """Serve in the foreground, on the main thread, until SIGINT or SIGTERM.

    Writes its address to ``out``. Raises UsageError for invalid options, OSError if the port is in
    use.
    """
    web = _web(options)

    def ready(port: int) -> None:
        base = f"http://{web.addresses[0]}:{port}/"
        out.write(f"{options.pages} pages on {options.hosts} hosts; first page: {base}\n")
        out.write(f"List of all URLs: {base}urls.txt\n")
        out.flush()

    _serve(web, options.port, ready)


class SiteProcess:
    """The same in a child process, until the context or this process ends.

    Raises UsageError for invalid options; entering raises CrawlerError if it did not start.
    """

    def __init__(self, options: SiteOptions) -> None:
        self._options = options
        self._web = _web(options)
        self._stack = ExitStack()
        self.port = options.port
        self.urls: list[str] = []

    @property
    def list_text(self) -> str:
        """All URLs, one per line."""
        return "".join(f"{url}\n" for url in self.urls)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._child = stack.enter_context(Child(__spec__.name, self._options))
            line = self._child.line()
            if not line:
                raise CrawlerError("the synthetic web did not start; see standard error")
            self._stack = stack.pop_all()
        self.port = int(line)
        self.urls = self._web.urls(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def main() -> None:
    """Run as the child: options are the first argument, port goes to stdout; ends with stdin."""
    options = msgspec.json.decode(sys.argv[1], type=SiteOptions)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def ready(port: int) -> None:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    _serve(_web(options), options.port, ready)


def _end_with_parent() -> None:
    """End when the pipe ends: the parent closed it or was killed."""
    wait_for_parent()
    os.kill(os.getpid(), signal.SIGTERM)


def _web(options: SiteOptions) -> SyntheticWeb:
    return SyntheticWeb(
        options.hosts, options.pages, options.seed, options.latency_ms / 1e3, options.faults
    )


def _serve(web: SyntheticWeb, port: int, ready: Callable[[int], None]) -> None:
    allow_many_sockets()  # one per host and one per connection
    serve(SyntheticHandler(web), addresses=web.addresses, port=port, ready=ready)


if __name__ == "__main__":
    main()
