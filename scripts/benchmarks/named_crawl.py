"""One crawl of a list whose names a server of the benchmarks knows, without any politeness.

``python -m benchmarks.named_crawl PORT ENGINE CONCURRENCY URLS RUN``: the port is that of the name
server. The command line has no option for it.
"""

import sys
from pathlib import Path

import crawler
from crawler.fetch.network import SystemNetwork, mocking


def main() -> None:
    port, engine, concurrency, urls, run = sys.argv[1:]
    with mocking(SystemNetwork((f"127.0.0.1:{port}",))):
        crawler.crawl(
            Path(urls).read_text().split(),
            engine=engine,
            concurrency=int(concurrency),
            per_host=int(concurrency),
            per_address=int(concurrency),
            delay=0.0,
            allow_private=("127.0.0.0/8",),
            run=run,
        )


if __name__ == "__main__":
    main()
