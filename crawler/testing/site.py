"""The synthetic web as a program: in the foreground for a person, or as a child of a test."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self, TextIO

import msgspec

from crawler.errors import CrawlerError
from crawler.testing.server import serve
from crawler.testing.synthetic import SyntheticHandler, SyntheticWeb

_EXIT_TIMEOUT = 10.0


class SiteOptions(msgspec.Struct, frozen=True):
    """What web to serve: ``pages`` in all; ``latency_ms`` is the median; ``port`` 0: a free one."""

    pages: int = 1000
    hosts: int = 8
    latency_ms: float = 50
    seed: int = 1
    faults: bool = False
    port: int = 0


def run_site(options: SiteOptions, out: TextIO) -> None:
    """Serve in the foreground, from the main thread, until SIGINT or SIGTERM.

    Says on ``out`` where. Raises UsageError if there can be no such web, OSError if the port is
    taken.
    """
    web = _web(options)

    def ready(port: int) -> None:
        base = f"http://{web.addresses[0]}:{port}/"
        out.write(f"{options.pages} pages on {options.hosts} hosts, the first at {base}\n")
        out.write(f"All their URLs, one a line: {base}urls.txt\n")
        out.flush()

    _serve(web, options.port, ready)


class SiteProcess:
    """The same in a process of its own, for as long as the context or this process lives.

    Entering raises UsageError if there can be no such web, CrawlerError if it did not start.
    """

    def __init__(self, options: SiteOptions) -> None:
        self._options = options
        self._web = _web(options)
        self.port = options.port
        self.urls: list[str] = []

    @property
    def list_text(self) -> str:
        """All URLs, one a line."""
        return "".join(f"{url}\n" for url in self.urls)

    def __enter__(self) -> Self:
        # -P and PYTHONPATH: found where this process found it, whatever the current directory is.
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._process = subprocess.Popen(  # noqa: S603 (our own module, nothing of a user's)
            [
                sys.executable,
                "-P",
                "-m",
                __spec__.name,
                msgspec.json.encode(self._options).decode(),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            process_group=0,  # Ctrl-C is for the parent, which may still need the pages
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._end()
            raise CrawlerError("the synthetic web did not start; standard error says why")
        self.port = int(line)
        self.urls = self._web.urls(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(_EXIT_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()


def main() -> None:
    """Be the child: options in the first argument, the port to stdout, the end by stdin's end."""
    options = msgspec.json.decode(sys.argv[1], type=SiteOptions)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def ready(port: int) -> None:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    _serve(_web(options), options.port, ready)


def _end_with_parent() -> None:
    """End when the pipe does: the parent closed it, or was killed."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _web(options: SiteOptions) -> SyntheticWeb:
    return SyntheticWeb(
        options.hosts, options.pages, options.seed, options.latency_ms / 1e3, options.faults
    )


def _serve(web: SyntheticWeb, port: int, ready: Callable[[int], None]) -> None:
    # A socket a host and one a connection: more than the usual soft limit of 1,024.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    serve(SyntheticHandler(web), addresses=web.addresses, port=port, ready=ready)


if __name__ == "__main__":
    main()
