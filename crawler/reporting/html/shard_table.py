"""What only the report of a sharded crawl shows."""

from collections.abc import Iterator

from crawler.metrics.report import ShardUse
from crawler.metrics.sentences import on_the_way, shard_use
from crawler.model.units import count
from crawler.reporting.html.charts import row, table
from crawler.reporting.html.elements import Markup, element
from crawler.reporting.html.run_files import RunFiles, ShardRow
from crawler.reporting.html.sections import dotted, more, section

_SHORT = 20
"""A longer table is folded."""


def shards(run: RunFiles) -> Markup:
    """A section with a table of shards; empty if the crawl was not sharded."""
    use, found = run.report.shards, run.sharded
    if use is None or found is None:
        return Markup()
    heads = ("shard", "pages", "failed", "left", "sessions", "killed")
    rows = table("Shards", heads, map(_row, found.rows), class_="numbers")
    is_long = len(found.rows) > _SHORT
    return section(
        "Shards",
        element("p", dotted(_says(use))),
        more(_shown(use, len(found.rows)), rows) if is_long else rows,
    )


def _says(use: ShardUse) -> Iterator[str]:
    yield from shard_use(use)
    if use.on_the_way:
        yield on_the_way(use.on_the_way)


def _shown(use: ShardUse, rows: int) -> str:
    chosen = ", those with killed sessions and most left first" if rows < use.shards else ""
    return f"{count(rows, 'shard')}{chosen}"


def _row(shard: ShardRow) -> Markup:
    link = element("a", shard.name, href=f"./{shard.place}")
    figures = (shard.pages, shard.failed, shard.pending, shard.sessions, shard.killed)
    return row(link, *(f"{number:,}" for number in figures))
