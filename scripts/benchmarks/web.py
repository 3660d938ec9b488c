"""The pages to be crawled: made up from a seed, the same every time, and what is true of them."""

import hashlib
import math
import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.records import Facts

_LINKS = 20
MIX_MEDIAN, MIX_SIGMA = 30_000, 1.2
"""Of 100 pages 10 have at most 6 KB, 10 at least 140 KB, and one has at least 490 KB."""
MIX_LEAST, MIX_MOST = 1_000, 2_000_000
MIX_BYTES_PER_LINK = 600
_MIX_SEED = 20261201
_TEXT = (
    "the quick brown fox jumps over a lazy dog while seven wizards boil strange potions under"
    " pale moonlight and nobody asks why their cauldron hums &amp; glows café naïve"
)
_WORDS = _TEXT.split()


def list_page(number: int, size: int, pages: int, links: int = _LINKS) -> tuple[bytes, int]:
    """A page of about ``size`` bytes among ``pages``, and how many different links it has."""
    rng = random.Random(number)
    targets = [rng.randrange(pages) for _ in range(links)]
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f"<title>Page {number}</title>",
        f'<meta name="description" content="page {number}"></head><body>',
    ]
    parts += [f'<a href="{target}.html" class="link">link {target}</a>' for target in targets]
    length = sum(map(len, parts))
    while length < size:
        parts.append(f'<p class="text">{" ".join(rng.choices(_WORDS, k=60))}</p>')
        length += len(parts[-1])
    return "\n".join((*parts, "</body></html>\n")).encode(), len(set(targets))


def write_list(folder: Path, pages: int, size: int) -> list[Facts]:
    """``0.html`` … in ``folder``; what is true of each."""
    return [_write(folder, number, *list_page(number, size, pages)) for number in range(pages)]


def write_mix(folder: Path, pages: int) -> list[Facts]:
    """The same with the sizes of ``mix_sizes``, and a link for each ``MIX_BYTES_PER_LINK``."""
    facts = []
    for number, size in enumerate(mix_sizes(pages)):
        links = max(1, size // MIX_BYTES_PER_LINK)
        facts.append(_write(folder, number, *list_page(number, size, pages, links)))
    return facts


def mix_sizes(pages: int) -> list[int]:
    """Bytes of each page, drawn like those of HTML pages of the web; the same every time.

    Log-normal, as sizes of files on the web usually are, and cut at ``MIX_LEAST`` and ``MIX_MOST``.
    """
    rng, mean = random.Random(_MIX_SEED), math.log(MIX_MEDIAN)
    drawn = (rng.lognormvariate(mean, MIX_SIGMA) for _ in range(pages))
    return [round(min(MIX_MOST, max(MIX_LEAST, size))) for size in drawn]


def _write(folder: Path, number: int, body: bytes, links: int) -> Facts:
    (folder / f"{number}.html").write_bytes(body)
    return Facts(hashlib.sha256(body).hexdigest(), links)


def write_urls(path: Path, urls: Sequence[str]) -> str:
    """A list for the crawler and for those beside it; gives its path."""
    path.write_text("".join(f"{url}\n" for url in urls))
    return str(path)
