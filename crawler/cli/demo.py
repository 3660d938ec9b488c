"""``python -m crawler.cli.demo``: crawl a synthetic web on this machine, as a demonstration."""

import sys
import tempfile
from pathlib import Path

from crawler.app.standard_streams import prepare
from crawler.cli import main as crawler
from crawler.localweb.site import SiteOptions, SiteProcess


def main() -> int:
    """Crawl it like a user; returns the exit code. Raises CrawlerError if it cannot be served."""
    prepare()
    options = SiteOptions()
    sys.stderr.write(
        f"No URLs given: crawling {options.pages} synthetic pages on {options.hosts} local hosts; "
        f"their median response time is {options.latency_ms:g} ms.\n"
    )
    with SiteProcess(options) as site, tempfile.TemporaryDirectory() as folder:
        urls = Path(folder, "urls.txt")
        urls.write_text(site.list_text, "utf-8")
        return crawler(["crawl", str(urls)])


if __name__ == "__main__":
    sys.exit(main())
