"""Damaged archives: the records around the damage are read, and what was skipped is said."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.damaged_archives import (
    AROUND,
    BODIES,
    FORMS,
    HTTP,
    READ,
    SKIPPED,
    URLS,
    A,
    B,
    C,
    as_one,
    by_record,
    plain,
    record,
    with_length,
)

from crawler.model.errors import FailureKind, FetchError, UsageError
from crawler.model.exchange import Response
from crawler.sinks.warc.archive import Archive
from crawler.testing.contract.helpers import little_memory


def found(path: Path, content: bytes) -> tuple[dict[str, Response | FetchError], tuple[str, ...]]:
    """The answers of the archive with this content, by URL, and what it says of its damage."""
    path.write_bytes(content)
    with Archive(path) as archive:
        answers = {url: archive.answer(url) for url in URLS}
        return {url: each for url, each in answers.items() if each is not None}, archive.losses


def bodies(answers: dict[str, Response | FetchError]) -> dict[str, bytes]:
    return {url: each.body for url, each in answers.items() if isinstance(each, Response)}


def only(urls: Iterable[str]) -> dict[str, bytes]:
    return {url: BODIES[url] for url in urls}


@pytest.mark.promise("P96")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "second"), READ, ids=[name for name, _ in READ])
def test_another_way_to_write_a_record_is_read(
    tmp_path: Path, name: str, second: bytes, form: Callable[..., bytes]
) -> None:
    answers, losses = found(tmp_path / "x.warc", form(A, second, C))
    assert (bodies(answers), losses) == (BODIES, ())


@pytest.mark.promise("P96")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "second", "urls", "says"), SKIPPED, ids=[case[0] for case in SKIPPED]
)
def test_a_damaged_record_is_skipped_and_named(
    tmp_path: Path,
    name: str,
    second: bytes,
    urls: frozenset[str],
    says: str,
    form: Callable[..., bytes],
) -> None:
    answers, losses = found(tmp_path / "x.warc", form(A, second, C))
    assert bodies(answers) == only(urls)
    assert losses
    assert says in losses[0]
    assert str(f"{len(A):,}") in losses[0] or form is by_record or urls == frozenset(URLS)


@pytest.mark.promise("P96")
@pytest.mark.parametrize(
    "damaged",
    [
        lambda member: member[:20] + b"\xff\xff\xff" + member[23:],
        lambda member: member[: len(member) // 2],
        lambda member: member[:-8] + b"\0" * 8,
        lambda member: member[1:],
        lambda member: member[:-4],
        lambda member: b"",
        lambda _: b"no gzip at all",
    ],
    ids=["bytes", "cut", "checksum", "no magic", "no length", "missing", "garbage"],
)
def test_a_damaged_gzip_member_costs_its_record_only(
    tmp_path: Path, damaged: Callable[[bytes], bytes]
) -> None:
    member = damaged(by_record(B))
    answers, losses = found(tmp_path / "x.warc", by_record(A) + member + by_record(C))
    assert bodies(answers) == only(AROUND)
    says = f"skipped a record at byte {len(by_record(A)):,}: its gzip member is damaged"
    assert losses == ((says,) if member else ())


@pytest.mark.promise("P96")
def test_records_after_a_damaged_part_of_one_gzip_stream_are_not_invented(tmp_path: Path) -> None:
    records = [record(f"http://{n}.example/", HTTP % (9, b"%09d" % n)) for n in range(2000)]
    packed = bytearray(as_one(A, *records, C))
    packed[len(packed) // 2] ^= 0xFF
    answers, losses = found(tmp_path / "x.warc", bytes(packed))
    assert bodies(answers).items() <= BODIES.items()
    assert URLS[0] in answers
    assert "its gzip member is damaged" in " ".join(losses)


@pytest.mark.promise("P96")
@pytest.mark.parametrize("form", [plain, by_record])
def test_a_file_that_lost_its_beginning_is_read(tmp_path: Path, form: Callable[..., bytes]) -> None:
    whole = form(A, B, C)
    answers, losses = found(tmp_path / "x.warc", whole[len(form(A)) // 2 :])
    assert bodies(answers) == only(URLS[1:])
    assert len(losses) == 1


@pytest.mark.promise("P96")
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", FailureKind.PROTOCOL),
        (b"\r\n\r\n", FailureKind.PROTOCOL),
        (b"<title>a page without a head</title>\r\n\r\nbody", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK", FailureKind.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\n", FailureKind.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", FailureKind.TRUNCATED),
        (b"HTTP/1.1 200 OK\nServer: x\n", FailureKind.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nServer: x\r\n<title>x</title>", FailureKind.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", FailureKind.TRUNCATED),
        (b"HTTP/1.1 200 OK\nContent-Length: 9\n\n", FailureKind.TRUNCATED),
    ],
)
def test_a_head_that_is_not_found_is_no_empty_page(
    tmp_path: Path, content: bytes, kind: FailureKind
) -> None:
    answers, _ = found(tmp_path / "x.warc", plain(A, record(URLS[1], content), C))
    wrong = answers.pop(URLS[1])
    assert isinstance(wrong, FetchError)
    assert wrong.kind is kind
    assert bodies(answers) == only(AROUND)


@pytest.mark.promise("P96")
def test_the_first_places_are_named_and_all_are_counted(tmp_path: Path) -> None:
    answers, losses = found(tmp_path / "x.warc", plain(*[A, with_length(-9)] * 1234, C))
    assert bodies(answers) == only(AROUND)
    assert len(losses) == 6
    assert losses[-1] == "1,234 records were skipped in all"


@pytest.mark.promise("P96")
def test_a_head_without_end_costs_no_memory(tmp_path: Path) -> None:
    endless = A + b"WARC/1.0\r\n" + b"X: y\r\n" * 10_000_000
    with little_memory(20_000_000):
        answers, losses = found(tmp_path / "x.warc", endless)
    assert bodies(answers) == only(URLS[:1])
    assert "its head has more than 256 KiB" in losses[0]


@pytest.mark.promise("P96")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), form=st.sampled_from([plain, as_one]))
def test_damage_inside_a_record_leaves_the_others(
    tmp_path: Path, data: st.DataObject, form: Callable[..., bytes]
) -> None:
    begin = data.draw(st.integers(0, len(B)))
    end = data.draw(st.integers(begin, min(begin + 200, len(B))))
    inserted = data.draw(st.binary(max_size=60))
    answers, _ = found(tmp_path / "x.warc", form(A, B[:begin] + inserted + B[end:], C))
    assert only(AROUND).items() <= bodies(answers).items()


@pytest.mark.promise("P96")
@pytest.mark.parametrize("form", [plain, by_record, as_one])
def test_a_head_that_goes_over_into_another_record_leaves_that(
    tmp_path: Path, form: Callable[..., bytes]
) -> None:
    cut = B[: B.index(b"Content-Type:") + len("Content-Type:")]
    answers, losses = found(tmp_path / "x.warc", form(A, cut, C))
    assert bodies(answers) == only(AROUND)
    assert losses


@pytest.mark.promise("P96")
def test_a_url_may_end_as_a_record_begins(tmp_path: Path) -> None:
    url = "http://a.example/WARC/1.0"
    (tmp_path / "x.warc").write_bytes(record(url, HTTP % (2, b"ok")))
    with Archive(tmp_path / "x.warc") as archive:
        assert isinstance(archive.answer(url), Response)


def test_a_decompressed_file_needs_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    (tmp_path / "x.warc.gz").write_bytes(as_one(A, B))
    with pytest.raises(UsageError, match=r"cannot decompress .*x\.warc\.gz: No such file"):
        Archive(tmp_path / "x.warc.gz")
