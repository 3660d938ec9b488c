"""The chart of responses per second."""

from collections.abc import Sequence

from crawler.metrics.report import Report
from crawler.metrics.timeline import Line
from crawler.model.units import figure, seconds
from crawler.reporting.html.charts import area, framed
from crawler.reporting.html.elements import Markup, element, join
from crawler.reporting.html.run_files import RunFiles

_STEPS = (24, 120)
"""Fewest and most steps of the chart; in between, one step per ten fetches."""


def responses(run: RunFiles) -> Markup:
    """Empty if there were no responses."""
    if run.sharded is not None:
        return _chart(run.sharded.responses, run.sharded.time_s)
    return _of_timeline(run.report, run.timeline)


def _of_timeline(report: Report, lines: Sequence[Line]) -> Markup:
    """The timeline may contain only a sample of the responses."""
    ends = [line.t + line.total for line in lines if line.error is None]
    if not ends:
        return join([])
    wall = max(report.wall_s, *ends)
    fewest, most = _STEPS
    steps = [0.0] * min(most, max(fewest, len(ends) // 10))
    # If only every n-th fetch is in the timeline, each of them counts for n.
    weight = sum(report.status.values()) / len(ends) * len(steps) / wall
    for end in ends:
        steps[min(len(steps) - 1, int(end / wall * len(steps)))] += weight
    return _chart(steps, wall)


def _chart(per_second: Sequence[float], wall: float) -> Markup:
    if not per_second:
        return join([])
    top = f"{figure(max(per_second))}/s"
    plot = area(per_second, f"Responses per second over {seconds(wall)}, at most {top}")
    return element(
        "figure",
        element("figcaption", "Responses per second"),
        framed(plot, top, ("0 s", seconds(wall / 2), seconds(wall))),
    )
