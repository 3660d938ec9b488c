"""The process that serves a recorded archive on loopback, with the waits that were recorded."""

import os
import socket
import sys
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

import msgspec

from crawler.localweb.certificates import Certificates
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

SHORTEST_PAUSE = 0.005
"""Seconds from the first byte to the last that are worth a pause within the body."""
_LATEST = 0.02
"""Seconds; who is later has a client that does not read, which is not for us to make up for."""
_SHARE = 1 / 16
"""The part that one answer has in what is usual, and that one answer makes up for."""
_MOST_OWED = 0.5
"""Seconds; a stretch without waits, or without a core, is not paid for by all that comes later."""
_FIRST_DIAL = IPv4Address("127.1.0.1")
_TEXT = ("Content-Type", "text/plain; charset=utf-8")
_PLACEHOLDER = Answer(200, (_TEXT,), b"what was recorded was not whole\n")
_OF_HOSTS = (FailureKind.DNS, FailureKind.CONNECT, FailureKind.TLS)
_FAULTS = {
    FailureKind.TIMEOUT: Fault.SILENCE,
    FailureKind.TRUNCATED: Fault.TRUNCATED,
    FailureKind.PROTOCOL: Fault.NOT_HTTP,
    FailureKind.TOO_LARGE: Fault.ENDLESS_BODY,
}


class Player:
    """A handler that answers what the archive says; ``missed`` counts what it does not know.

    With ``last`` it gives the last answer of a URL only.
    """

    def __init__(self, archive: Archive, scale: float, *, last: bool = False) -> None:
        self._archive = archive
        self._scale = scale
        self._last = last
        self._asked: dict[int, int] = {}
        self.missed = 0

    def __call__(self, seen: Seen) -> Answer:
        try:
            url = canonical(seen.url)
        except UrlError as error:
            return Answer(400, (_TEXT,), error.message.encode())
        recorded = self._archive.answer(url, self._number(url))
        if recorded is None:
            self.missed += not url.endswith("/robots.txt")
            return Answer(404, (_TEXT,), f"{url} is not in the archive\n".encode())
        return replayed(recorded, self._scale)

    def _number(self, url: str) -> int:
        """How often ``url`` was asked for before, where that matters."""
        count = self._archive.count(url)
        if count < 2 or self._last:
            return count - 1
        number = self._asked.get(key(url), 0)
        self._asked[key(url)] = number + 1
        return number


class ReplayPace:
    """Makes answers take as long as they should, though the server is late itself.

    It is late when it sees a request, which has lain in the kernel, and again when the wait is
    over. What is usual of both is taken off every wait before it begins, and what answers took
    too long in spite of that is made up for by the next ones: their sum is what it should be.
    """

    def __init__(self) -> None:
        self._due: dict[float, tuple[float, float]] = {}
        self.begin()

    def begin(self) -> None:
        """Who comes now neither pays nor profits from how late those before were served."""
        self._usual = self._owed = 0.0

    def set(self, seen: Seen, answer: Answer) -> Answer:
        """``answer`` with the wait shortened by what will be lost otherwise."""
        if not answer.latency:
            return answer
        lost = self._usual + self._owed * _SHARE
        latency = max(answer.latency - lost, 0.0)
        due = seen.at - seen.lain + answer.latency + pauses(answer)
        self._due[seen.at] = (due, answer.latency - latency)
        return msgspec.structs.replace(answer, latency=latency)

    def note(self, asked: float, answered: float) -> None:
        """The answer to what was asked at ``asked`` is out (both monotonic)."""
        plan = self._due.pop(asked, None)
        if plan is None:  # it was not to wait
            return
        due, shortened = plan
        late = max(-_LATEST, min(answered - due, _LATEST))
        self._usual += (late + shortened - self._usual) * _SHARE
        self._owed = max(-_MOST_OWED, min(self._owed + late, _MOST_OWED))


def replayed(recorded: Response | FetchError, scale: float) -> Answer:
    """What to say, and after which wait, so that a client sees what was recorded."""
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
    """Seconds that the answer takes from its first byte on."""
    return sum(step for step in answer.script if isinstance(step, float))


def waits(timing: Timing) -> tuple[float, float]:
    """Seconds from the request to the first byte of the answer, and from there to the last."""
    answer = max(0.0, timing.answer)
    wait = min(answer, max(0.0, timing.first_byte - timing.connect - timing.tls))
    return wait, answer - wait


def places(archive: Archive) -> tuple[ReplayedHost, ...]:
    """Every host and port in the archive, each at a loopback address of its own."""
    found = []
    for number, (origin, ends) in enumerate(archive.origins.items()):
        faults = [kind for kind in _OF_HOSTS if kind in ends]
        fault = faults[0] if faults and ends <= set(_OF_HOSTS) else None
        found.append(ReplayedHost(*host_port(f"{origin}/"), str(_FIRST_DIAL + number), fault))
    return tuple(found)


def serve(options: ReplayOptions) -> None:
    """Serve until the parent hangs up; says on standard output where, and at the end how it was.

    Raises UsageError where there is no such archive.
    """
    with Archive(Path(options.archive)) as archive, socket.socket() as refusing:
        there = places(archive)
        by_dial = {place.dial: place for place in there}
        certificates = Certificates(Path(options.ca_file), lambda name: context(name, None))
        player = Player(archive, options.latency_scale, last=options.last)
        ledger, pace = RequestLog(), ReplayPace()
        context = certificates.context

        def answer(seen: Seen) -> Answer:
            for pair in listener.answered:
                pace.note(*pair)
            listener.seen.clear()  # a server remembers, and a crawl is long
            listener.answered.clear()
            found = player(seen)
            ledger.note(seen, found.latency + pauses(found))
            return pace.set(seen, found)

        def greet(local: str) -> Greeting:
            place = by_dial.get(local)
            if place is None:
                return certificates.context(local), 0.0
            fault = Fault.UNKNOWN_ROOT if place.fault is FailureKind.TLS else None
            return certificates.context(place.host, fault), 0.0

        refusing.bind(("127.0.0.1", 0))
        with Listener(answer, greet, lain=True) as listener:
            if not listener.everywhere:
                there = tuple(msgspec.structs.replace(each, dial="127.0.0.1") for each in there)
            ports = listener.port, refusing.getsockname()[1]
            _say(Ready("", archive.torn, options.ca_file, *ports, there))
            for _ in questions():
                pace.begin()
                _say(ledger.close(listener.connections, player.missed))
    _say(player.missed)


def _say(what: object) -> None:
    with suppress(BrokenPipeError):  # the parent was killed: there is nobody to tell
        os.write(sys.stdout.fileno(), msgspec.json.encode(what) + b"\n")


def main() -> None:
    """Be the child."""
    allow_many_sockets()
    try:
        serve(msgspec.json.decode(sys.argv[1], type=ReplayOptions))
    except UsageError as error:
        _say(Ready(str(error)))


if __name__ == "__main__":
    main()
