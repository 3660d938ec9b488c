"""The pages to be crawled: made up from a seed, the same every time, and what is true of them."""

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.records import Facts

_LINKS = 20
_TEXT = (
    "the quick brown fox jumps over a lazy dog while seven wizards boil strange potions under"
    " pale moonlight and nobody asks why their cauldron hums &amp; glows café naïve"
)
_WORDS = _TEXT.split()


def list_page(number: int, size: int, pages: int) -> tuple[bytes, int]:
    """A page of about ``size`` bytes among ``pages``, and how many different links it has."""
    rng = random.Random(number)
    targets = [rng.randrange(pages) for _ in range(_LINKS)]
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
    facts = []
    for number in range(pages):
        body, links = list_page(number, size, pages)
        (folder / f"{number}.html").write_bytes(body)
        facts.append(Facts(hashlib.sha256(body).hexdigest(), links))
    return facts


def write_urls(path: Path, urls: Sequence[str]) -> str:
    """A list for the crawler and for those beside it; gives its path."""
    path.write_text("".join(f"{url}\n" for url in urls))
    return str(path)
