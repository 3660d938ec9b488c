"""What only the report of a sharded crawl shows."""

from collections.abc import Iterator

from crawler.metrics.report import ShardUse
from crawler.metrics.sentences import on_the_way, shard_use
from crawler.model.units import count
from crawler.reporting.html.charts import row, table
from crawler.reporting.html.elements import Markup, element
from crawler.reporting.html.run_files import ROWS, RunFiles, ShardRow
from crawler.reporting.html.sections import dotted, section


def shards(run: RunFiles) -> Markup:
    """A section with a table of shards; empty if the crawl was not sharded."""
    use, found = run.report.shards, run.sharded
    if use is None or found is None:
        return Markup()
    heads = ("shard", "pages", "failed", "left", "sessions", "killed")
    return section(
        "Shards",
        element("p", dotted(_says(use, len(found.rows)))),
        table("Shards", heads, map(_row, found.rows), class_="numbers"),
    )


def _says(use: ShardUse, rows: int) -> Iterator[str]:
    yield from shard_use(use)
    if use.on_the_way:
        yield on_the_way(use.on_the_way)
    if rows == ROWS < use.shards:
        yield f"below are {count(rows, 'shard')}, those with killed sessions and most left first"


def _row(shard: ShardRow) -> Markup:
    link = element("a", shard.name, href=f"./{shard.place}")
    figures = (shard.pages, shard.failed, shard.pending, shard.sessions, shard.killed)
    return row(link, *(f"{number:,}" for number in figures))
