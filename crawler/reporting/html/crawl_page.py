"""The HTML report of a crawl."""

from collections.abc import Iterator, Sequence
from heapq import nlargest
from operator import attrgetter
from urllib.parse import quote

import msgspec

from crawler.metrics.report import IoWait, Report
from crawler.metrics.sentences import (
    baseline,
    cache_use,
    connections,
    latency,
    lost_workers,
    measured,
    model,
    page_details,
    saved,
    tally,
    title,
)
from crawler.metrics.timeline import Line
from crawler.model.units import count, figure, seconds, size
from crawler.reporting.html.charts import key, legend, named, row, stacked, table
from crawler.reporting.html.elements import Markup, element
from crawler.reporting.html.fetches import (
    PHASES,
    Columns,
    HostFetches,
    columns,
    outcome,
    phases,
    top_hosts,
)
from crawler.reporting.html.page import page
from crawler.reporting.html.run_files import RunFiles
from crawler.reporting.html.sections import dotted, facts, header, more, section
from crawler.reporting.html.shard_table import shards
from crawler.reporting.html.shares import BUDGET, SLOTS, parts
from crawler.reporting.html.throughput import responses

_SCRIPTS = ("text.js", "fetches.js", "lanes.js", "timeline.js", "hosts.js", "crawl.js")
_SLOWEST = 50
_NO_RESPONSE = "No response was received."
_OF_TIMELINE = "The chart and the table have the fetches of the timeline alone."
_PHASES = {
    "queued": "ready, but no slot was free (a thin line below the bar)",
    "dns": "host name lookup",
    "connect": "TCP handshake",
    "tls": "TLS handshake",
    "wait": "until the first byte arrived",
    "receive": "until the last byte arrived",
    "buffered": "in the receive buffer until the crawler read it",
    "failed": "a line through the bar",
}


def crawl_report(run: RunFiles) -> str:
    """Write the text of ``report.html``."""
    report = run.report
    fetches = columns(run.timeline)
    content = [
        header("Crawl report", run.name, title(report)),
        _verdict(report),
        _throughput(run),
        _time(report),
        _io_wait(report),
        _timeline(run, fetches),
        shards(run),
        _latency(run, top_hosts(run.timeline)),
        _resting(report),
        _failures(run),
        _skips(run),
        _settings(run),
        _files(run),
    ]
    return page(f"{run.name} · crawl report", content, _SCRIPTS, msgspec.json.encode(fetches))


def _verdict(report: Report) -> Markup:
    urls, limit = report.urls, report.limited_by
    entries = count(urls.input + urls.discovered, "URL")
    pages = [f"{urls.done:,} of {entries}", *page_details(urls, report.bytes)]
    ends = [
        f"{n:,} {name}"
        for name, n in (("failed", urls.failed), ("skipped", urls.skipped), ("left", urls.pending))
        if n
    ]
    return section(
        "Verdict",
        element("p", limit.says, class_="lead"),
        element("p", limit.change),
        facts(
            ("Pages", dotted([*pages, *ends])),
            ("I/O wait", saved(report.io_wait, report.concurrency)),
        ),
        class_="verdict",
    )


def _throughput(run: RunFiles) -> Markup:
    report = run.report
    rate = report.bytes / report.wall_s if report.wall_s else 0.0
    cpu = report.cpu
    return section(
        "Throughput",
        facts(
            ("Speed", f"{figure(report.pages_per_s)} pages/s · {size(rate)}/s"),
            ("Start-up", seconds(report.startup_s)),
            ("CPU", f"{seconds(cpu.fetch_s)} fetching · {seconds(cpu.parse_s)} parsing"),
            ("Memory", f"{size(report.rss_peak_mb * 1e6)} at most, all processes together"),
            *([("Cache", dotted(cache_use(report.cache)))] if report.cache else []),
            *([("Workers", lost_workers(report))] if report.lost_workers else []),
            ("Responses", dotted(tally(report.status)) or "none"),
            *_network(report),
        ),
        responses(run),
    )


def _network(report: Report) -> Iterator[tuple[str, str]]:
    if report.connections.used:
        yield "Network", dotted(connections(report.connections))


def _time(report: Report) -> Markup:
    spent = parts(msgspec.structs.asdict(report.budget), BUDGET)
    used = parts(msgspec.structs.asdict(report.slots), SLOTS)
    return section(
        "Where the time went",
        element("h3", f"{_threads(report)}: {seconds(report.thread_s)}"),
        stacked(spent, "Time budget of the fetch thread; the table below has the numbers"),
        legend(spent, "Time budget"),
        element("h3", f"The {count(report.concurrency, 'fetch slot')}"),
        stacked(used, "Use of the slots; the table below has the numbers"),
        legend(used, "Slot-seconds"),
    )


def _threads(report: Report) -> str:
    """Whose time it is."""
    if report.shards is None:
        return "The fetch thread"
    return f"The fetch threads of {count(report.shards.sessions - report.shards.killed, 'session')}"


def _io_wait(report: Report) -> Markup:
    io = report.io_wait
    compared = [element("p", baseline(report.baseline))] if report.baseline else []
    modelled = [element("p", model(report.model))] if report.model else []
    return section(
        "I/O wait",
        element("p", saved(io, report.concurrency)),
        *([_waits(io)] if io.total_s else []),
        element("p", dotted(measured(io)), class_="quiet"),
        *([element("h3", "Measured baseline"), *compared] if compared else []),
        *([element("h3", "What overlap can save at best"), *modelled] if modelled else []),
    )


def _waits(io: IoWait) -> Markup:
    bars = (
        ("total", io.total_s, "sum over all requests"),
        ("exposed", io.exposed_s, "the fetch thread had nothing else to do"),
        ("saved", io.saved_s, "total minus exposed"),
        ("naive sum", io.naive_sum_s, "plain sum of latencies, an upper bound"),
    )
    longest = max(value for _, value, _ in bars) or 1.0
    rows = (
        row(named(name, means), _length(name, value / longest), seconds(value))
        for name, value, means in bars
    )
    return table("I/O wait", ("wait", "", "time"), rows, class_="charts")


def _length(name: str, share: float) -> Markup:
    fill = f"fill-{name.replace(' ', '-')}"
    block = element("rect", class_=fill, width=f"{100 * share:.2f}%", height="100%")
    return element("svg", block, class_="length", aria_hidden="true")


def _timeline(run: RunFiles, fetches: Columns) -> Markup:
    lines = run.timeline
    if not lines:
        is_lost = bool(run.report.status)  # its sessions were killed
        says = "No timeline was kept." if is_lost else "No fetch was made."
        return section("Timeline", element("p", says))
    slowest = (_slow(line) for line in nlargest(_SLOWEST, lines, key=attrgetter("total")))
    heads = ("URL", "start", *PHASES, "total", "end")
    return section(
        "Timeline",
        element(
            "p",
            f"{count(len(lines), 'fetch', 'fetches')}{_thinned(run)}. "
            "A row shows one fetch at a time, like a slot.",
        ),
        key(_PHASES, "phase-"),
        _viewer(),
        more(
            f"The slowest {count(min(_SLOWEST, len(lines)), 'fetch', 'fetches')}",
            table("Slowest fetches", heads, slowest, class_="numbers"),
        ),
    )


def _thinned(run: RunFiles) -> str:
    answered = sum(line.error is None for line in run.timeline)
    if run.sharded is None:
        return ", an even sample of all" if answered < sum(run.report.status.values()) else ""
    of = f" from the last session of {count(run.sharded.timelines, 'shard')}"
    return f"{of}, an even sample" if answered < run.sharded.of_timelines else of


def _viewer() -> Markup:
    """The elements that timeline.js draws on, and its controls."""
    buttons = (
        element("button", sign, type="button", aria_label=says, data_key=pressed)
        for sign, says, pressed in (
            ("+", "zoom in", "+"),
            ("−", "zoom out", "-"),
            ("all", "show all", "0"),
        )
    )
    return element(
        "div",
        element("canvas", id="overview", aria_hidden="true"),
        element(
            "canvas",
            id="lanes",
            tabindex=0,
            role="application",
            aria_label="Timeline of fetches. Arrow keys move, + and - zoom, 0 shows all.",
            aria_describedby="view",
        ),
        element("div", id="tip", role="status", hidden=True),
        element("div", element("output", id="view"), *buttons, class_="tools"),
        element(
            "p",
            "Drag or use the arrow keys to move; + and −, or Ctrl and wheel, to zoom; 0 for all.",
            class_="quiet hint",
        ),
        id="timeline",
    )


def _slow(line: Line) -> Markup:
    return row(
        line.url, seconds(line.t), *map(seconds, phases(line)), seconds(line.total), outcome(line)
    )


def _latency(run: RunFiles, hosts: Sequence[HostFetches]) -> Markup:
    report = run.report
    says = element("p", dotted(latency(report.latency_ms) if report.status else [_NO_RESPONSE]))
    if not hosts:
        return section("Latency", says)
    return section(
        "Latency",
        says,
        *([element("p", _OF_TIMELINE, class_="quiet")] if run.sharded else []),
        element("figure", element("figcaption", id="which"), element("div", id="histogram")),
        element("h3", "By host"),
        element(
            "p",
            "Rank by ",
            element("button", "fetches", type="button", data_rank="fetches", aria_pressed="true"),
            " ",
            element("button", "time", type="button", data_rank="time", aria_pressed="false"),
            ". Choose a host to see its latencies in front of those of all hosts.",
            class_="quiet screen",
        ),
        table(
            "Latency by host",
            ("host", "fetches", "failed", "total time", "median", "90 % <", "slowest"),
            map(_host, hosts),
            class_="numbers",
            id="hosts",
        ),
    )


def _host(host: HostFetches) -> Markup:
    figures = (
        f"{host.fetches:,}",
        f"{host.failed:,}",
        *map(seconds, (host.total, host.median, host.p90, host.slowest)),
    )
    return element(
        "tr",
        element(
            "th", element("button", host.name, type="button", aria_pressed="false"), scope="row"
        ),
        *(element("td", figure) for figure in figures),
        data_host=host.name,
        data_fetches=host.fetches,
        data_time=host.total,
    )


def _resting(report: Report) -> Markup:
    if not report.resting_hosts:
        return Markup()
    rows = (
        row(each.host, f"{each.since:%Y-%m-%d %H:%M:%S} UTC", each.why) for each in report.resting
    )
    return section(
        "Resting hosts",
        element("p", f"{count(report.resting_hosts, 'host')} got no requests at the end."),
        table("Resting hosts", ("host", "since", "why"), rows, class_="texts"),
    )


def _failures(run: RunFiles) -> Markup:
    if not run.report.urls.failed:
        return section("Failures", element("p", "Nothing failed."))
    rows = (
        row(each.error.value, each.url, each.message, f"{each.attempts}") for each in run.failures
    )
    return section(
        "Failures",
        _counts(run.report.errors, "kind"),
        more(
            f"{count(len(run.failures), 'example')}",
            table("Failures", ("kind", "URL", "message", "attempts"), rows, class_="texts"),
        ),
    )


def _skips(run: RunFiles) -> Markup:
    if not run.report.urls.skipped:
        return section("Skipped", element("p", "Nothing was skipped."))
    rows = (row(each.reason.value, each.url, each.message) for each in run.skips)
    return section(
        "Skipped",
        _counts(run.report.skips, "reason"),
        more(
            f"{count(len(run.skips), 'example')}",
            table("Skips", ("reason", "URL", "message"), rows, class_="texts"),
        ),
    )


def _counts(counts: dict[str, int], head: str) -> Markup:
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    most = ranked[0][1] if ranked else 1
    rows = (row(name, _length("failed", n / most), f"{n:,}") for name, n in ranked)
    return table(f"By {head}", (head, "", "URLs"), rows, class_="charts")


def _settings(run: RunFiles) -> Markup:
    rows = (row(name, element("code", value)) for name, value in run.settings)
    options = table("Settings", ("option", "value"), rows, class_="texts")
    return section("Settings", more("Options of this run", options))


def _files(run: RunFiles) -> Markup:
    rows = (row(_link(name), size(bytes_)) for name, bytes_ in run.files)
    return section("Files", table("Files", ("file", "size"), rows, class_="texts"))


def _link(name: str) -> Markup:
    # "./" so that a colon in the name is not read as the end of a scheme.
    return element("a", name, href="./" + quote(name, errors="surrogateescape"))
