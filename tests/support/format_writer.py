"""Writes pages to an output until it is killed or the disk is full.

Prints offset and number of pages per commit.

``python -m support.format_writer PATH OFFSET FIRST``: with an OFFSET above 0 it resumes PATH.
"""

import sys
from pathlib import Path

from crawler.model.errors import StateError
from crawler.model.pages import Page
from crawler.sinks.base import SinkTarget
from crawler.sinks.formats import format_of, make_sink


def page(number: int) -> Page:
    """The page with this number: always the same one."""
    url = f"http://a.example/{number}"
    return Page(
        url=url,
        final_url=url,
        status=200,
        content_type="text/html",
        fetched_at="2026-01-01T00:00:00.123456Z",
        elapsed_ms=1.5 + number,
        bytes=number,
        digest=f"{number:064x}",
        depth=number % 3,
        encoding="utf-8",
        title=f"Tea, “{number}”\n",
        description=None if number % 2 else "=1+1",
        links=tuple(f"{url}/{link}" for link in range(number % 4)),
        fields={"price": f"{number}.50", "photos": [f"{number}.jpg"]},
    )


def main() -> None:
    place, offset, first = sys.argv[1:]
    resumed, number = int(offset) > 0, int(first)
    sink = make_sink(format_of(Path(place)), SinkTarget("pages", Path(place), resumed))
    if resumed:
        sink.writer.cut(int(offset))
    while True:
        for _ in range(1 + number % 7):
            sink.writer.append(sink.encoder.encode(page(number)))
            number += 1
        sys.stdout.write(f"{sink.writer.commit()} {number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except StateError as error:
        sys.exit(str(error))
