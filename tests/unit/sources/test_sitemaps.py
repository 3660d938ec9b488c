"""From a sitemap, by way of indexes, to what is wanted."""

import gzip
from pathlib import Path

import pytest

from crawler.model.errors import (
    FailureKind,
    FetchError,
    SkipError,
    SkipReason,
    StateError,
    UsageError,
)
from crawler.sources import InputLine, SitemapCache, lines, sitemaps
from crawler.sources.sitemaps import SitemapBody


def urlset(*locations: str) -> bytes:
    urls = "".join(f"<url><loc>{location}</loc></url>" for location in locations)
    return f"<urlset>{urls}</urlset>".encode()


def index(*locations: str) -> bytes:
    inner = "".join(f"<sitemap><loc>{location}</loc></sitemap>" for location in locations)
    return f"<sitemapindex>{inner}</sitemapindex>".encode()


class Web:
    """Answers by URL; an error is raised. ``asked`` is what was asked for, in order."""

    def __init__(self, answers: dict[str, bytes | Exception]) -> None:
        self.answers = answers
        self.asked: list[InputLine] = []

    def __call__(self, place: InputLine) -> SitemapBody:
        self.asked.append(place)
        answer = self.answers[place.url]
        if isinstance(answer, Exception):
            raise answer
        return SitemapBody(answer)

    def lines(self, *sources: str) -> list[str | InputLine]:
        return list(lines(sources, fetch=self))

    @property
    def urls(self) -> list[str]:
        return [place.url for place in self.asked]


def theirs(url: str, found_at: str) -> InputLine:
    return InputLine(url, own=False, found_at=found_at)


@pytest.mark.parametrize(
    "source",
    ["http://a.example/s.xml", "http://a.example/S.XML.GZ", "http://a.example/x/s.xml?page=2"],
)
def test_urls_named_like_sitemaps_are_fetched(source: str) -> None:
    web = Web({source: gzip.compress(urlset("http://a.example/1", "http://b.example/2"))})
    assert web.lines(source) == [
        theirs("http://a.example/1", source),
        theirs("http://b.example/2", source),
    ]
    assert web.asked == [InputLine(source)]


def test_other_urls_are_pages() -> None:
    web = Web({})
    sources = ("http://a.example/xml", "http://a.example/?f=s.xml", "ftp://a.example/s.xml")
    assert web.lines(*sources) == list(sources)


def test_without_fetching_a_sitemap_is_a_page() -> None:
    assert list(lines(["http://a.example/s.xml"])) == [InputLine("http://a.example/s.xml")]


def test_another_document_is_a_page() -> None:
    web = Web({"http://a.example/feed.xml": b"<ads/>"})
    assert web.lines("http://a.example/feed.xml") == [InputLine("http://a.example/feed.xml")]


def test_sitemaps_are_fetched_in_their_turn() -> None:
    web = Web({"http://a.example/i.xml": index("http://a.example/1"), "http://a.example/1": b"?"})
    found = lines(["http://first.example/", "http://a.example/i.xml"], fetch=web)
    assert next(found) == "http://first.example/"
    assert web.asked == []


def test_sitemaps_of_an_index_are_read_once() -> None:
    first, second = urlset("http://a.example/p1"), urlset("http://a.example/p2")
    web = Web(
        {
            "http://a.example/i.xml": index(
                "http://a.example/1", "http://A.example:80/1#x", "/2", "http://a.example/i.xml"
            ).replace(b">/2", b">http://a.example/2"),
            "http://a.example/1": first,
            "http://a.example/2": second,
        }
    )
    found = web.lines("http://a.example/i.xml", "http://a.example/i.xml")
    assert found == [
        theirs("http://a.example/p1", "http://a.example/1"),
        theirs("http://a.example/p2", "http://a.example/2"),
    ]
    assert web.urls == ["http://a.example/i.xml", "http://a.example/1", "http://a.example/2"]


@pytest.mark.promise("P31")
def test_an_index_leads_to_http_only(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_bytes(urlset("http://secret.example/"))
    places = (f"file://{secret}", "secret.xml", "ftp://a.example/s.xml", "javascript:1")
    web = Web({"http://a.example/i.xml": index(*places)})
    found = web.lines("http://a.example/i.xml")
    assert len(found) == 4
    assert all(isinstance(each, InputLine) and each.wrong and not each.own for each in found)
    assert web.urls == ["http://a.example/i.xml"]


@pytest.mark.promise("P31")
def test_nested_indexes_are_bounded() -> None:
    deep = {f"http://a.example/{n}.xml": index(f"http://a.example/{n + 1}.xml") for n in range(9)}
    web = Web(dict(deep))
    (found,) = web.lines("http://a.example/0.xml")
    assert isinstance(found, InputLine)
    assert (found.url, found.error) == ("http://a.example/2.xml", FailureKind.PARSE)
    assert found.wrong == "sitemap: more than 2 levels of indexes"
    assert len(web.asked) == 3


@pytest.mark.promise("P31")
def test_sitemaps_of_a_run_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MAX_SITEMAPS", 3)
    children = [f"http://a.example/{n}" for n in range(4)]
    web = Web({"http://a.example/i.xml": index(*children), **dict.fromkeys(children, urlset())})
    found = web.lines("http://a.example/i.xml")
    assert len(web.asked) == 3
    assert [(each.url, each.error) for each in found if isinstance(each, InputLine)] == [
        ("http://a.example/2", FailureKind.TOO_LARGE),
        ("http://a.example/3", FailureKind.TOO_LARGE),
    ]


@pytest.mark.promise("P07")
def test_a_fetched_sitemap_grants_no_rights() -> None:
    web = Web(
        {
            "http://a.example/i.xml": index("http://u:p@127.0.0.1/s.xml"),
            "http://127.0.0.1/s.xml": urlset("http://u:p@127.0.0.1:8080/"),
        }
    )
    found = web.lines("http://me:mine@a.example/i.xml")
    assert found == [theirs("http://127.0.0.1:8080/", "http://127.0.0.1/s.xml")]
    own, child = web.asked
    assert own == InputLine("http://a.example/i.xml", "me:mine")
    assert child == theirs("http://127.0.0.1/s.xml", "http://a.example/i.xml")


def test_an_unavailable_sitemap_becomes_an_entry() -> None:
    web = Web(
        {
            "http://a.example/1.xml": FetchError(FailureKind.STATUS, "the server answered 404"),
            "http://a.example/2.xml": SkipError(SkipReason.ROBOTS, "robots.txt says no"),
            "http://a.example/3.xml": b"<urlset><url><loc>http://a.example/p</loc></url>",
            "http://a.example/4.xml": index("http://a.example/5.html"),
            "http://a.example/5.html": b"<html/>",
        }
    )
    status, robots, page, torn, html = web.lines(*list(web.answers)[:4])
    assert status == InputLine(
        "http://a.example/1.xml", wrong="sitemap: the server answered 404", error=FailureKind.STATUS
    )
    assert robots == InputLine(
        "http://a.example/2.xml", wrong="sitemap: robots.txt says no", skip=SkipReason.ROBOTS
    )
    assert page == theirs("http://a.example/p", "http://a.example/3.xml")
    assert isinstance(torn, InputLine)
    assert (torn.url, torn.error) == ("http://a.example/3.xml", FailureKind.PARSE)
    assert html == InputLine(
        "http://a.example/5.html", wrong="sitemap: <html> is not a sitemap", error=FailureKind.PARSE
    )


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("name", ["s.xml", "s", "s.txt", "s.csv"])
def test_files_that_begin_like_sitemaps_are_read(tmp_path: Path, name: str, pack: object) -> None:
    path = tmp_path / name
    path.write_bytes(pack(b"<?xml version='1.0'?>" + urlset("http://u:p@127.0.0.1/")))  # type: ignore[operator]
    assert list(lines([str(path)])) == [InputLine("http://127.0.0.1/", "u:p")]


def test_an_index_file_leads_to_the_network(tmp_path: Path) -> None:
    path = tmp_path / "index"
    path.write_bytes(index("http://a.example/1"))
    web = Web({"http://a.example/1": urlset("http://a.example/p")})
    assert web.lines(str(path)) == [theirs("http://a.example/p", "http://a.example/1")]
    assert web.asked == [InputLine("http://a.example/1")]


def test_a_damaged_sitemap_file_becomes_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "s.xml"
    path.write_bytes(urlset("http://a.example/p")[:-3])
    good, bad = lines([str(path)])
    assert good == InputLine("http://a.example/p")
    assert isinstance(bad, InputLine)
    assert bad.url == str(path)
    assert bad.wrong


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<?xml version='1.0'?><html/>", "is XML but not a sitemap: its root is <html>"),
        (b"<!-- only this -->", "cannot be read as a sitemap: not XML: there is no element"),
    ],
)
def test_a_file_that_only_begins_like_one_fails(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "s.xml"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=says):
        lines([str(path)])


def test_broken_gzip_is_read_as_a_list(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"\x1f\x8b broken\nhttp://a.example/\n")
    assert list(lines([str(path)]))[-1] == "http://a.example/"


ANSWERS: list[bytes | Exception] = [
    b"\x00body\xff",
    FetchError(FailureKind.TIMEOUT, "30 s"),
    SkipError(SkipReason.BLOCKED, "private"),
]


def outcome(fetch: sitemaps.Fetch, place: InputLine) -> object:
    try:
        return fetch(place)
    except FetchError as error:
        return error.kind, error.message
    except SkipError as error:
        return error.reason, error.message


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_fetched_sitemap_is_kept_in_the_run(tmp_path: Path, answer: bytes | Exception) -> None:
    place = InputLine("http://a.example/s.xml", "u:secret")
    web = Web({place.url: answer})
    first = outcome(SitemapCache(web, tmp_path / "sitemaps"), place)
    assert first == outcome(web, place)
    again = outcome(SitemapCache(Web({}), tmp_path / "sitemaps"), place)
    assert again == first
    (kept,) = (tmp_path / "sitemaps").iterdir()
    assert b"secret" not in kept.read_bytes()


def test_a_torn_kept_sitemap_is_fetched_again(tmp_path: Path) -> None:
    place = InputLine("http://a.example/s.xml")
    web = Web({place.url: b"body"})
    SitemapCache(web, tmp_path)(place)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])
    assert SitemapCache(web, tmp_path)(place) == SitemapBody(b"body")
    assert len(web.asked) == 2


@pytest.mark.promise("P37")
def test_a_sitemap_that_cannot_be_kept_is_fatal(tmp_path: Path) -> None:
    web = Web({"http://a.example/s.xml": b""})
    with pytest.raises(StateError, match="missing"):
        SitemapCache(web, tmp_path / "missing" / "sitemaps")(InputLine("http://a.example/s.xml"))
