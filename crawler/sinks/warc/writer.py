"""The writer of ``--record``: appends finished exchanges to a WARC archive."""

from pathlib import Path

import msgspec

from crawler.model.errors import FetchError
from crawler.model.exchange import Request, Response
from crawler.sinks.file import FileWriter
from crawler.sinks.warc.records import NO_SECRETS, Exchange, Secrecy, beginning, records


def encode(request: Request, answer: Response | FetchError) -> bytes:
    """A chunk for ``WarcWriter``: a copy, so that recording costs the fetch thread little."""
    return _ENCODER.encode(Exchange.of(request, answer))


class WarcWriter:
    """Appends exchanges (chunks of ``encode``) to an archive at ``path``.

    If the name ends in .gz, each record is a gzip member of its own.
    """

    can_cut = True

    def __init__(self, path: Path, secrecy: Secrecy = NO_SECRETS, *, resumed: bool = False) -> None:
        """``path`` must not exist, unless it is ``resumed``: then call ``cut`` first."""
        self._secrecy = secrecy
        self._name = path.name
        self._gzip = path.suffix == ".gz"
        self._file = FileWriter(path, resumed=resumed)

    def append(self, chunk: bytes) -> None:
        if not self._file.length:
            self._file.append(beginning(self._name, gzip=self._gzip))
        self._file.append(records(_DECODER.decode(chunk), self._secrecy, gzip=self._gzip))

    def commit(self) -> int:
        return self._file.commit()

    def cut(self, offset: int) -> None:
        self._file.cut(offset)

    def close(self) -> None:
        self._file.close()


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Exchange)
