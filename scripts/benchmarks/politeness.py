"""``politeness``: two hundred hosts to be asked slowly, beside the slowest one's own time."""

from collections.abc import Iterator

from benchmarks.crawls import crawl
from benchmarks.runs import Bench, Case, Goal, Measured, Pair, Refused
from benchmarks.server import Options, ServerProcess
from benchmarks.web import write_urls

_HOSTS = tuple(f"127.25.0.{n}" for n in range(1, 201))
_DELAY = 0.2
_LATENCY = 0.05
_NOTE = (
    "{hosts} hosts of {pages} pages, {delay:g} s between requests of a host by the server's log,"
    " {latency:g} s an answer; beside what delays and answers of the slowest host come to"
)


def politeness(bench: Bench) -> Iterator[Case]:
    pages = bench.size(40, 8)

    def measure() -> Measured:
        return Measured([_pair(bench, pages) for _ in range(bench.repeat)])

    note = _NOTE.format(hosts=len(_HOSTS), pages=pages, delay=_DELAY, latency=_LATENCY)
    yield Case("200 polite hosts", "s", Goal("ratio", most=1.15), measure, note)


def _pair(bench: Bench, pages: int) -> Pair:
    """Seconds from the first request to the last commit. Raises Refused for who was impolite."""
    with ServerProcess(Options(addresses=_HOSTS, latency=_LATENCY)) as server:
        urls = server.urls(pages)
        listed = write_urls(bench.fresh("urls"), urls)
        done = crawl(bench, listed, "--delay", str(_DELAY), "--per-host", "1", pages=len(urls))
        truth = server.truth()
    if truth.least_gap_s is None or truth.least_gap_s < _DELAY:
        raise Refused(f"a host was asked again after {truth.least_gap_s} s")
    # robots.txt is a request like others, and no delay comes before the first.
    return Pair(done.report.wall_s, truth.longest_s + pages * _DELAY)
