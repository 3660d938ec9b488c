"""The process that serves a recorded archive on loopback, with the recorded waits."""

import os
import socket
import sys
from contextlib import suppress
from importlib import import_module
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from crawler.localweb.connection import Answer, Seen, Step, message
from crawler.localweb.faults import Fault, answers
from crawler.localweb.listener import Greeting, Listener
from crawler.localweb.process import allow_many_sockets, questions
from crawler.localweb.replay_messages import Ready, ReplayedHost, ReplayOptions
from crawler.localweb.request_log import RequestLog
from crawler.model.errors import FailureKind, FetchError, UsageError
from crawler.model.exchange import Response, Timing
from crawler.model.urls import UrlError, canonical, host_port, key
from crawler.sinks.warc.archive import Archive

if TYPE_CHECKING:
    from crawler.localweb.certificates import Certificates


SHORTEST_PAUSE = 0.005
"""Seconds from the first byte to the last: a shorter time gets no pause inside the body."""
_LATEST = 0.02
"""Seconds of delay that count, at most: a longer one means that the client does not read."""
_SHARE = 1 / 16
"""Weight of one answer in the usual delay, and the part of the debt that one answer repays."""
_MAX_DEBT = 0.5
"""Seconds of debt, at most: a time without waits, or without a core, affects few later answers."""
_FIRST_DIAL = IPv4Address("127.1.0.1")
_TEXT = ("Content-Type", "text/plain; charset=utf-8")
_PLACEHOLDER = Answer(200, (_TEXT,), b"the recorded response is incomplete\n")
_OF_HOSTS = (FailureKind.DNS, FailureKind.CONNECT, FailureKind.TLS)
_FAULTS = {
    FailureKind.TIMEOUT: Fault.SILENCE,
    FailureKind.TRUNCATED: Fault.TRUNCATED,
    FailureKind.PROTOCOL: Fault.NOT_HTTP,
    FailureKind.TOO_LARGE: Fault.ENDLESS_BODY,
}


class Player:
    """A handler that returns recorded answers; ``missed`` counts requests that have none.

    With ``last``, it returns only the last answer of a URL.
    """

    def __init__(self, archive: Archive, scale: float, *, last: bool = False) -> None:
        self._archive = archive
        self._scale = scale
        self._last = last
        self._requests: dict[int, int] = {}
        self.missed = 0

    def __call__(self, seen: Seen) -> Answer:
        try:
            url = canonical(seen.url)
        except UrlError as error:
            return Answer(400, (_TEXT,), error.message.encode())
        recorded = None
        if seen.method == "GET":  # the archive has no answers to others
            recorded = self._archive.answer(url, self._number(url))
        if recorded is None:
            self.missed += not url.endswith("/robots.txt")
            return Answer(404, (_TEXT,), f"{url} is not in the archive\n".encode())
        return replayed(recorded, self._scale)

    def _number(self, url: str) -> int:
        """Index of the recorded answer for the next request of ``url``."""
        count = self._archive.count(url)
        if count < 2 or self._last:
            return count - 1
        number = self._requests.get(key(url), 0)
        self._requests[key(url)] = number + 1
        return number


class ReplayPace:
    """Corrects the waits of answers for the server's own delays.

    The server is late twice: when it reads a request that has waited in the kernel, and when a wait
    ends. The usual sum of both is subtracted from every wait in advance. The rest is a debt: later
    answers repay it with shorter or longer waits, so that the sum of all waits is as recorded.
    """

    def __init__(self) -> None:
        self._due: dict[float, tuple[float, float]] = {}
        self.begin()

    def begin(self) -> None:
        """Forget the delays of earlier clients."""
        self._usual = self._debt = 0.0

    def set(self, seen: Seen, answer: Answer) -> Answer:
        """Return ``answer`` with its wait shortened by the expected delay."""
        if not answer.latency:
            return answer
        expected = self._usual + self._debt * _SHARE
        latency = max(answer.latency - expected, 0.0)
        due = seen.at - seen.lain + answer.latency + pauses(answer)
        self._due[seen.at] = (due, answer.latency - latency)
        return msgspec.structs.replace(answer, latency=latency)

    def note(self, requested: float, answered: float) -> None:
        """The request received at ``requested`` was answered at ``answered`` (both monotonic)."""
        plan = self._due.pop(requested, None)
        if plan is None:  # an answer without a wait
            return
        due, shortened = plan
        late = max(-_LATEST, min(answered - due, _LATEST))
        self._usual += (late + shortened - self._usual) * _SHARE
        self._debt = max(-_MAX_DEBT, min(self._debt + late, _MAX_DEBT))


def replayed(recorded: Response | FetchError, scale: float) -> Answer:
    """Return the answer, with its wait, that shows a client what was recorded."""
    if isinstance(recorded, FetchError):
        return answers(_FAULTS.get(recorded.kind, Fault.RESET), _PLACEHOLDER)[0]
    headers = tuple(pair for pair in recorded.headers if pair[0] != "content-length")
    answer = Answer(recorded.status, headers, recorded.body)
    wait, rest = waits(recorded.timing)
    script: tuple[Step, ...] = ()
    if rest > SHORTEST_PAUSE:
        whole = message(answer)
        half = len(whole) - len(recorded.body) // 2 - 1
        script = (whole[:half], rest * scale, whole[half:])
    return msgspec.structs.replace(answer, latency=wait * scale, script=script)


def pauses(answer: Answer) -> float:
    """Seconds from the first byte of the answer to its last byte."""
    return sum(step for step in answer.script if isinstance(step, float))


def waits(timing: Timing) -> tuple[float, float]:
    """Seconds from the request to the first byte of the answer, and from then to the last byte."""
    answer = max(0.0, timing.answer)
    wait = min(answer, max(0.0, timing.first_byte - timing.connect - timing.tls))
    return wait, answer - wait


def places(archive: Archive) -> tuple[ReplayedHost, ...]:
    """Every host and port in the archive, each with a loopback address of its own."""
    found = []
    for number, (origin, ends) in enumerate(archive.origins.items()):
        faults = [kind for kind in _OF_HOSTS if kind in ends]
        fault = faults[0] if faults and ends <= set(_OF_HOSTS) else None
        found.append(ReplayedHost(*host_port(f"{origin}/"), str(_FIRST_DIAL + number), fault))
    return tuple(found)


def _certificates(archive: Archive, ca_file: Path) -> "Certificates | None":
    """None for an archive without https: what makes certificates takes 0.2 s to import."""
    if not any(origin.startswith("https:") for origin in archive.origins):
        return None
    module = import_module("crawler.localweb.certificates")
    made: Certificates = module.Certificates(ca_file)
    return made


def serve(options: ReplayOptions) -> None:
    """Serve until the parent closes the pipe; write ``Ready`` and later results to stdout.

    Raises UsageError if the archive does not exist or is invalid.
    """
    with Archive(Path(options.archive)) as archive, socket.socket() as refusing:
        hosts = places(archive)
        by_dial = {host.dial: host for host in hosts}
        certificates = _certificates(archive, Path(options.ca_file))
        player = Player(archive, options.latency_scale, last=options.last)
        log, pace = RequestLog(), ReplayPace()

        def answer(seen: Seen) -> Answer:
            for pair in listener.answered:
                pace.note(*pair)
            listener.seen.clear()  # a long crawl must not fill the memory
            listener.answered.clear()
            found = player(seen)
            log.note(seen, found.latency + pauses(found))
            return pace.set(seen, found)

        def greet(local: str) -> Greeting | None:
            if certificates is None:
                return None
            host = by_dial.get(local)
            if host is None:
                return certificates.context(local), 0.0
            fault = Fault.UNKNOWN_ROOT if host.fault is FailureKind.TLS else None
            return certificates.context(host.host, fault), 0.0

        refusing.bind(("127.0.0.1", 0))
        with Listener(answer, greet, lain=True) as listener:
            if not listener.everywhere:
                hosts = tuple(msgspec.structs.replace(each, dial="127.0.0.1") for each in hosts)
            ports = listener.port, refusing.getsockname()[1]
            ca_file = options.ca_file if certificates is not None else ""
            _send(Ready("", archive.torn, ca_file, *ports, hosts, archive.losses))
            for _ in questions():
                pace.begin()
                _send(log.close(listener.connections, player.missed))
    _send(player.missed)


def _send(message: object) -> None:
    with suppress(BrokenPipeError):  # the parent was killed
        os.write(sys.stdout.fileno(), msgspec.json.encode(message) + b"\n")


def main() -> None:
    """Run as the child process."""
    allow_many_sockets()
    try:
        serve(msgspec.json.decode(sys.argv[1], type=ReplayOptions))
    except UsageError as error:
        _send(Ready(str(error)))


if __name__ == "__main__":
    main()
