"""The project's scripted server in a process of its own, which tells what it saw.

``python -m benchmarks.server OPTIONS`` (JSON): says its port, serves until its standard input ends,
then says what is true, as JSON.
"""

import sys
from collections import defaultdict
from itertools import pairwise

import msgspec

from benchmarks.child import Child
from crawler.testing import Answer, Seen, Server


class Options(msgspec.Struct, frozen=True):
    """``latency`` in seconds, ``size`` of a page in bytes. No page links anywhere."""

    addresses: tuple[str, ...] = ("127.0.0.1",)
    latency: float = 0.0
    size: int = 1_000


class Truth(msgspec.Struct, frozen=True):
    """What was asked, robots.txt included; seconds on the server's clock.

    ``answering_s`` is summed over all: from the request complete to the last byte handed to the
    kernel. ``asking_s`` lies between the first request and the last. Of one address alone:
    ``least_gap_s`` is the least between two requests (None if there are no two), ``longest_s``
    the most that all its answers took together.
    """

    requests: int
    answering_s: float
    asking_s: float
    least_gap_s: float | None
    longest_s: float


class ServerProcess(Child):
    """The server, as a context; ``truth`` ends it."""

    def __init__(self, options: Options) -> None:
        super().__init__("benchmarks.server", msgspec.json.encode(options).decode())
        self._options = options

    def urls(self, pages: int) -> list[str]:
        """``pages`` of each host, in turns."""
        places = [f"http://{at}:{self.port}" for at in self._options.addresses]
        return [f"{place}/{number}.html" for number in range(pages) for place in places]

    def truth(self) -> Truth:
        return msgspec.json.decode(self._end(), type=Truth)


def page(options: Options) -> Answer:
    head = b'<!doctype html><html lang="en"><title>A page</title><body><p>'
    headers = (("Content-Type", "text/html; charset=utf-8"),)
    body = head + b"text " * ((options.size - len(head)) // 5)
    return Answer(headers=headers, body=body, latency=options.latency)


def main() -> None:
    options = msgspec.json.decode(sys.argv[1], type=Options)
    good = page(options)
    none = msgspec.structs.replace(good, status=404, body=b"")

    def handler(seen: Seen) -> Answer:
        return none if seen.target == "/robots.txt" else good

    server = Server(handler, addresses=options.addresses)
    with server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        sys.stdin.read()
    sys.stdout.buffer.write(msgspec.json.encode(_truth(server)))


def _truth(server: Server) -> Truth:
    asked = [seen.at for seen in server.seen]
    took = {asked: answered - asked for asked, answered in server.answered}
    hosts: defaultdict[str, list[float]] = defaultdict(list)
    for seen in server.seen:
        hosts[seen.local[0]].append(seen.at)
    gaps = [after - before for each in hosts.values() for before, after in pairwise(each)]
    return Truth(
        requests=len(asked),
        answering_s=sum(answered - asked for asked, answered in server.answered),
        asking_s=max(asked, default=0.0) - min(asked, default=0.0),
        least_gap_s=min(gaps, default=None),
        longest_s=max(
            (sum(took.get(at, 0.0) for at in each) for each in hosts.values()), default=0.0
        ),
    )


if __name__ == "__main__":
    main()
