"""An archive gives back what was written, and what other tools write; it keeps no secret."""

import gzip
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.archives import body
from warcio.archiveiterator import ArchiveIterator

from crawler.model.errors import FailureKind, FetchError, UsageError
from crawler.model.exchange import Endpoint, Headers, Request, Response, Timing
from crawler.sinks.warc.archive import Archive
from crawler.sinks.warc.reader import WarcFile
from crawler.sinks.warc.records import Secrecy
from crawler.sinks.warc.writer import WarcWriter, encode
from crawler.testing.contract.helpers import little_memory

NAMES = ("run.warc", "run.warc.gz")
URL = "https://shop.example/a?b=c"
TIMING = Timing(0.01, 0.02, 0.3, 0.2, 0.001, 0.4, 0.005, True, "kernel", False)
RESPONSE = Response(
    200,
    (("content-type", "text/html"), ("x-two", "1"), ("x-two", "2"), ("content-length", "7")),
    b"\x00\r\n\r\n\xffx",
    TIMING,
    "2",
)
FAILURE = FetchError(FailureKind.TLS, "certificate of shöp.example: expired")
Answer = Response | FetchError


def request(url: str = URL, headers: Headers = (("User-Agent", "me"),)) -> Request:
    return Request(url, Endpoint("93.184.216.34", "127.0.0.1", 1), headers, 30.0, 10**7)


def write(path: Path, exchanges: Iterable[tuple[Request, Answer]]) -> Path:
    writer = WarcWriter(path)
    for asked, answer in exchanges:
        writer.append(encode(asked, answer))
    writer.close()
    return path


def plain(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def same(one: object, other: object) -> bool:
    """Exceptions have no equality of their own."""
    if isinstance(one, FetchError) and isinstance(other, FetchError):
        return (one.kind, one.message) == (other.kind, other.message)
    return one == other


# What is written comes back


@pytest.mark.parametrize("name", NAMES)
def test_an_exchange_is_read_back_unchanged(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, [(request(), RESPONSE), (request("http://b.example/"), FAILURE)])
    with Archive(tmp_path / name) as archive:
        assert len(archive) == 2
        assert not archive.torn
        assert archive.answer(URL) == RESPONSE
        assert same(archive.answer("http://b.example/"), FAILURE)
        assert archive.answer("http://shop.example/a?b=c") is None
        assert archive.origins == {
            "https://shop.example": {None},
            "http://b.example": {FailureKind.TLS},
        }


@pytest.mark.parametrize("name", NAMES)
def test_a_post_is_recorded_and_not_replayed(tmp_path: Path, name: str) -> None:
    posted = msgspec.structs.replace(request(), method="POST", body=b"a=\xff\r\n\r\nb")
    emptied = msgspec.structs.replace(request(), method="PUT")
    moved = msgspec.structs.replace(RESPONSE, status=404)
    answers = [(posted, moved), (request(), RESPONSE), (posted, FAILURE), (emptied, moved)]
    path = write(tmp_path / name, answers)
    with Archive(path) as archive:
        assert (len(archive), archive.answer(URL)) == (1, RESPONSE)
        assert archive.origins == {"https://shop.example": {None}}
    with path.open("rb") as file:
        asked = [
            (
                record.http_headers.protocol,
                record.http_headers.get_header("Content-Length"),
                record.content_stream().read(),
            )
            for record in ArchiveIterator(file)
            if record.rec_type == "request"
        ]
    assert asked == [
        ("POST", "8", posted.body),
        ("GET", None, b""),
        ("POST", "8", posted.body),
        ("PUT", "0", b""),
    ]


def test_a_secret_in_a_body_is_not_recorded(tmp_path: Path) -> None:
    posted = msgspec.structs.replace(request(), method="POST", body=b"key=sesame&\xe9")
    secrecy = Secrecy(hide=lambda text: text.replace("sesame", "<secret>"))
    writer = WarcWriter(tmp_path / "run.warc", secrecy)
    writer.append(encode(posted, RESPONSE))
    writer.close()
    text = plain(tmp_path / "run.warc")
    assert b"\r\nContent-Length: 14\r\n\r\nkey=<secret>&\xe9\r\n" in text
    assert b"sesame" not in text


@pytest.mark.parametrize("name", NAMES)
def test_answers_keep_their_order_and_the_last_repeats(tmp_path: Path, name: str) -> None:
    given = [msgspec.structs.replace(RESPONSE, status=status) for status in (503, 200)]
    answers: list[Answer] = [given[0], FAILURE, given[1]]
    write(tmp_path / name, [(request(), answer) for answer in answers])
    with Archive(tmp_path / name) as archive:
        assert archive.count(URL) == 3
        for number, answer in enumerate([*answers, answers[-1]]):
            assert same(archive.answer(URL, number), answer)


def test_a_removed_transfer_coding_is_noted(tmp_path: Path) -> None:
    headers = (("transfer-encoding", "chunked"), ("content-encoding", "gzip"))
    coded = Response(200, headers, gzip.compress(b"body", mtime=0), Timing())
    path = write(tmp_path / "run.warc", [(request(), coded)])
    text = path.read_bytes()
    assert b"\r\nx-archive-transfer-encoding: chunked\r\n" in text
    assert b"\r\ntransfer-encoding" not in text
    with Archive(path) as archive:
        found = archive.answer(URL)
        assert isinstance(found, Response)
        assert found.body == coded.body
        length = ("content-length", str(len(coded.body)))
        assert found.headers == (("content-encoding", "gzip"), length)


@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_urls_are_found(tmp_path: Path, name: str) -> None:
    urls = [f"http://{n % 7}.example/{n}" for n in range(1000)]
    pages = [msgspec.structs.replace(RESPONSE, body=url.encode(), headers=()) for url in urls]
    write(tmp_path / name, [(request(url), page) for url, page in zip(urls, pages, strict=True)])
    with Archive(tmp_path / name) as archive:
        assert len(archive) == 1000
        assert [body(archive, url) for url in reversed(urls)] == [
            url.encode() for url in reversed(urls)
        ]


def test_an_archive_may_be_larger_than_memory(tmp_path: Path) -> None:
    big = msgspec.structs.replace(RESPONSE, headers=(), body=bytes(1_000_000))
    urls = [f"http://a.example/{n}" for n in range(60)]
    path = write(tmp_path / "run.warc", ((request(url), big) for url in urls))
    with little_memory(30_000_000), Archive(path, cached=5_000_000) as archive:
        for _ in range(2):
            assert {len(body(archive, url)) for url in urls} == {1_000_000}


def test_a_big_body_is_read_back_complete(tmp_path: Path) -> None:
    big = msgspec.structs.replace(RESPONSE, headers=(), body=bytes(range(256)) * 100_000)
    with Archive(write(tmp_path / "run.warc.gz", [(request(), big)])) as archive:
        assert body(archive, URL) == big.body


@pytest.mark.promise("P35")
def test_records_after_a_commit_can_be_cut(tmp_path: Path) -> None:
    writer = WarcWriter(tmp_path / "run.warc.gz")
    writer.append(encode(request(), RESPONSE))
    offset = writer.commit()
    writer.append(encode(request("http://b.example/"), RESPONSE))
    writer.cut(offset)
    writer.append(encode(request("http://c.example/"), RESPONSE))
    writer.close()
    with Archive(tmp_path / "run.warc.gz") as archive:
        found = [archive.count(url) for url in (URL, "http://b.example/", "http://c.example/")]
    assert found == [1, 0, 1]


# Others can read it, and no secret


@pytest.mark.parametrize("name", NAMES)
def test_another_reader_finds_valid_linked_records(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, [(request(), RESPONSE), (request("http://b.example/"), FAILURE)])
    ids: list[str] = []
    kinds: list[str] = []
    concurrent: list[str | None] = []
    with (tmp_path / name).open("rb") as file:
        for found in ArchiveIterator(file, check_digests=True):
            content = found.content_stream().read()
            assert found.digest_checker.passed, found.digest_checker.problems
            assert found.rec_headers.protocol == "WARC/1.1"
            kinds.append(found.rec_type)
            ids.append(found.rec_headers.get_header("WARC-Record-ID"))
            concurrent.append(found.rec_headers.get_header("WARC-Concurrent-To"))
            if found.rec_type == "response":
                assert found.rec_headers.get_header("WARC-Target-URI") == URL
                assert found.rec_headers.get_header("WARC-IP-Address") == "93.184.216.34"
                assert content == RESPONSE.body
    assert kinds == ["warcinfo", "request", "response", "metadata", "request", "metadata"]
    assert concurrent[2:4] == ids[1:3]
    assert concurrent[5] == ids[4]


@pytest.mark.parametrize("name", NAMES)
def test_a_gz_archive_has_a_member_per_record(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, [(request(), RESPONSE)])
    with WarcFile(path) as file:
        data = path.read_bytes()
        starts = {data[head.at :][:2] for head in file.heads()}
    assert starts == {b"\x1f\x8b" if path.suffix == ".gz" else b"WA"}


@pytest.mark.promise("P05")
def test_credentials_are_in_no_archive(tmp_path: Path) -> None:
    asked = (("Authorization", "hush1"), ("Proxy-Authorization", "hush2"), ("Cookie", "a=hush3"))
    said = (
        ("set-cookie", "a=hush4"),
        ("set-cookie", "b=hush5; HttpOnly"),
        ("location", "https://me:hush6@b.example/@x"),
        ("content-location", "//me:hush7@b.example/"),
        ("refresh", r"0;url=HTTP:\\me:hush8@b.example/"),
        ("link", '<https://me:hush9@b.example/>; rel="next"'),
    )
    answer = Response(302, said, b"", Timing())
    text = plain(write(tmp_path / "run.warc.gz", [(request(headers=asked), answer)])).decode()
    assert "hush" not in text
    assert text.count(": redacted\r\n") == 5
    assert "location: https://b.example/@x\r\n" in text
    assert 'link: <https://b.example/>; rel="next"\r\n' in text


@pytest.mark.promise("P17")
def test_control_bytes_add_no_line_to_an_archive(tmp_path: Path) -> None:
    bad = msgspec.structs.replace(RESPONSE, headers=(("x-bad", "a\r\nset-cookie: b\x00"),))
    failed = FetchError(FailureKind.RESET, "one\r\nerror: dns")
    path = write(tmp_path / "run.warc", [(request(), bad), (request("http://b.example/"), failed)])
    with Archive(path) as archive:
        found = archive.answer(URL)
        assert isinstance(found, Response)
        assert found.header("set-cookie") is None
        assert same(
            archive.answer("http://b.example/"), FetchError(FailureKind.RESET, "one  error: dns")
        )


# Files that are torn, or are none


@pytest.mark.promise("P39")
@pytest.mark.parametrize("name", NAMES)
def test_records_before_a_torn_end_are_read(tmp_path: Path, name: str) -> None:
    second = "http://b.example/"
    path = write(tmp_path / name, [(request(), RESPONSE), (request(second), RESPONSE)])
    with WarcFile(path) as file:
        heads = list(file.heads())
    data = path.read_bytes()
    boundaries = {head.at for head in heads} | {len(data)}
    answered = next(head.at for head in heads[5:] if head.type == "response")
    whole = min(at for at in boundaries if at > answered)
    if not name.endswith(".gz"):  # a record is whole before the two line ends that end it
        boundaries |= {at - missing for at in boundaries for missing in (2, 4)}
        whole -= 4
    for end in range(heads[4].at, len(data) + 1):
        path.write_bytes(data[:end])
        with Archive(path) as archive:
            assert archive.answer(URL) == RESPONSE, end
            assert archive.torn == (end not in boundaries), end
            assert archive.count(second) == (end >= whole), end


@pytest.mark.promise("P39")
@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_damaged_archive_is_refused_or_partly_read(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    path = tmp_path / name
    if not path.exists():
        write(path, [(request(), RESPONSE), (request(), FAILURE)])
    damaged = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged").write_bytes(damaged)
    try:
        archive = Archive(tmp_path / "damaged")
    except UsageError:
        return
    with archive:
        assert len(archive) <= 3
        for number in range(archive.count(URL)):
            assert isinstance(archive.answer(URL, number), Response | FetchError)


@pytest.mark.promise("P39")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"W",
        b"http://a.example/\n",
        gzip.compress(b"hello", mtime=0),
        b"\x1f\x8bnot gzip",
        bytes(1000),
    ],
)
def test_a_file_that_is_not_warc_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is not a WARC file"):
        Archive(path)


@pytest.mark.parametrize("name", ["missing.warc", "."])
def test_an_unreadable_archive_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        Archive(tmp_path / name)
