"""The files by which another reader of WARC, warcio, is tested."""

from pathlib import Path

import pytest

from crawler.model.exchange import Response
from crawler.sinks.warc.archive import Archive

DATA = Path(__file__).parents[3] / "data" / "warcio"
OF_WARCIO: tuple[tuple[str, dict[str, tuple[int, int]], int], ...] = (
    ("example.warc", {"http://example.com/": (200, 606)}, 0),
    ("example.warc.gz", {"http://example.com/": (200, 606)}, 0),
    ("example-bad-non-chunked.warc.gz", {"http://example.com/": (200, 606)}, 0),
    ("example-bad.warc.gz.bad", {"http://example.com/?example=1": (200, 1270)}, 0),
    ("example-iana.org-chunked.warc", {"http://www.iana.org/": (200, 7223)}, 0),
    ("example-wget-bad-target-uri.warc.gz", {"http://example.com/": (200, 1270)}, 0),
    (
        "post-test.warc.gz",
        {"http://httpbin.org/post": (200, 545), "http://httpbin.org/post?foo=bar": (200, 551)},
        0,
    ),
    ("example-digest.warc", {}, 0),  # requests only
    ("example-resource.warc.gz", {}, 0),
    ("example-space-in-target-uri.warc.gz", {}, 0),
    ("example-trunc.warc", {}, 1),  # its Content-Length is two bytes too small
    ("example-wrong-chunks.warc.gz", {}, 0),  # one byte shorter than its HTTP head says
)
"""Files, the status and the length of the body of each URL, and how much is skipped.

Where warcio reads a file, it has the same; the compressed ones that are not a member per record it
refuses.
"""


@pytest.mark.promise("P96")
@pytest.mark.parametrize(("name", "pages", "skipped"), OF_WARCIO)
def test_files_of_another_reader_are_read(
    name: str, pages: dict[str, tuple[int, int]], skipped: int
) -> None:
    urls = ("http://example.com/", "http://www.iana.org/", *pages)
    with Archive(DATA / name) as archive:
        answers = {url: archive.answer(url) for url in urls}
        assert {
            url: (each.status, len(each.body))
            for url, each in answers.items()
            if isinstance(each, Response)
        } == pages
        assert len(archive.losses) == skipped
