"""A function for ``--parser`` that lets a page do to its worker what it likes."""

import mmap

from support.parsers import marked

from crawler.parsing.document import Document

_hoard: list[mmap.mmap] = []


def obedient(document: Document) -> dict[str, object]:
    """Obey the order in the page: kill, hang, raise, want a terabyte, or take all and keep it."""
    if "bloat me" in document.text:
        bytearray(1 << 40)
    if "hoard for me" in document.text:
        _take_all()
    return marked(document)


def _take_all() -> None:
    """All the address space the process may have; none of it is touched."""
    for size in (1 << 28, 1 << 20, 1 << 12):
        try:
            while True:
                _hoard.append(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        except OSError:
            continue
