"""Writes ``report.html`` from the other files in a run directory."""

from pathlib import Path

from crawler.model.errors import writing
from crawler.model.files import replace_file
from crawler.reporting.html.crawl_page import crawl_report
from crawler.reporting.html.run_files import check, read_record, read_run
from crawler.runs.layout import is_sharded

NAME = "report.html"


def write_html(directory: Path) -> Path:
    """Write ``report.html`` into a run directory, replacing an older one; returns its path.

    Raises UsageError if ``directory`` does not hold a run that has ended. Raises StateError if one
    of its files is missing or was not written by this version, or if the report cannot be written.
    """
    check(directory)
    text = _text(directory)
    path = directory / NAME
    with writing(path):
        replace_file(path, text.encode())
    return path


def _text(directory: Path) -> str:
    compared = directory / "compare.json"
    if compared.exists():
        # Imported only when needed: a crawl has none.
        from crawler.metrics.comparison import Comparison
        from crawler.reporting.html.comparison_page import compare_report

        return compare_report(read_record(compared, Comparison), directory.resolve().name)
    if is_sharded(directory):
        # Imported only when needed: most crawls are not sharded.
        from crawler.reporting.html.sharded_files import read_sharded_run

        return crawl_report(read_sharded_run(directory))
    return crawl_report(read_run(directory))
