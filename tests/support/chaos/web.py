"""A web of many hosts, some of whose pages misbehave, in a process that can be taken away."""

import os
import signal
import sys
import threading
import zlib
from contextlib import ExitStack
from typing import Self

import msgspec

from crawler.localweb.connection import Answer, Seen
from crawler.localweb.faults import Fault, answers
from crawler.localweb.process import Child, allow_many_sockets, wait_for_parent
from crawler.localweb.server import serve
from crawler.localweb.synthetic import SyntheticHandler, SyntheticWeb

FAULTS = (
    Fault.RESET,
    Fault.RESET_MIDWAY,
    Fault.EMPTY,
    Fault.TRUNCATED,
    Fault.CHUNKS,
    Fault.UNENDED,
    Fault.NOT_HTTP,
    Fault.MISLABELLED,
    Fault.BOMB,
    Fault.ENDLESS_HEADERS,
    Fault.SERVER_ERROR,
    Fault.REDIRECT_LOOP,
)
_STALLING = (Fault.SILENCE, Fault.STALL, Fault.DRIP)
_ONE_IN = 25
_STALLING_ONE_IN = 120


class WebOptions(msgspec.Struct, frozen=True):
    """``pages`` in total on ``hosts`` addresses of loopback, at ``port`` (0: any free one)."""

    pages: int
    hosts: int
    seed: int
    port: int = 0


class Misbehaving:
    """Serves a synthetic web; which page has which fault follows from its URL."""

    def __init__(self, web: SyntheticWeb) -> None:
        self._pages = SyntheticHandler(web)

    def __call__(self, seen: Seen) -> Answer:
        page = self._pages(seen)
        fault = fault_of(seen.host, seen.target) if page.status == 200 else None
        return page if fault is None else answers(fault, page, seen.target)[0]


def fault_of(host: str, target: str) -> Fault | None:
    """The fault of a page, the same each time; robots.txt and first pages have none."""
    if target.count("/") < 2:
        return None
    number = zlib.crc32(f"{host.partition(':')[0]}{target}".encode())
    if number % _STALLING_ONE_IN == 0:
        return _STALLING[number // _STALLING_ONE_IN % len(_STALLING)]
    return FAULTS[number // _ONE_IN % len(FAULTS)] if number % _ONE_IN == 0 else None


class Web:
    """The web in a child process. It can be away, or be silent, and come back at the same port."""

    def __init__(self, options: WebOptions) -> None:
        self._options = options
        self._stack = ExitStack()
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def urls(self) -> list[str]:
        """URLs of all pages."""
        return web_of(self._options).urls(self.port)

    def start(self) -> None:
        options = msgspec.structs.replace(self._options, port=self.port)
        child = self._stack.enter_context(Child(__spec__.name, options))
        self._pid, self.port = map(int, child.line().split())

    def stop(self) -> None:
        """Kill the process: its connections are reset, and new ones are refused."""
        os.kill(self._pid, signal.SIGKILL)
        self._stack.close()

    def freeze(self) -> None:
        """The kernel still accepts connections, and nothing comes."""
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)


def web_of(options: WebOptions) -> SyntheticWeb:
    return SyntheticWeb(options.hosts, options.pages, options.seed, latency=0.02)


def main() -> None:
    """Run as the child: its process and its port go to stdout; it ends with stdin."""
    options = msgspec.json.decode(sys.argv[1], type=WebOptions)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    web = web_of(options)

    def ready(port: int) -> None:
        sys.stdout.write(f"{os.getpid()} {port}\n")
        sys.stdout.flush()

    allow_many_sockets()
    serve(Misbehaving(web), addresses=web.addresses, port=options.port, ready=ready)


def _end_with_parent() -> None:
    wait_for_parent()
    os._exit(0)


if __name__ == "__main__":
    main()
