"""What only the report of a sharded crawl shows."""

from crawler.metrics.sentences import shard_use
from crawler.model.units import count
from crawler.reporting.html.charts import row, table
from crawler.reporting.html.elements import Markup, element
from crawler.reporting.html.run_files import RunFiles, ShardRow
from crawler.reporting.html.sections import dotted, section


def shards(run: RunFiles) -> Markup:
    """A section with a table of shards; empty if the crawl was not sharded."""
    use, found = run.report.shards, run.sharded
    if use is None or found is None:
        return Markup()
    heads = ("shard", "pages", "failed", "left", "sessions", "killed")
    return section(
        "Shards",
        element("p", dotted([*shard_use(use), *_left_out(found.rows, use.shards)])),
        table("Shards", heads, map(_row, found.rows), class_="numbers"),
    )


def _left_out(rows: tuple[ShardRow, ...], shards: int) -> list[str]:
    if len(rows) == shards:
        return []
    return [
        f"below are {count(len(rows), 'shard')}, those with killed sessions and most left first"
    ]


def _row(shard: ShardRow) -> Markup:
    link = element("a", shard.name, href=f"./{shard.place}")
    figures = (shard.pages, shard.failed, shard.pending, shard.sessions, shard.killed)
    return row(link, *(f"{number:,}" for number in figures))
