"""A report as a piece of HTML for notebooks.

It has no script and no style sheet, which would apply to the whole notebook. Its colours can be
seen on light and on dark pages, and its text has the colour of the page.
"""

from collections.abc import Iterable, Iterator, Mapping
from html import escape

from crawler.metrics import sentences
from crawler.metrics.report import Report
from crawler.model.units import count, figure, percent

_COLOURS = {
    "computing": "#6c8099",
    "waiting": "#dba12a",
    "politeness": "#329f8f",
    "starved": "#a27bc2",
    "backpressure": "#d8684b",
    "descheduled": "#87919c",
}
"""Of the parts of the time budget."""
_CELL = "padding:.1em .75em .1em 0;text-align:left;vertical-align:top;background:none;border:0"


def card(report: Report) -> str:
    """Return a table with a title: pages, speed, time, I/O wait and what limits the speed."""
    title = f"<b>crawler</b> · {escape(sentences.title(report))}"
    rows = "".join(_row(label, content) for label, content in _contents(report))
    table = f'<table style="margin:.4em 0 0;border:0;border-collapse:collapse">{rows}</table>'
    return f'<div style="max-width:60em;line-height:1.45">{title}{table}</div>'


def _row(label: str, content: str) -> str:
    """``content`` is HTML."""
    head = f'<th scope="row" style="{_CELL};white-space:nowrap">{label}</th>'
    return f'<tr style="background:none">{head}<td style="{_CELL};width:100%">{content}</td></tr>'


def _contents(report: Report) -> Iterator[tuple[str, str]]:
    """Labels, and the HTML beside them."""
    urls, limit = report.urls, report.limited_by
    pages = f"{urls.done:,} of {count(urls.input + urls.discovered, 'URL')}"
    yield "Pages", _items([pages, *sentences.page_details(urls, report.bytes)])
    if urls.failed:
        yield "Failed", _items([f"{urls.failed:,}", *sentences.tally(report.errors)])
    if urls.skipped:
        yield "Skipped", _items([f"{urls.skipped:,}", *sentences.tally(report.skips)])
    left = list(sentences.left(report))
    if left:
        yield "Left", _items(left)
    if urls.done:
        yield "Speed", f"{figure(report.pages_per_s)} pages/s"
    shares = report.budget.shares(report.thread_s)
    if shares:
        yield "Time", _bar(shares)
    yield "I/O wait", escape(sentences.saved(report.io_wait, report.concurrency))
    yield "Limit", f"<b>{escape(limit.says)}</b> {escape(limit.change)}"


def _items(texts: Iterable[str]) -> str:
    return escape(" · ".join(texts))


def _bar(shares: Mapping[str, float]) -> str:
    """A bar to scale, and what its colours mean."""
    parts = "".join(_block(name, f"flex:{share:.4f} 0 2px") for name, share in shares.items())
    bar = f'<div style="display:flex;height:.9em;margin:.3em 0" aria-hidden="true">{parts}</div>'
    key = "display:inline-block;width:.7em;height:.7em"
    legend = " ".join(
        f'<span style="white-space:nowrap;margin-right:.75em">'
        f"{_block(name, key)} {name} {percent(share)}</span>"
        for name, share in shares.items()
    )
    return bar + legend


def _block(name: str, style: str) -> str:
    return f'<span style="{style};background:{_COLOURS[name]}"></span>'
