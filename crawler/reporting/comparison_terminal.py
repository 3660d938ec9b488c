"""Prints a comparison on a terminal: the verdict in words, then the figures, then the evidence."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from crawler.metrics.comparison import Comparison, RunOutcome, Summary
from crawler.metrics.contestants import contestant_of
from crawler.metrics.sentences import one_by_one
from crawler.metrics.simultaneous import Simultaneous
from crawler.model.units import count, figure, percent, seconds

_STYLES = {RunOutcome.FASTER: "bold", RunOutcome.WITHHELD: "yellow"}
_WIDTH = 100
_TEXTS = {"engine", "parsing"}
"""Columns with words, which begin at the left."""
_NOT_COMPARABLE = (
    "Not shown, because the runs cannot be compared. compare.json has the figures of each run."
)


def show(comparison: Comparison, console: Console, run: str) -> None:
    """Print ``comparison``; ``run`` is the path of its run directory."""
    console.width = min(console.width, _WIDTH)
    _print(console, _title(comparison), indent=0)
    console.print()
    for verdict in comparison.verdict:
        _print(console, Text(verdict.says, _STYLES.get(verdict.what, "")))
    if comparison.recommended is not None:
        _print(console, _recommended(comparison))
    _section(console, "Parsing", comparison.parsing)
    _section(console, "Differences", comparison.differences)
    if comparison.comparable:
        console.print()
        console.print(Padding(_table(comparison), (0, 2)))
        _section(console, "Bounds", _bounds(comparison))
    _section(console, "Parity", _parity(comparison))
    if not comparison.comparable:
        _section(console, "Figures", (_NOT_COMPARABLE,))
    _section(console, "Left out", _left_out(comparison))
    _section(console, "Notes", comparison.notes)
    console.print()
    # The terminal wraps a longer line itself, so that a long path can be copied as one piece.
    console.print(Text(f"  Files: {run}"), soft_wrap=True)


def _print(console: Console, text: Text, indent: int = 2) -> None:
    console.print(Padding(text, (0, 0, 0, indent)))


def _section(console: Console, title: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if found:
        console.print()
        _print(console, Text(title, "bold"))
    for line in found:
        grid = Table.grid(padding=(0, 1))
        grid.add_row("·", Text(line))
        console.print(Padding(grid, (0, 0, 0, 2)))


def _title(comparison: Comparison) -> Text:
    how = "on the network" if comparison.live else "on a replay"
    return Text.assemble(
        ("crawler compare", "bold"),
        f" · {count(comparison.urls, 'URL')} · {count(len(comparison.runs), 'run')} {how} · "
        f"{seconds(comparison.seconds)}",
    )


def _recommended(comparison: Comparison) -> Text:
    chosen = comparison.recommended
    assert chosen is not None
    flags = f"--engine {chosen.engine} --concurrency {chosen.concurrency}"
    if comparison.naming.compares_parsing:
        flags += f" --parse {chosen.parse}"
        flags += f" --workers {chosen.workers}" if chosen.workers else ""
    return Text.assemble("Use ", (flags, "bold green"), f": {chosen.because}")


def _table(comparison: Comparison) -> Table:
    rows = [dict(_cells(comparison, each)) for each in comparison.summary]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in rows[0]:
        table.add_column(heading, justify="left" if heading in _TEXTS else "right")
    for row in rows:
        table.add_row(*row.values())
    return table


def _cells(comparison: Comparison, each: Summary) -> Iterator[tuple[str, str]]:
    """The cells of one row, each after its heading."""
    naming, contestant = comparison.naming, contestant_of(each)
    runs = [run for run in comparison.runs if contestant_of(run) == contestant]
    overlaps = sorted(run.io_wait.overlap or 0.0 for run in runs)
    if naming.compares_fetching:
        yield "engine", each.engine
        yield "at", f"{each.concurrency:,}"
    if naming.compares_parsing:
        yield "parsing", each.parse
        yield "workers", f"{each.workers}" if each.workers else ""
    yield "pages/s", figure(each.pages_per_s)
    yield "95 %", f"{figure(each.low_pages_per_s)}–{figure(each.high_pages_per_s)}"
    yield "CPU s/1000", f"{each.cpu_s_per_1000:.2f}"
    if naming.compares_parsing:
        yield "cores", f"{each.cores:.2f}"
    yield "MB", figure(each.rss_peak_mb)
    yield "overlap", f"{figure(overlaps[len(overlaps) // 2])} ×"
    yield "errors", f"{sum(sum(run.errors.values()) for run in runs):,}"


def _bounds(comparison: Comparison) -> Iterator[str]:
    if comparison.baseline is not None:
        yield one_by_one(comparison.baseline)
    for each in comparison.summary:
        name, model = comparison.naming.name(contestant_of(each)), each.model
        server = "" if each.server_busy is None else f"; server busy {percent(each.server_busy)}"
        if each.wait_error is not None:
            server += f"; waits {_compared_with_recording(each.wait_error)}"
        yield (
            f"{name} took {seconds(each.wall_s)}{_faster(each)}. "
            f"Model: one by one {seconds(model.one_by_one_s)}; overlapped, at best "
            f"{seconds(model.overlapped_s)}{_parallel(model)}. Limited by {each.limited_by}; no "
            f"free CPU core for {percent(each.descheduled)} of the time{server}."
        )


def _parallel(model: Simultaneous) -> str:
    parsers = count(model.workers, "parse process", "parse processes")
    return f"; with {parsers} as well, {seconds(model.parallel_s)}" if model.workers else ""


def _compared_with_recording(error: float) -> str:
    if abs(error) < 0.005:
        return "as recorded"
    return f"{percent(abs(error))} {'longer' if error > 0 else 'shorter'} than recorded"


def _faster(each: Summary) -> str:
    found = each.speedup
    if found is None:
        return ""
    between = f"{figure(found.low)} to {figure(found.high)}"
    return f", {figure(found.ratio)} × as fast as one by one ({between})"


def _parity(comparison: Comparison) -> Iterator[str]:
    parity = comparison.parity
    yield from (f"Different option: {each}" for each in parity.settings)
    yield from (f"Unexpected difference: {each}" for each in parity.unexplained)
    yield "Same for all: " + "; ".join(f"{name}: {how}" for name, how in parity.same.items())
    yield from (f"Known difference: {each}" for each in parity.engines)


def _left_out(comparison: Comparison) -> Iterator[str]:
    yield from comparison.left_out
    if comparison.recording is not None:
        yield from comparison.recording.left_out
