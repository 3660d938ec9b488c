"""Prints the report of a run on a terminal."""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from rich.console import Console
from rich.text import Text

from crawler.metrics import sentences
from crawler.metrics.report import Limit, Report
from crawler.model.units import count, figure, percent, seconds, size

_WIDTH = 100
_LABEL = 10
_BAR = 60
_PARTS = {
    "computing": ("green", "█"),
    "waiting": ("yellow", "░"),
    "politeness": ("cyan", "▒"),
    "starved": ("magenta", "·"),
    "backpressure": ("red", "▓"),
    "descheduled": ("bright_black", "×"),
}
"""Parts of the time budget: colour, and the character for terminals without colours."""
_BREAK = re.compile(r" (?!(?:%|×|ms|s|min|h|d|bytes?|[kMGT]B)(?:\W|$))")
"""A space at which a line may be broken: not between a number and its unit."""


class ReportRow(msgspec.Struct, frozen=True):
    """A label and its text: ``pieces`` that are never broken, separated by ``gap`` on a line."""

    label: str
    pieces: list[Text]
    gap: str = " · "


def show(report: Report, console: Console, run: str | None = None) -> None:
    """Print ``report`` on ``console``; ``run`` is the path of the run directory, or None."""
    plain = console.color_system is None or console.no_color
    width = min(console.width, _WIDTH) - 2 - _LABEL
    _print(console, _title(report))
    for group in _groups(report, run, min(_BAR, width), plain):
        _print(console, Text())
        for row in group:
            label = row.label
            for line in _fill(row, width):
                _print(console, Text.assemble("  ", (label.ljust(_LABEL), "bold"), line))
                label = ""
    _print(console, Text())


def _print(console: Console, line: Text) -> None:
    # The terminal wraps a longer line itself, so that a long path can be copied as one piece.
    console.print(line, soft_wrap=True)


def _fill(row: ReportRow, width: int) -> Iterator[Text]:
    """Pack the pieces into lines of ``width``; a longer piece gets a line of its own."""
    line = Text()
    for piece in row.pieces:
        if line and line.cell_len + len(row.gap) + piece.cell_len > width:
            yield line
            line = Text()
        if line:
            line.append(row.gap)
        line.append_text(piece)
    yield line


def _items(label: str, items: Iterable[str], style: str = "") -> ReportRow:
    return ReportRow(label, [Text(item, style) for item in items])


def _prose(label: str, text: str, style: str = "") -> ReportRow:
    return ReportRow(label, [Text(word, style) for word in _BREAK.split(text)], gap=" ")


def _title(report: Report) -> Text:
    return Text.assemble(("crawler", "bold"), f" · {sentences.title(report)}")


def _groups(
    report: Report, run: str | None, width: int, plain: bool
) -> Iterator[Iterable[ReportRow]]:
    yield _fetched(report, run)
    yield _speed(report)
    yield _time(report, width, plain)
    yield _limit(report.limited_by)
    if run is not None:
        pages = [] if report.shards is None else [Text("pages in shards/*/pages.jsonl")]
        yield [ReportRow("Files", [Text(run), *pages])]


def _fetched(report: Report, run: str | None) -> Iterator[ReportRow]:
    urls = report.urls
    entries = count(urls.input + urls.discovered, "URL")
    pages = Text.assemble((f"{urls.done:,}", "bold"), f" of {entries}")
    yield ReportRow("Pages", [pages, *map(Text, sentences.page_details(urls, report.bytes))])
    if urls.failed:
        yield _items("Failed", [f"{urls.failed:,}", *sentences.tally(report.errors)], "red")
    if urls.skipped:
        yield _items("Skipped", [f"{urls.skipped:,}", *sentences.tally(report.skips)], "yellow")
    left = list(sentences.left(report))
    if left:
        resume = [f"resume with: crawler crawl --run {run} --resume"] if run else []
        yield _items("Left", [*left, *resume], "yellow")
    if report.resting_hosts:
        hosts = sentences.resting(report.resting, report.resting_hosts)
        yield _items("Resting", hosts, "yellow")
    if report.status:
        yield _items("Responses", sentences.tally(report.status))
    if report.connections.used:
        yield _items("Network", sentences.connections(report.connections))


def _speed(report: Report) -> Iterator[ReportRow]:
    started = f"{seconds(report.startup_s)} to start up"
    if report.urls.done:
        rate = f"{figure(report.pages_per_s)} pages/s"
        # A resumed run counts the bytes of all its sessions, so the average page size is used.
        average = report.bytes / report.urls.done if report.urls.done else 0.0
        yield _items("Speed", [rate, f"{size(average * report.pages_per_s)}/s", started])
    if report.status:
        yield _items("Latency", sentences.latency(report.latency_ms))
    cpu = report.cpu
    yield _items("CPU", [f"{seconds(cpu.fetch_s)} fetching", f"{seconds(cpu.parse_s)} parsing"])
    yield _items("Memory", [f"{size(report.rss_peak_mb * 1e6)} at most, all processes together"])
    if report.cache is not None:
        style = "yellow" if report.cache.trouble else ""
        yield _items("Cache", sentences.cache_use(report.cache), style)
    if report.shards is not None:
        style = "yellow" if report.shards.killed else ""
        yield _items("Shards", sentences.shard_use(report.shards), style)
    if report.lost_workers:
        yield _items("Workers", [sentences.lost_workers(report)], "yellow")


def _time(report: Report, width: int, plain: bool) -> Iterator[ReportRow]:
    shares = report.budget.shares(report.thread_s)
    if shares:
        yield ReportRow("Time", [_bar(shares, width, plain)])
        yield ReportRow("", _legend(shares, plain), gap="  ")
    yield _prose("I/O wait", sentences.saved(report.io_wait, report.concurrency))
    if report.io_wait.total_s:
        yield ReportRow("", [Text(item, "dim") for item in sentences.measured(report.io_wait)])
    if report.baseline is not None:
        yield _prose("Baseline", sentences.baseline(report.baseline))
        if report.model is not None:
            yield _prose("Model", sentences.model(report.model))


def _bar(shares: Mapping[str, float], width: int, plain: bool) -> Text:
    """A bar of ``width`` characters, at least one for each part."""
    spare = width - len(shares)
    whole = sum(shares.values())
    bar = Text()
    reached = 0.0
    for name, share in shares.items():
        # Running sums are rounded instead of widths, so that the widths add up.
        start, reached = reached, reached + share / whole * spare
        bar.append_text(_block(name, 1 + round(reached) - round(start), plain))
    return bar


def _block(name: str, cells: int, plain: bool) -> Text:
    colour, pattern = _PARTS[name]
    return Text(pattern * cells) if plain else Text("█" * cells, colour)


def _legend(shares: Mapping[str, float], plain: bool) -> list[Text]:
    return [
        Text.assemble(_block(name, 1, plain), f" {name} {percent(share)}")
        for name, share in shares.items()
    ]


def _limit(limit: Limit) -> Iterator[ReportRow]:
    yield _prose("Limit", limit.says, "bold")
    yield _prose("", limit.change)
