"""The HTML report of a comparison."""

from collections.abc import Iterator, Sequence
from statistics import fmean

import msgspec

from crawler.metrics.comparison import (
    Comparison,
    Parity,
    RunOutcome,
    SpeedUp,
    Summary,
    TimedRun,
    Verdict,
)
from crawler.metrics.contestants import Naming, OfContestant, contestant_of
from crawler.metrics.report import TimeBudget
from crawler.metrics.sentences import one_by_one
from crawler.model.units import count, figure, percent, seconds, size
from crawler.reporting.html.charts import key, row, spread, stacked, table
from crawler.reporting.html.elements import Markup, element, join
from crawler.reporting.html.page import page
from crawler.reporting.html.sections import bullets, dotted, facts, header, more, section
from crawler.reporting.html.shares import BUDGET, parts

_SAME = (0.97, 1.03)
"""Between these ratios two contestants count as equally fast."""
_MARGIN = 1.04
"""A scale extends beyond its values by this factor."""
_OUTCOMES = {
    RunOutcome.FASTER: "{} is faster",
    RunOutcome.NO_DIFFERENCE: "no difference shown",
    RunOutcome.LIMITED: "limited by something else",
    RunOutcome.WITHHELD: "withheld",
}


def compare_report(found: Comparison, name: str) -> str:
    """Write the text of ``report.html`` for the comparison in run directory ``name``."""
    figures = [_throughput(found), _ratios(found), _computing(found), _budgets(found)]
    figures.append(_waits(found))
    parity, runs = _parity(found), _runs(found)
    if found.comparable:
        rest = [*figures, parity, runs]
    else:  # the differences come before any figure
        folded = join([*figures, runs])
        rest = [parity, more("Figures, which must not be compared", folded)]
    content = [header(_kind(found.naming), name, _title(found)), _verdict(found), *rest]
    return page(f"{name} · comparison", content, (), b"")


def _kind(naming: Naming) -> str:
    engines = ["engines"] if naming.compares_fetching else []
    executors = ["parse executors"] if naming.compares_parsing else []
    return f"Comparison of {' and '.join([*engines, *executors])}"


def _title(found: Comparison) -> str:
    where = "on the network itself" if found.live else "on a replay of one recorded crawl"
    runs = count(len(found.runs), "run")
    return f"{count(found.urls, 'URL')}, {runs} {where} · took {seconds(found.seconds)}"


def _verdict(found: Comparison) -> Markup:
    best = found.recommended
    lead = "Nothing is recommended." if best is None else f"Use {_named(found, best)}."
    because = "" if best is None else best.because[:1].upper() + best.because[1:]
    return section(
        "Verdict",
        element("p", lead, class_="lead"),
        element("p", because),
        bullets(each.says for each in found.verdict),
        bullets((*found.notes, *found.left_out), class_="quiet"),
        class_="verdict",
    )


def _throughput(found: Comparison) -> Markup:
    most = max((run.pages_per_s for run in found.runs), default=0.0) * _MARGIN

    def lines() -> Iterator[Markup]:
        for each in found.summary:
            dots = [run.pages_per_s for run in _of(found.runs, each)]
            low, high = each.low_pages_per_s, each.high_pages_per_s
            plot = spread(dots, low, high, each.pages_per_s, (0.0, most))
            numbers = f"{figure(each.pages_per_s)} ({figure(low)} to {figure(high)})"
            yield row(_named(found, each), plot, numbers, each.limited_by)

    return section(
        "Throughput",
        element(
            "p",
            f"Pages per second from 0 to {figure(most)}: a dot for each run, a bar for the median "
            "and a band for its 95 % interval.",
            class_="quiet",
        ),
        table("Throughput", ("", "", "pages/s", "limited by"), lines(), class_="charts"),
    )


def _ratios(found: Comparison) -> Markup:
    """The interval of each pair, on one scale; nothing if no verdict has figures."""
    shown = [each for each in found.verdict if each.ratio and each.low and each.high]
    if not shown:
        return join([])
    ends = [*_SAME, *(end for each in shown for end in (each.low or 1.0, each.high or 1.0))]
    span = (min(ends) / _MARGIN, max(ends) * _MARGIN)
    rows = (_ratio(found.naming, each, span) for each in shown)
    return section(
        "Pairs",
        element(
            "p",
            f"How many times as fast the first one is, from {span[0]:.2f} to {span[1]:.2f}, with "
            "the 95 % interval of paired runs. In the shaded part, 0.97 to 1.03, the two count as "
            "equally fast.",
            class_="quiet",
        ),
        table("Pairs", ("", "", "ratio", "verdict"), rows, class_="charts"),
    )


def _ratio(naming: Naming, each: Verdict, span: tuple[float, float]) -> Markup:
    ratio, low, high = each.ratio or 1.0, each.low or 1.0, each.high or 1.0
    names = naming.pair(*each.pair)
    return row(
        ", ".join(filter(None, [f"{names.a} : {names.b}", names.shared])),
        spread((), low, high, ratio, span, shaded=_SAME),
        f"{ratio:.2f} ({low:.2f} to {high:.2f})",
        _OUTCOMES[each.what].format(names.a if ratio >= 1 else names.b),
    )


def _computing(found: Comparison) -> Markup:
    """Who computed how much, and what was learned from it; nothing if parsing is not compared."""
    if not found.naming.compares_parsing:
        return join([])
    rows = (
        row(
            _named(found, each),
            seconds(each.cpu.fetch_s),
            seconds(each.cpu.parse_s) if each.workers else "in that of fetching",
            f"{each.cores:.2f}",
            size(each.rss_peak_mb * 1e6),
        )
        for each in found.summary
    )
    heads = ("", "CPU of fetching", "CPU of parsing", "cores used", "memory")
    return section(
        "Parsing", bullets(found.parsing), table("Computing", heads, rows, class_="numbers")
    )


def _budgets(found: Comparison) -> Markup:
    def lines() -> Iterator[Markup]:
        for each in found.summary:
            budget = _mean([run.budget for run in _of(found.runs, each)])
            shares = parts(budget, BUDGET)
            whole = sum(budget.values()) or 1.0
            labels = [
                f"{part.name} {percent(part.value / whole)}"
                for part in shares
                if part.value >= 0.005 * whole
            ]
            yield row(_named(found, each), stacked(shares, ", ".join(labels)), dotted(labels))

    return section(
        "Where the fetch thread's time went",
        key(BUDGET),
        table("Time budgets", ("", "mean of all runs", ""), lines(), class_="budgets"),
    )


def _waits(found: Comparison) -> Markup:
    rows = (
        row(
            _named(found, each),
            *map(seconds, (each.wall_s, each.model.one_by_one_s, each.model.overlapped_s)),
            seconds(each.model.parallel_s),
            _times(each.speedup),
        )
        for each in found.summary
    )
    heads = (
        "",
        "measured",
        "one by one",
        "overlapped",
        "and parsed in parallel",
        "measured speed-up",
    )
    return section(
        "At best",
        *([element("p", one_by_one(found.baseline))] if found.baseline else []),
        element(
            "p",
            "The least time that the waiting and the computing of these runs can take: one page "
            "after the other, with overlapped waits, and with parsing in parallel as well. The "
            "measured speed-up is the baseline divided by the time of the runs.",
            class_="quiet",
        ),
        table("Model", heads, rows, class_="numbers"),
    )


def _times(found: SpeedUp | None) -> str:
    if found is None:
        return "not measured"
    return f"{figure(found.ratio)} × ({figure(found.low)} to {figure(found.high)})"


def _parity(found: Comparison) -> Markup:
    parity = found.parity
    same = "All runs had the same results: the same pages, failures and skips."
    if not found.same_results:
        same = "The runs had different results, so there is no verdict."
    rows = (row(*pair) for pair in parity.same.items())
    return section(
        "Parity",
        element("p", same),
        bullets(found.differences),
        *_unequal(parity),
        more(
            "What was the same for all",
            table("The same for all", ("what", "how"), rows, class_="texts"),
        ),
        *_recorded(found),
    )


def _unequal(parity: Parity) -> Iterator[Markup]:
    for heading, differences in (
        ("Different options", parity.settings),
        ("Unexpected differences", parity.unexplained),
        ("Known differences between the engines", parity.engines),
    ):
        if differences:
            yield element("h3", heading)
            yield bullets(differences)


def _recorded(found: Comparison) -> Iterator[Markup]:
    recording = found.recording
    if recording is not None:
        yield element("h3", "The recording")
        yield facts(
            ("Archive", recording.archive),
            ("Took", seconds(recording.wall_s)),
            ("I/O wait", seconds(recording.io_wait_s)),
            ("Replayed", dotted(_replayed(found)) or "not measured"),
        )
        yield bullets(recording.left_out)


def _replayed(found: Comparison) -> Iterator[str]:
    """How much longer the waits in the replay were than in the recording."""
    for each in found.summary:
        if each.wait_error is not None:
            yield f"{_named(found, each)}: waits {100 * each.wait_error:+.1f} %"


def _runs(found: Comparison) -> Markup:
    heads = (
        "run", "repeat", "pages/s", "wall", "CPU per 1,000", "memory", "I/O wait", "exposed",
        "saved", "overlap", "median", "99 % <", "errors", "limit",
    )  # fmt: skip
    rows = (_run(_named(found, run), run) for run in found.runs)
    return section("Runs", table("Runs", heads, rows, class_="numbers runs"))


def _run(name: str, run: TimedRun) -> Markup:
    io = run.io_wait
    overlap = "" if io.overlap is None else f"{figure(io.overlap)} ×"
    return row(
        name,
        f"{run.repeat}",
        figure(run.pages_per_s),
        seconds(run.wall_s),
        seconds(run.cpu_s_per_1000),
        size(run.rss_peak_mb * 1e6),
        *map(seconds, (io.total_s, io.exposed_s, io.saved_s)),
        overlap,
        *map(seconds, (run.latency_ms.p50 / 1e3, run.latency_ms.p99 / 1e3)),
        f"{sum(run.errors.values()):,}",
        run.limited_by.what.value,
    )


def _named(found: Comparison, each: OfContestant) -> str:
    return found.naming.name(contestant_of(each))


def _of(runs: Sequence[TimedRun], each: Summary) -> list[TimedRun]:
    return [run for run in runs if contestant_of(run) == contestant_of(each)]


def _mean(budgets: Sequence[TimeBudget]) -> dict[str, float]:
    fields = [msgspec.structs.asdict(budget) for budget in budgets]
    return {name: fmean(each[name] for each in fields) if fields else 0.0 for name in BUDGET}
