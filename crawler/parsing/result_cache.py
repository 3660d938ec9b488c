"""``--cache DIR``: what was read from a page before is taken, not computed again."""

import sqlite3
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import can_ada
import cchardet
import msgspec
import selectolax

from crawler.model.errors import CrawlerError
from crawler.model.version import __version__
from crawler.parsing.cache_file import CacheFile, discard, is_busy, is_damage, open_cache
from crawler.parsing.findings import Findings
from crawler.parsing.job import CacheOptions, Job, ParseOptions

MOST_ENTRY_BYTES = 1 << 20
"""A larger result is not kept."""
_CHECKSUM_BYTES = 16
_LIBRARIES = (selectolax, can_ada, cchardet)
"""They compute results: HTML (selectolax brings its own lexbor), URLs, character sets."""

T = TypeVar("T")


class ResultCache:
    """The results in the folder of ``cache``, for one worker; there may be many others.

    It raises nothing: what cannot be read is missing, what cannot be written is not kept, and
    ``flush`` returns why.
    """

    def __init__(self, cache: CacheOptions, options: ParseOptions) -> None:
        self._folder = Path(cache.folder)
        self._most_bytes = cache.most_bytes
        self._recipe = _recipe(options)
        self._new: list[tuple[bytes, bytes]] = []
        self._trouble = ""
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Findings).decode
        self._file: CacheFile | None = None
        self._open()

    def key(self, digest: bytes, job: Job) -> bytes:
        """The key of the result for a body with this SHA-256: what it depends on, and no more.

        Scope, depth and X-Robots-Tag decide which links are followed, not which a page has.
        """
        depends_on = (self._recipe, digest, job.final_url, job.content_type, job.refresh)
        return sha256(self._encode(depends_on)).digest()

    def find(self, key: bytes) -> Findings | None:
        """The result that was kept under ``key``; None if there is not one, or it is damaged."""
        sealed = self._try(lambda file: file.get(key))
        if sealed is None:
            return None
        value = sealed[_CHECKSUM_BYTES:]
        if _checksum(key, value) == sealed[:_CHECKSUM_BYTES]:
            return self._decode(value)
        self._try(lambda file: file.remove(key))
        return None

    def keep(self, key: bytes, findings: Findings) -> None:
        """Keep ``findings`` from the next ``flush`` on."""
        value = self._encode(findings)
        if len(value) <= MOST_ENTRY_BYTES:
            self._new.append((key, _checksum(key, value) + value))

    def flush(self) -> str:
        """Write what is new. Returns why the cache is not used from now on, once; else no text."""
        pairs, self._new = self._new, []
        if pairs:
            self._try(lambda file: file.put(pairs))
        trouble, self._trouble = self._trouble, ""
        return trouble

    def _try(self, call: Callable[[CacheFile], T]) -> T | None:
        """Return what ``call`` returns; None after an error, or without a file."""
        if self._file is None:
            return None
        try:
            return call(self._file)
        except sqlite3.Error as error:
            if not is_busy(error):
                self._replace(error)
            return None

    def _replace(self, error: sqlite3.Error) -> None:
        """Open a new file in place of a damaged one; after other errors there is no file."""
        assert self._file is not None
        self._file.close()
        self._file = None
        try:
            if is_damage(error) and discard(self._folder):
                self._open()
                return
        except (OSError, CrawlerError):
            pass  # the first error says more
        self._trouble = f"{self._folder}: {error}"

    def _open(self) -> None:
        try:
            self._file = open_cache(self._folder, self._most_bytes)
        except CrawlerError as error:
            self._trouble = str(error)


def _checksum(key: bytes, value: bytes) -> bytes:
    """It includes the key: a value of another key is damage, too."""
    return sha256(key + value).digest()[:_CHECKSUM_BYTES]


def _recipe(options: ParseOptions) -> bytes:
    """A digest of all that a result depends on and that is the same for all pages.

    Our own code is part of it, because a checkout changes without a new version.
    """
    package = Path(__file__).parents[1]
    files = sorted(
        [
            *package.glob("model/*.py"),
            *package.glob("parsing/*.py"),
            *package.glob("parsing/extract/*.py"),
        ]
    )
    code = sha256(b"\0".join([file.read_bytes() for file in files])).digest()
    versions = [__version__, sys.version, *[library.__version__ for library in _LIBRARIES]]
    parts = (code, versions, options.extract, sorted(options.names))
    return sha256(msgspec.msgpack.encode(parts)).digest()
