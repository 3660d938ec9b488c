"""Of a sitemap, only what was written as a page is requested; reading takes little time."""

import io
import time
from collections.abc import Callable

import pytest

from crawler.model.errors import UsageError
from crawler.sources.arguments import lines
from crawler.sources.input_line import InputLine, RawLine, parse
from crawler.sources.location import atom_link, cleaned
from crawler.sources.sitemap import Sitemap
from crawler.sources.sitemaps import SitemapBody, Sitemaps
from crawler.sources.url_text import one_url

AT = "http://a.example/map.xml"
ONE, TWO = "http://a.example/1", "http://a.example/2"
LOST = "lost"


def found(body: str | bytes) -> list[str]:
    data = body.encode() if isinstance(body, str) else body
    entries = Sitemaps(lambda _: SitemapBody(data)).at(InputLine(AT))
    return [each.url if each.wrong is None else LOST for each in entries]


def spent(read: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    read(text)
    return time.thread_time() - began


@pytest.mark.promise("P85")
@pytest.mark.parametrize("piece", ["a", " ", "a ", "a=", "a =", "a='", "a=\"' ", "=", "'", "é\t"])
def test_the_attributes_of_a_tag_take_linear_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert spent(atom_link, text) < 0.1
    feed = f"<rss><item><guid {text[:90_000]}>{ONE}</guid></item></rss>".encode()
    assert spent(lambda _: list(Sitemap(io.BytesIO(feed))), "") < 0.2


@pytest.mark.promise("P85")
@pytest.mark.parametrize(
    "attributes",
    [
        "href='x'",
        ' rel="alternate"href="x"',
        "rel = 'alternate'\n href\t=\n'x'/",
        "a b='c'href='x'",
    ],
)
def test_attributes_are_found_however_they_are_written(attributes: str) -> None:
    assert atom_link(attributes) == "x"


@pytest.mark.promise("P85")
@pytest.mark.parametrize("piece", ["a", "/", "a/", "a:", "?", "\\", ",a", ",a:"])
def test_a_url_with_other_bytes_takes_linear_time(piece: str) -> None:
    text = f"{piece * (50_000 // len(piece))}?\udce9"
    assert spent(quietly(one_url), text) < 0.1
    assert spent(quietly(cleaned), text) < 0.1


def quietly(read: Callable[[str], object]) -> Callable[[str], object]:
    def judged(text: str) -> object:
        try:
            return read(text)
        except Exception as error:  # noqa: BLE001 - a refusal is an answer, too
            return error

    return judged


NO = "<link href='http://no.example/'/><link>http://no.example/</link>"
LINKS = {"feed": ("entry", f"<link href='{ONE}'/>"), "rss": ("item", f"<link>{ONE}</link>")}
LINKS["rdf"] = LINKS["rss"]
OTHERS = [
    f"<summary type='xhtml'><div><p>x</p>{NO}</div></summary>",
    f"<title>{NO}</title>",
    f"<title type='xhtml'>{NO}</title>",
    f"<rights>{NO}</rights><subtitle>{NO}</subtitle>",
    f"<description><br><hr/><p>x{NO}</description>",
    f"<description><description>{NO}</description>{NO}</description>",
    f"<content:encoded>{NO}</content:encoded><media:group><x>{NO}</x></media:group>",
    f"<content>{NO}</content><source>{NO}</source><author>{NO}</author><image>{NO}</image>",
    f"<div xmlns='http://www.w3.org/1999/xhtml'>{NO}</div>",
    "<category term='x'/><enclosure url='x'></enclosure><title>a < b</title>",
]


@pytest.mark.promise("P85")
@pytest.mark.parametrize("root", LINKS)
@pytest.mark.parametrize("other", OTHERS)
def test_only_the_links_of_an_entry_itself_are_pages(root: str, other: str) -> None:
    name, link = LINKS[root]
    after = f"<{name}>{link.replace(ONE, TWO)}</{name}>"
    for inner in (other + link, link + other, other + link + other):
        assert found(f"<{root}>{other}<{name}>{inner}</{name}>{after}</{root}>") == [ONE, TWO]
    assert found(f"<{root}><{name}>{other}</{name}>{after}</{root}>") == [LOST, TWO]


@pytest.mark.promise("P85")
@pytest.mark.parametrize("root", LINKS)
def test_an_element_without_end_costs_its_entry_at_most(root: str) -> None:
    name, link = LINKS[root]
    entries = f"<{name}><title>{link}</{name}><{name}>{link.replace(ONE, TWO)}</{name}>"
    assert found(f"<{root}>{entries}</{root}>") == [LOST, TWO]


# What a line of a text sitemap has, and what is found: the rules are those of lists.
LINES: list[tuple[str, list[str]]] = [
    (f"{ONE}\t2020-01-01", [ONE]),
    (f"{ONE}\t", [ONE]),
    (f"{ONE} # x", [ONE]),
    (f"{ONE}\t#x", [ONE]),
    (f"{ONE}#x", [ONE]),
    (f"{ONE} 0.8", [LOST]),
    (f"{ONE} x http://", [LOST]),
    (f"{ONE},{TWO}", [LOST]),
    (f"{ONE};{TWO}", [LOST]),
    (f"{ONE},", [LOST]),
    (f"{ONE} {TWO}", [ONE, TWO]),
    (f"{ONE}\t{TWO}", [ONE, TWO]),
    (f"{ONE}\f{TWO}", [ONE, TWO]),
    (f"{ONE}\v{TWO}", [ONE, TWO]),
    (f"{ONE}\u2028{TWO}", [ONE, TWO]),
    (f"{ONE}\x85{TWO}", [ONE, TWO]),
    (f"{ONE}\u200b2", [LOST]),
    (f"{ONE}\xad2", [LOST]),
    (f"{ONE}\xa02", [LOST]),
    (f"{ONE}\x002", [LOST]),
    (f"\u200b\xa0{ONE}\u200b", [ONE]),
    (f"<{ONE}>", [ONE]),
    (f'"{ONE}",', [ONE]),
    ("<http://a.example/1,http://a.example/2>", ["http://a.example/1,http://a.example/2"]),
    ("http://web.example/http://a.example/2", ["http://web.example/http://a.example/2"]),
    ("/1", [ONE]),
    ("/1 2", [LOST]),
    ("http://a.example/é", ["http://a.example/%C3%A9"]),
]


@pytest.mark.promise("P85")
@pytest.mark.parametrize(("line", "expected"), LINES)
def test_a_line_of_a_text_sitemap(line: str, expected: list[str]) -> None:
    good = "http://a.example/good"
    assert found(f"{good}\n{line}\r\n{good}") == [good, *expected, good]


@pytest.mark.promise("P85")
def test_other_bytes_of_a_text_sitemap_stay_what_they_are() -> None:
    assert found(b"http://a.example/\xe9\nhttp://\xe9.example/\n") == [
        "http://a.example/%E9",
        LOST,
    ]


INSIDE: list[tuple[str, list[str]]] = [
    (f"{ONE}\t2", [LOST]),
    (f"{ONE}&#9;2", [LOST]),
    (f"{ONE}\t2020-01-01\n", [LOST]),
    (f"\n\t{ONE}\t\n", [ONE]),
    (f"\u2028{ONE}\u200b\n", [ONE]),
    (f"{ONE}\n\t/2", [f"{ONE}/2"]),
    (f"{ONE},{TWO}", [LOST]),
    (f"{ONE};{TWO}", [LOST]),
    (f"{ONE}|{TWO}", [LOST]),
    (f"{ONE},é,{TWO}", [LOST]),
    (f"{ONE},\n{TWO}", [LOST]),
    (f"{ONE}\tftp://a.example/2", [LOST]),
    (f"{ONE}\u20282", [LOST]),
    (f"{ONE}\u20292", [LOST]),
    (f"{ONE}\x852", [LOST]),
    (f"{ONE}\u200b2", [LOST]),
    (f"{ONE}\xad2", [LOST]),
    (f"{ONE}\u30002", [LOST]),
    (f"{ONE}&#x200B;2", [LOST]),
    ("http://a.example/می\u200cخ", ["http://a.example/%D9%85%DB%8C%E2%80%8C%D8%AE"]),
    ("http://web.example/http://a.example/2", ["http://web.example/http://a.example/2"]),
    ("http://a.example/?u=https://b.example/", ["http://a.example/?u=https://b.example/"]),
    ("http://a.example/1,2;3", ["http://a.example/1,2;3"]),
]


@pytest.mark.promise("P85")
@pytest.mark.parametrize(("loc", "expected"), INSIDE)
def test_a_location_is_one_url_that_was_written(loc: str, expected: list[str]) -> None:
    assert found(f"<urlset><url><loc>{loc}</loc></url></urlset>") == expected
    assert found(f"<rss><item><link>{loc}</link></item></rss>") == expected


SITEMAP = f'<?xml version="1.0"?>\n<urlset>\n<url><loc>{ONE}</loc></url>\n<url/></urlset>\n'


class _Pipe(io.RawIOBase):
    """A stream that cannot go back, in pieces of a few bytes."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._rest.readinto(buffer[:7])


def piped(text: str, encoding: str = "utf-8") -> list[RawLine]:
    pipe = _Pipe(text.encode(encoding))
    return list(lines(["-"], stdin=lambda: io.BufferedReader(pipe)))


@pytest.mark.promise("P85")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("text", [SITEMAP, SITEMAP.partition("\n")[2], SITEMAP.replace("\n", "")])
def test_a_sitemap_on_standard_input_is_read(text: str, encoding: str) -> None:
    good, lost = map(parse, piped(text, encoding))
    assert (good.url, good.own) == (ONE, True)
    assert lost.wrong and "without <loc>" in lost.wrong


@pytest.mark.promise("P85")
def test_another_xml_on_standard_input_has_one_message() -> None:
    with pytest.raises(UsageError, match=r"^-: is XML but not a sitemap: its root is <html>"):
        piped(f"<!DOCTYPE html>\n<html>\n<p>{ONE}\n</html>\n")
    with pytest.raises(UsageError, match=r"^-: cannot be read as a sitemap"):
        piped("<!-- x\ny\n")


@pytest.mark.promise("P85")
def test_a_list_on_standard_input_is_none() -> None:
    assert [parse(each).url for each in piped(f"<{ONE}>\n{TWO}\n")] == [ONE, TWO]
    assert [parse(each).url for each in piped(f"url,x\n{ONE},<urlset>\n")] == [ONE]
