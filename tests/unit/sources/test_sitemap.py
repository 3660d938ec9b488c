"""One sitemap: what is in it, whatever somebody put into it."""

import gzip
import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.errors import FailureKind, FetchError
from crawler.model.exchange import MAX_SITEMAP_BYTES
from crawler.sources import markup, sitemap
from crawler.sources.location import cleaned
from crawler.sources.sitemap import Sitemap

XMLNS = b'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*locations: bytes) -> bytes:
    urls = b"".join(b"<url><loc>%s</loc></url>" % location for location in locations)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n<urlset %s>%s</urlset>' % (XMLNS, urls)


def read(data: bytes) -> tuple[list[str], FetchError | None]:
    """The locations, and the error after them; for an entry that is lost, why."""
    found: list[str] = []
    try:
        found.extend(
            f"line {each.line}: {each.wrong}" if each.wrong else cleaned(each.text)
            for each in Sitemap(io.BytesIO(data))
        )
    except FetchError as error:
        return found, error
    return found, None


@pytest.mark.parametrize(
    "data",
    [
        urlset(b"http://a.example/?x=1&amp;y=2", b"\n  http://b.example/\t\n"),
        b"\xef\xbb\xbf" + urlset(b"<![CDATA[http://a.example/?x=1&y=2]]>", b"http://b.example/"),
        gzip.compress(urlset(b"http://a.example/?x=1&#38;y=2")[:60])
        + gzip.compress(urlset(b"http://a.example/?x=1&#38;y=2", b"http://b.example/")[60:]),
        b"""<s:urlset xmlns:s="urn:any" xmlns:i="urn:images" xmlns:h="urn:xhtml">
        <s:url><h:link href="http://no.example/"/><s:loc>http://a.example/?x=1&amp;y=2</s:loc>
        <i:image><i:loc>http://no.example/1</i:loc></i:image><i:loc>http://no.example/2</i:loc>
        </s:url><s:url><s:loc>http://b.<!-- in between -->example/</s:loc><loc>http://no/</loc>
        </s:url></s:urlset>""",
    ],
    ids=["plain", "mark and cdata", "gzip members", "prefixes"],
)
def test_only_locations_are_found(data: bytes) -> None:
    assert read(data) == (["http://a.example/?x=1&y=2", "http://b.example/"], None)


def test_an_index_is_recognised() -> None:
    data = b"<sitemapindex><sitemap><loc>http://a.example/1</loc></sitemap></sitemapindex>"
    found = Sitemap(io.BytesIO(data))
    assert found.is_index
    assert [(each.text, each.is_sitemap) for each in found] == [("http://a.example/1", True)]
    assert not Sitemap(io.BytesIO(urlset())).is_index


def test_another_document_names_its_root() -> None:
    found = Sitemap(io.BytesIO(b"<ads version='2.0'><loc>http://a.example/</loc></ads>"))
    assert found.root == "ads"
    assert not found.is_sitemap


def test_invalid_utf8_stays_what_it_is() -> None:
    data = urlset(b"http://a.example/\xe9", b"http://b.example/").replace(b"UTF-8", b"rot13")
    assert read(data) == (["http://a.example/%E9", "http://b.example/"], None)


BOMB = b'<!DOCTYPE urlset [<!ENTITY a "http://bomb.example/">%s]>' % b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12)
)


@pytest.mark.promise("P31")
@pytest.mark.parametrize(
    "doctype",
    [
        BOMB,
        b'<!DOCTYPE urlset [<!ENTITY m SYSTEM "file://SECRET">]>',
        b'<!DOCTYPE urlset [<!ENTITY % p SYSTEM "file://SECRET"> %p;]>',
        b'<!DOCTYPE urlset SYSTEM "file://SECRET">',
        b"<!DOCTYPE urlset>",
    ],
    ids=["bomb", "external", "parameter", "subset", "empty"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_of_a_document_type_nothing_is_expanded_or_read(
    tmp_path: Path, doctype: bytes, pack: Callable[[bytes], bytes]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("http://secret.example/")
    doctype = doctype.replace(b"SECRET", bytes(secret))
    body = urlset(b"&m;", b"http://b.example/").replace(b"<urlset", doctype + b"<urlset")
    lost = "line 2: the entity &m; is not defined"
    assert read(pack(body)) == ([lost, "http://b.example/"], None)


@pytest.mark.promise("P31")
def test_an_undefined_entity_costs_its_entry() -> None:
    found, error = read(urlset(b"http://a.example/", b"&xxe;", b"http://b.example/"))
    assert found == [
        "http://a.example/",
        "line 2: the entity &xxe; is not defined",
        "http://b.example/",
    ]
    assert error is None


@pytest.mark.promise("P31")
def test_xinclude_includes_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("http://secret.example/")
    include = b'<x:include xmlns:x="http://www.w3.org/2001/XInclude" parse="text" href="%s"/>'
    data = urlset(b"http://a.example/" + include % bytes(secret))
    assert read(data) == (["line 2: there is a tag in its <loc>"], None)


@pytest.mark.promise("P31")
def test_gzip_is_decompressed_up_to_the_limit() -> None:
    filler = b" " * MAX_SITEMAP_BYTES
    body = urlset(b"http://a.example/").replace(b"</urlset>", filler + b"</urlset>")
    data = gzip.compress(body, compresslevel=1)
    found, error = read(data)
    assert found == ["http://a.example/"]
    assert error is not None
    assert error.kind is FailureKind.TOO_LARGE


@pytest.mark.promise("P31")
def test_urls_of_a_sitemap_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sitemap.MAX_URLS == 50_000
    monkeypatch.setattr(sitemap, "MAX_URLS", 3)
    locations = [b"http://a.example/%d" % number for number in range(4)]
    assert read(urlset(*locations[:3])) == ([each.decode() for each in locations[:3]], None)
    found, error = read(urlset(*locations))
    assert len(found) == 3
    assert error is not None
    assert error.kind is FailureKind.TOO_LARGE


@pytest.mark.promise("P31")
@pytest.mark.parametrize(
    "filler",
    [
        b"<a>" * 100_000,
        b"".join(b"<a%d/>" % number for number in range(100_000)),
        b"<a " + b" ".join(b"b%d=''" % number for number in range(2000)) + b"/>",
        b"<!--" + b"a" * 3_000_000 + b"-->",
        b"<a b='" + b"a" * 3_000_000 + b"'/>",
        b"<" * 100_000,
        b"<![CDATA[" * 100_000 + b"]]>",
        b"<?" * 100_000 + b"?>",
    ],
    ids=["deep", "names", "attributes", "comment", "attribute", "open", "cdata", "instruction"],
)
def test_costly_xml_is_passed_over(filler: bytes) -> None:
    data = urlset(b"http://a.example/", b"http://b.example/")
    data = data.replace(b"</url><url>", b"</url>" + filler + b"<url>")
    began = time.process_time()
    assert read(data) == (["http://a.example/", "http://b.example/"], None)
    assert time.process_time() - began < 2


@pytest.mark.promise("P31")
def test_the_tags_of_a_sitemap_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert markup.MAX_TAGS == 5_000_000
    monkeypatch.setattr(markup, "MAX_TAGS", 20_000)
    data = urlset(*[b"http://a.example/%d" % number for number in range(10_000)])
    found, error = read(data)
    assert 0 < len(found) < 10_000
    assert error is not None
    assert error.kind is FailureKind.TOO_LARGE


def cpu_of(size: int) -> float:
    data = urlset().replace(b"</urlset>", b"<!--" + b"a" * size)
    began = time.process_time()
    read(data)
    return time.process_time() - began


@pytest.mark.promise("P31")
def test_an_endless_token_takes_linear_time() -> None:
    # Once refused it costs nothing more, however much would follow.
    assert cpu_of(40_000_000) < 20 * cpu_of(2_000_000)


@pytest.mark.promise("P31")
def test_an_endless_location_is_cut() -> None:
    found, error = read(urlset(b"http://a.example/" + b"a" * 5_000_000, b"http://b.example/"))
    assert error is None
    assert found[1] == "http://b.example/"
    assert len(found[0]) < 40_000


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (urlset(b"http://a.example/")[:-5], FailureKind.PARSE),
        (gzip.compress(urlset(b"http://a.example/"))[:-4], FailureKind.DECODE),
        (gzip.compress(urlset(b"http://a.example/"))[:-8] + b"\0" * 8, FailureKind.DECODE),
    ],
    ids=["cut", "gzip cut", "gzip check sum"],
)
def test_locations_before_the_damage_are_returned(data: bytes, kind: FailureKind) -> None:
    found, error = read(data)
    assert found == ["http://a.example/"]
    assert error is not None
    assert error.kind is kind


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for body in (data, b"<urlset>" + data, gzip.compress(data), b"\x1f\x8b" + data):
        found, error = read(body)
        assert found == [] or error is not None
