"""Reads the exchanges in a WARC archive, by URL."""

import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Response, Timing
from crawler.model.urls import UrlError, canonical, key, origin
from crawler.sinks.warc.http_message import RecordedHead, parse_head
from crawler.sinks.warc.reader import NotByRecordError, RecordHead, WarcFile
from crawler.sinks.warc.records import _FIELDS, METHOD, TRANSFER_CODING

CACHED_BYTES = 64_000_000
_OVERHEAD = 2000
"""Approximate memory, in bytes, of a response without a body."""
_STATUS = re.compile(r"HTTP/([\d.]+) +(\d{3})(?!\d)", re.IGNORECASE)
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,12})[^\r\n]*\r?\n")
_NO_HEAD = b"HTTP/1.1 304\r\n\r\n"
"""Used for a revisit record without a block, or with a head that has no end."""
_HTTP = ("application/http", "message/http", "")
"""Media types of recorded messages (RFC 9112, 10); records without one are looked at, too."""
_ANSWERS = ("response", "revisit")
_METHOD = METHOD.lower()


class _RecordOffsets(msgspec.Struct):
    """Offsets in the file of the records of an exchange; -1: no such record.

    ``answer`` is its response or revisit, ``metadata`` its metadata, ``body`` the response that a
    revisit refers to.
    """

    answer: int = -1
    metadata: int = -1
    body: int = -1


class Archive:
    """The exchanges in an archive, by URL; several exchanges of one URL keep their order.

    They are those of GETs. Of what we recorded, other methods are skipped; in the archives of other
    tools, a response does not say to which method it belongs. Memory holds offsets, and at most
    ``cached`` bytes of responses. ``torn`` is True if the file ends inside a record; what is whole
    can be read. ``losses`` says what was skipped.
    ``origins`` has, for each origin, how its exchanges ended: failure kinds, and None for a
    response. Raises UsageError if ``path`` is not a WARC archive.
    """

    def __init__(self, path: Path, cached: int = CACHED_BYTES) -> None:
        self._file = WarcFile(path)
        self._most = cached
        self._held = 0
        self._cache: OrderedDict[int, tuple[Response | FetchError, int]] = OrderedDict()
        try:
            index = _indexed(self._file)
        except BaseException:
            self.close()
            raise
        self._exchanges = index.exchanges
        self.origins = index.origins
        self.torn = self._file.torn
        self.losses = tuple(_losses(self._file))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.__exit__()

    def __len__(self) -> int:
        return sum(map(len, self._exchanges.values()))

    def count(self, url: str) -> int:
        """The number of exchanges of ``url`` (canonical)."""
        return len(self._exchanges.get(key(url), ()))

    def answer(self, url: str, number: int = 0) -> Response | FetchError | None:
        """How exchange ``number`` of ``url`` ended; None if ``url`` was not recorded.

        If there are fewer exchanges, this is the last one. An incomplete body is a FetchError of
        kind ``truncated``.
        """
        exchanges = self._exchanges.get(key(url))
        if exchanges is None:
            return None
        exchange = exchanges[min(number, len(exchanges) - 1)]
        at = max(exchange.answer, exchange.metadata)
        if at in self._cache:
            self._cache.move_to_end(at)
            return self._cache[at][0]
        return self._remember(at, self._read(exchange))

    def _remember(self, at: int, answer: Response | FetchError) -> Response | FetchError:
        size = _OVERHEAD + (len(answer.body) if isinstance(answer, Response) else 0)
        self._cache[at] = (answer, size)
        self._held += size
        while self._held > self._most:
            _, (_, size) = self._cache.popitem(last=False)
            self._held -= size
        return answer

    def _read(self, exchange: _RecordOffsets) -> Response | FetchError:
        at = exchange.metadata
        facts = _parse_fields(self._file.read(at)[1]) if at >= 0 else {}
        if exchange.answer < 0:
            return FetchError(FailureKind(facts["error"]), facts.get("message", ""))
        try:
            block = self._file.read(exchange.answer)[1]
            if exchange.body < 0:
                response = _response(block, facts)
            else:
                revisit = _response(block if parse_head(block) else _NO_HEAD, facts)
                response = _revisited(revisit, _response(self._file.read(exchange.body)[1], facts))
        except FetchError as error:
            return error
        length = response.header("content-length") or ""
        if length.isdecimal() and len(response.body) < int(length[:18]):
            message = f"{len(response.body):,} of {length} bytes were recorded"
            return FetchError(FailureKind.TRUNCATED, message)
        return response


def _losses(file: WarcFile) -> Iterator[str]:
    yield from file.damage.sentences()
    if file.torn:
        yield "the file is incomplete: it ends inside a record"


def _indexed(file: WarcFile) -> "_Index":
    try:
        return _Index(file)
    except NotByRecordError:
        file.unpack()
        return _Index(file)


class _Index:
    """The exchanges in the file and their offsets, found in one pass over the file."""

    def __init__(self, file: WarcFile) -> None:
        self.exchanges: dict[int, list[_RecordOffsets]] = {}
        self.origins: dict[str, set[FailureKind | None]] = {}
        self._file = file
        self._by_id: dict[str, _RecordOffsets] = {}
        self._by_date: dict[tuple[int, str], _RecordOffsets] = {}
        self._by_digest: dict[str, _RecordOffsets] = {}
        for head in file.heads():
            if head.fields.get(_METHOD, "GET") != "GET":
                continue
            url = _canonical(head.target)
            if head.type == "metadata" and url is not None:
                self._add_metadata(head, url)
            elif head.type in _ANSWERS:
                self._add_answer(head, url)

    def _add_answer(self, head: RecordHead, url: str | None) -> None:
        if url is None or head.media_type not in _HTTP:
            if not head.target or _is_web(head.target):  # else a look-up or a file, for example
                self._file.damage.note(head.at, f"a {head.type} without a URL or an HTTP message")
            return
        if head.type == "response":
            exchange = _RecordOffsets(answer=head.at)
        else:
            original = self._original(head)
            if original is None:
                self._file.damage.note(head.at, "a revisit of a response that is not here")
                return
            exchange = _RecordOffsets(answer=head.at, body=max(original.answer, original.body))
        self._add(url, exchange, None)
        if head.type == "response":
            self._by_date[key(url), head.fields.get("warc-date", "")] = exchange
            self._by_digest.setdefault(head.fields.get("warc-payload-digest", ""), exchange)
        self._by_id[head.id] = exchange

    def _add_metadata(self, head: RecordHead, url: str) -> None:
        if head.media_type != _FIELDS:
            return
        exchange = self._by_id.get(head.fields.get("warc-concurrent-to", ""))
        if exchange is not None:
            exchange.metadata = head.at
            return
        with suppress(KeyError, ValueError):
            error = FailureKind(_parse_fields(self._file.read(head.at)[1])["error"])
            self._add(url, _RecordOffsets(metadata=head.at), error)

    def _add(self, url: str, exchange: _RecordOffsets, error: FailureKind | None) -> None:
        self.exchanges.setdefault(key(url), []).append(exchange)
        self.origins.setdefault(origin(url), set()).add(error)

    def _original(self, head: RecordHead) -> _RecordOffsets | None:
        """The response that a revisit record refers to, in one of three ways (WARC 1.1, 6.7)."""
        url = _canonical(head.fields.get("warc-refers-to-target-uri", "").strip("<>"))
        date = head.fields.get("warc-refers-to-date", "")
        return (
            self._by_id.get(head.fields.get("warc-refers-to", ""))
            or (self._by_date.get((key(url), date)) if url else None)
            or self._by_digest.get(head.fields.get("warc-payload-digest", "-"))
        )


def _is_web(target: str) -> bool:
    return target[:8].lower().startswith(("http://", "https://"))


def _canonical(target: str) -> str | None:
    with suppress(UrlError):
        return canonical(target)
    return None


def _parse_fields(block: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in block.decode("utf-8", "replace").splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def _response(block: bytes, facts: dict[str, str]) -> Response:
    """The response in an HTTP message, without transfer coding; ``facts`` may have the timing.

    Raises FetchError if the message is incomplete or not an HTTP response.
    """
    head = parse_head(block)
    status = _STATUS.match(head.first if head is not None else block[:100].decode("latin-1"))
    if status is None:
        raise FetchError(FailureKind.PROTOCOL, "the record is not an HTTP response")
    if head is None:
        raise FetchError(FailureKind.TRUNCATED, "the head of the response has no end")
    headers, body = head.headers, _body(head, block)
    if any(name == "transfer-encoding" and "chunked" in value.lower() for name, value in headers):
        body = _unchunked(body)
        headers = tuple(pair for pair in headers if pair[0] != "content-length")
    kept = tuple(pair for pair in headers if pair[0] not in ("transfer-encoding", TRANSFER_CODING))
    version = facts.get("http_version", status[1])
    return Response(int(status[2]), kept, body, _timing(facts), version)


def _body(head: RecordedHead, block: bytes) -> bytes:
    """The rest of the block, without blank lines that its length has by mistake."""
    body = block[head.size :]
    length = next((value for name, value in head.headers if name == "content-length"), "")
    if length.isdecimal() and not body[int(length[:18]) :].strip(b"\r\n"):
        return body[: int(length[:18])]
    return body


def _timing(facts: dict[str, str]) -> Timing:
    try:
        return msgspec.convert(facts, Timing, strict=False)
    except msgspec.ValidationError:  # metadata of another tool
        return Timing()


def _unchunked(body: bytes) -> bytes:
    """Decode the chunked coding (RFC 9112, 7.1), unless the tool did so but kept the header.

    Raises FetchError if the end is missing.
    """
    chunks: list[bytes] = []
    at = 0
    while line := _CHUNK_LINE.match(body, at):
        start, at = line.end(), line.end() + int(line[1], 16)
        if at == start:
            return b"".join(chunks)
        if body[at : at + 2] != b"\r\n":
            break
        chunks.append(body[start:at])
        at += 2
    if chunks:
        raise FetchError(FailureKind.TRUNCATED, "the chunked body was recorded without its end")
    return body


def _revisited(revisit: Response, original: Response) -> Response:
    """The original's body with the revisit's head; if that is a 304 or missing, the original."""
    if revisit.status == 304 or not revisit.headers:
        return msgspec.structs.replace(original, timing=revisit.timing)
    return msgspec.structs.replace(revisit, body=original.body)
