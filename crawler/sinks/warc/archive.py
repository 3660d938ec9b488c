"""Reads a WARC archive back: the exchanges in it, by URL."""

import re
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Response, Timing
from crawler.model.urls import UrlError, canonical, key, origin
from crawler.sinks.warc.format import RecordHead, WarcFile
from crawler.sinks.warc.records import _FIELDS, TRANSFER_CODING

CACHED_BYTES = 64_000_000
_OVERHEAD = 2000
"""Bytes an answer without a body takes in memory, about."""
_STATUS = re.compile(r"HTTP/([\d.]+) +(\d{3})(?!\d)")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,12})[^\r\n]*\r?\n")
_NO_HEAD = b"HTTP/1.1 304\r\n\r\n"
"""What a revisit record without a block says."""


class _RecordPlace(msgspec.Struct):
    """Where in the file an exchange stands; -1: nowhere.

    ``answer`` is its response or revisit, ``about`` its metadata, ``body`` the response that a
    revisit refers to.
    """

    answer: int = -1
    about: int = -1
    body: int = -1


class Archive:
    """The exchanges in an archive, by URL; of several of one URL the order is kept.

    In memory are offsets, and at most ``cached`` bytes of answers. ``torn`` says whether the file
    ends within a record; what stands before it can be read. ``origins`` holds for each origin how
    its exchanges ended, None being an answer. Raises UsageError where there is no such archive.
    """

    def __init__(self, path: Path, cached: int = CACHED_BYTES) -> None:
        self._file = WarcFile(path)
        self._most = cached
        self._held = 0
        self._cache: OrderedDict[int, tuple[Response | FetchError, int]] = OrderedDict()
        self.origins: dict[str, set[FailureKind | None]] = {}
        try:
            self._places = _Index(self._file, self.origins).places
        except BaseException:
            self.close()
            raise
        self.torn = self._file.torn

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.__exit__()

    def __len__(self) -> int:
        return sum(map(len, self._places.values()))

    def count(self, url: str) -> int:
        """How many exchanges of ``url`` (canonical) there are."""
        return len(self._places.get(key(url), ()))

    def answer(self, url: str, number: int = 0) -> Response | FetchError | None:
        """How exchange ``number`` of ``url`` ended, behind the last the last; None: not recorded.

        What an incomplete body was recorded for is a FetchError (truncated).
        """
        places = self._places.get(key(url))
        if places is None:
            return None
        place = places[min(number, len(places) - 1)]
        at = max(place.answer, place.about)
        if at in self._cache:
            self._cache.move_to_end(at)
            return self._cache[at][0]
        return self._remember(at, self._read(place))

    def _remember(self, at: int, answer: Response | FetchError) -> Response | FetchError:
        size = _OVERHEAD + (len(answer.body) if isinstance(answer, Response) else 0)
        self._cache[at] = (answer, size)
        self._held += size
        while self._held > self._most:
            _, (_, size) = self._cache.popitem(last=False)
            self._held -= size
        return answer

    def _read(self, place: _RecordPlace) -> Response | FetchError:
        facts = _parse_fields(self._file.read(place.about)[1]) if place.about >= 0 else {}
        if place.answer < 0:
            return FetchError(FailureKind(facts["error"]), facts.get("message", ""))
        try:
            response = _response(self._file.read(place.answer)[1] or _NO_HEAD, facts)
            if place.body >= 0:
                response = _revisited(response, _response(self._file.read(place.body)[1], facts))
        except FetchError as error:
            return error
        said = response.header("content-length") or ""
        if said.isdecimal() and len(response.body) < int(said[:18]):
            message = f"{len(response.body):,} of {said} bytes were recorded"
            return FetchError(FailureKind.TRUNCATED, message)
        return response


class _Index:
    """One pass over the file: which exchanges there are, and where."""

    def __init__(self, file: WarcFile, origins: dict[str, set[FailureKind | None]]) -> None:
        self.places: dict[int, list[_RecordPlace]] = {}
        self._file = file
        self._origins = origins
        self._by_id: dict[str, _RecordPlace] = {}
        self._by_date: dict[tuple[int, str], _RecordPlace] = {}
        self._by_digest: dict[str, _RecordPlace] = {}
        for head in file.heads():
            url = _canonical(head.target)
            if url is None:
                continue
            if head.type == "metadata":
                self._add_facts(head, url)
            elif head.fields.get("content-type", "").startswith("application/http"):
                self._add_answer(head, url)

    def _add_answer(self, head: RecordHead, url: str) -> None:
        if head.type == "response":
            place = _RecordPlace(answer=head.at)
        elif head.type == "revisit" and (original := self._original(head)) is not None:
            place = _RecordPlace(answer=head.at, body=max(original.answer, original.body))
        else:
            return
        self._add(url, place, None)
        if head.type == "response":
            self._by_date[key(url), head.fields.get("warc-date", "")] = place
            self._by_digest.setdefault(head.fields.get("warc-payload-digest", ""), place)
        self._by_id[head.id] = place

    def _add_facts(self, head: RecordHead, url: str) -> None:
        if not head.fields.get("content-type", "").startswith(_FIELDS):
            return
        about = self._by_id.get(head.fields.get("warc-concurrent-to", ""))
        if about is not None:
            about.about = head.at
            return
        with suppress(KeyError, ValueError):
            error = FailureKind(_parse_fields(self._file.read(head.at)[1])["error"])
            self._add(url, _RecordPlace(about=head.at), error)

    def _add(self, url: str, place: _RecordPlace, ended: FailureKind | None) -> None:
        self.places.setdefault(key(url), []).append(place)
        self._origins.setdefault(origin(url), set()).add(ended)

    def _original(self, head: RecordHead) -> _RecordPlace | None:
        """The response that a revisit record refers to, in one of three ways (WARC 1.1, 6.7)."""
        url = _canonical(head.fields.get("warc-refers-to-target-uri", "").strip("<>"))
        date = head.fields.get("warc-refers-to-date", "")
        return (
            self._by_id.get(head.fields.get("warc-refers-to", ""))
            or (self._by_date.get((key(url), date)) if url else None)
            or self._by_digest.get(head.fields.get("warc-payload-digest", "-"))
        )


def _canonical(target: str) -> str | None:
    with suppress(UrlError):
        return canonical(target)
    return None


def _parse_fields(block: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in block.decode("utf-8", "replace").splitlines())
    return {name: value.strip() for name, _, value in lines}


def _response(block: bytes, facts: dict[str, str]) -> Response:
    """What an HTTP message says, its transfer coding undone; ``facts`` may know the timing.

    Raises FetchError where it was recorded in part, or is none.
    """
    head, _, body = block.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = _STATUS.match(first)
    if status is None:
        raise FetchError(FailureKind.PROTOCOL, "what was recorded is no HTTP response")
    pairs = (line.partition(":") for line in lines)
    headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
    if any(name == "transfer-encoding" and "chunked" in value.lower() for name, value in headers):
        body = _unchunked(body)
        headers = [pair for pair in headers if pair[0] != "content-length"]
    kept = tuple(pair for pair in headers if pair[0] not in ("transfer-encoding", TRANSFER_CODING))
    version = facts.get("http_version", status[1])
    return Response(int(status[2]), kept, body, _timing(facts), version)


def _timing(facts: dict[str, str]) -> Timing:
    try:
        return msgspec.convert(facts, Timing, strict=False)
    except msgspec.ValidationError:  # another tool's words
        return Timing()


def _unchunked(body: bytes) -> bytes:
    """Undo the chunked coding (RFC 9112, 7.1), unless the tool did so itself and left the label.

    Raises FetchError where the end is missing.
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
    """The original's body under the revisit's head, unless that is only a 304 or was left out."""
    if revisit.status == 304 or not revisit.headers:
        return msgspec.structs.replace(original, timing=revisit.timing)
    return msgspec.structs.replace(revisit, body=original.body)
