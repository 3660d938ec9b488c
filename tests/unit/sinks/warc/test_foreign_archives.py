"""Archives that other tools have written are read as well."""

from pathlib import Path
from typing import cast

import pytest
from support.archives import body, read, record

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import Response, Timing
from crawler.sinks.warc.archive import Archive

# What other tools write

PAGE = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 4\r\n\r\nbody"


def test_a_target_in_angle_brackets_is_found(tmp_path: Path) -> None:
    with read(tmp_path, record("response", "<http://a.example/>", PAGE)) as archive:
        found = archive.answer("http://a.example/")
        assert isinstance(found, Response)
        assert found.body == b"body"
        assert found.timing == Timing()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"2;x=y\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", b"body"),
        (b"2\r\nbo\r\n2\r\ndy\r\n0\r\nTrailer: x\r\n\r\n", b"body"),
        (b"body, its coding undone", b"body, its coding undone"),
        (b"dead\nis no length here", b"dead\nis no length here"),
        (b"2\r\nbo\r\n2\r\ndy\r\n", FailureKind.TRUNCATED),
        (b"2\r\nbo\r\nffff\r\ndy", FailureKind.TRUNCATED),
    ],
)
def test_a_chunked_body_is_joined(
    tmp_path: Path, sent: bytes, expected: bytes | FailureKind
) -> None:
    with read(tmp_path, record("response", "http://a.example/", CHUNKED + sent)) as archive:
        found = archive.answer("http://a.example/")
        assert (
            found.kind if isinstance(found, FetchError) else body(archive, "http://a.example/")
        ) == expected


def test_a_body_shorter_than_its_length_is_truncated(tmp_path: Path) -> None:
    with read(tmp_path, record("response", "http://a.example/", PAGE[:-1])) as archive:
        found = archive.answer("http://a.example/")
    assert isinstance(found, FetchError)
    assert found.kind is FailureKind.TRUNCATED


DATE = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "reference",
    [
        {"WARC_Refers_To": "<urn:uuid:1>"},
        {"WARC_Refers_To_Target_URI": "<http://a.example/>", "WARC_Refers_To_Date": DATE},
        {"WARC_Payload_Digest": "sha1:A"},
    ],
)
@pytest.mark.parametrize(
    ("head", "server"),
    [
        (b"HTTP/1.1 200 OK\r\nServer: new\r\n\r\n", "new"),
        (b"HTTP/1.1 304 Not Modified\r\nServer: new\r\n\r\n", "x"),
        (b"", "x"),
    ],
)
def test_a_revisit_has_its_original_body(
    tmp_path: Path, reference: dict[str, str], head: bytes, server: str
) -> None:
    fields = {"WARC_Record_ID": "<urn:uuid:1>", "WARC_Date": DATE, "WARC_Payload_Digest": "sha1:A"}
    with read(
        tmp_path,
        record("response", "http://a.example/", PAGE, **fields),
        record("revisit", "http://b.example/", head, **reference),
        record("revisit", "http://c.example/", head, WARC_Refers_To="<urn:uuid:missing>"),
    ) as archive:
        found = archive.answer("http://b.example/")
        assert isinstance(found, Response)
        assert (found.status, found.header("server"), found.body) == (200, server, b"body")
        assert archive.count("http://c.example/") == 0


def test_metadata_of_other_tools_is_ignored(tmp_path: Path) -> None:
    with read(
        tmp_path,
        record("response", "http://a.example/", PAGE, WARC_Record_ID="<urn:uuid:1>"),
        record(
            "metadata", "http://a.example/", b"answer: soon\r\n", WARC_Concurrent_To="<urn:uuid:1>"
        ),
        record("metadata", "http://a.example/", b"error: what a mess\r\n"),
        record("metadata", "metadata://wget/MANIFEST.txt", b"a: b\r\n"),
        record("resource", "http://a.example/log", b"text"),
    ) as archive:
        assert len(archive) == 1
        assert cast("Response", archive.answer("http://a.example/")).timing == Timing()


def test_a_folded_line_continues_the_one_before(tmp_path: Path) -> None:
    written = record("response", "http://a.example/", PAGE)
    folded = written.replace(b"WARC-Target-URI: http", b"WARC-Target-URI:\r\n http")
    path = tmp_path / "folded.warc"
    path.write_bytes(folded)
    with Archive(path) as archive:
        assert body(archive, "http://a.example/") == b"body"
