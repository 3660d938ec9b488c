"""Sitemaps as they are found on the web: what is in each of them, and by which rule."""

import gzip
import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.model.errors import FailureKind, FetchError
from crawler.sources.input_line import InputLine
from crawler.sources.sitemaps import SitemapBody, Sitemaps

AT = "http://a.example/dir/map.xml"
ROOT = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
PROTOCOL = "sitemaps.org protocol"
XML = "XML 1.0"


def found(body: str | bytes, at: str = AT) -> list[str]:
    """The URLs in a sitemap of the web; of what is lost "line N"."""
    data = body.encode() if isinstance(body, str) else body
    lines = Sitemaps(lambda _: SitemapBody(data)).at(InputLine(at))
    return [each.url if each.wrong is None else said(each) for each in lines]


def said(line: InputLine) -> str:
    assert line.wrong is not None
    place = line.wrong.partition("line ")[2]
    return f"line {int(place.split(':')[0].split(' ')[0])}" if place else line.wrong


def url(loc: str, more: str = "") -> str:
    return f"<url><loc>{loc}</loc>{more}</url>"


def urlset(*urls: str) -> str:
    return f"{ROOT}{''.join(urls)}</urlset>"


GOOD = url("http://a.example/good")
TAKEN = ["http://a.example/good"]
LOCATIONS: list[tuple[str, list[str], str]] = [
    # what is in <loc>, what is found, the rule
    ("http://a.example/?x=1&amp;y=2", ["http://a.example/?x=1&y=2"], PROTOCOL),
    ("http://a.example/?x=1&y=2", ["http://a.example/?x=1&y=2"], "a bare & is certain"),
    ("http://a.example/?x&copy=1&", ["http://a.example/?x&copy=1&"], "no ; so no reference"),
    ("http://a.example/&&&amp;&", ["http://a.example/&&&&"], "a bare & is certain"),
    ("http://a.example/&copy;", ["line 1"], f"{XML}, 4.1: not defined"),
    ("http://a.example/&nbsp;x", ["line 1"], f"{XML}, 4.1: not defined"),
    ("http://a.example/&lt;&gt;&quot;&apos;", ["http://a.example/%3C%3E%22'"], f"{XML}, 4.6"),
    ("http://a.example/&#38;&#x26;&#X26;", ["http://a.example/&&&"], f"{XML}, 4.1"),
    ("http://a.example/&amp;amp;", ["http://a.example/&amp;"], f"{XML}: once"),
    ("http://a.example/&#0;", ["line 1"], f"{XML}, 2.2: not a character"),
    ("http://a.example/&#xD800;", ["line 1"], f"{XML}, 2.2: not a character"),
    ("http://a.example/&#1114112;", ["line 1"], f"{XML}, 2.2: not a character"),
    ("http://a.example/&#" + "9" * 5000 + ";", ["line 1"], f"{XML}, 2.2: not a character"),
    ("<![CDATA[http://a.example/?x=1&y=2]]>", ["http://a.example/?x=1&y=2"], f"{XML}, 2.7"),
    ("<![CDATA[http://a.example/?x=1&amp;y]]>", ["http://a.example/?x=1&amp;y"], f"{XML}, 2.7"),
    ("\n <![CDATA[\n http://a.example/a<b ]]>\n", ["http://a.example/a%3Cb"], f"{XML}, 2.7"),
    ("http://a.<!-- x -->example/<?x y?>z<?a?>", ["http://a.example/z"], f"{XML}, 2.5, 2.6"),
    ("\n\t http://a.example/1 \r\n", ["http://a.example/1"], "white space around it"),
    ("http://a.example/long\n    /path", ["http://a.example/long/path"], "RFC 3986, appendix C"),
    ("http://a.example/x y", ["http://a.example/x%20y"], "URL Standard"),
    ("http://a.example/1 http://a.example/2", ["line 1"], "two URLs in one"),
    ("http://a.example/1\nhttp://a.example/2", ["line 2"], "two URLs in one"),
    ("\ufeff\u200bhttp://a.example/1\xa0", ["http://a.example/1"], "invisible characters"),
    ("\x00http://a.example/1\x08", ["http://a.example/1"], "URL Standard, 4.4, step 1"),
    ("http://a.example/\x08x", ["line 1"], f"{XML}, 2.2: a control character"),
    ("http://a.example/\x00", ["http://a.example/"], "URL Standard, 4.4, step 1"),
    ("http://a.example/é?é", ["http://a.example/%C3%A9?%C3%A9"], "URL Standard"),
    ("http://bücher.example/", ["http://xn--bcher-kva.example/"], "URL Standard"),
    ("/path", ["http://a.example/path"], "URL Standard: relative to the sitemap"),
    ("//b.example/path", ["http://b.example/path"], "URL Standard"),
    ("./x", ["http://a.example/dir/x"], "URL Standard"),
    ("../x", ["http://a.example/x"], "URL Standard"),
    ("?x", ["http://a.example/dir/map.xml?x"], "URL Standard"),
    ("www.b.example/x", ["line 1"], "a path, or a host without scheme"),
    ("javascript:x", ["line 1"], "not http"),
    ("ftp://a.example/", ["line 1"], "not http"),
    ("", ["line 1"], "empty"),
    (" \n ", ["line 2"], "empty"),
    ("http://a.example/<b>x</b>", ["line 1"], "a tag in a URL"),
    ("http://a.example/a<b", ["line 1"], "a bare < in a URL"),
    ("http://a.example/a < b", ["line 1"], "a bare < in a URL"),
    ("HTTP://A.EXAMPLE:80/x/../y", ["http://a.example/y"], "URL Standard"),
]


@pytest.mark.promise("P85")
@pytest.mark.parametrize(("loc", "expected", "rule"), LOCATIONS)
def test_a_location(loc: str, expected: list[str], rule: str) -> None:
    assert found(urlset(url(loc), GOOD)) == expected + TAKEN, rule
    assert found(urlset(GOOD, url(loc, "<lastmod>&x;</lastmod>"))) == TAKEN + expected, rule


IMAGE = "<image:image><image:loc>http://i.example/1</image:loc></image:image>"
ALTERNATE = '<xhtml:link rel="alternate" hreflang="de" href="http://i.example/de"/>'
DOCUMENTS: list[tuple[str, list[str], str]] = [
    (f'\ufeff \n\t<?xml version="1.0"?>{urlset(GOOD)}', TAKEN, "blanks before the declaration"),
    (f"<!-- x --><?xml version='1.0'?>{urlset(GOOD)}", TAKEN, "a comment before it"),
    (f"<br />\n<b>Warning</b>: x<?xml version='1.0'?>{urlset(GOOD)}", TAKEN, "a message of PHP"),
    (f"<?xml version='1.0'>{urlset(GOOD)}", TAKEN, "a declaration without its second ?"),
    (f"<!DOCTYPE urlset>{urlset(GOOD)}", TAKEN, f"{XML}, 2.8"),
    (f'<!DOCTYPE urlset SYSTEM "x.dtd">{urlset(GOOD)}', TAKEN, "P98: never fetched"),
    (f'<!DOCTYPE u PUBLIC "-//x" "x">{urlset(GOOD)}', TAKEN, "P98: never fetched"),
    (f'<!DOCTYPE u [<!ENTITY a "b"> <!-- > --> ] >{urlset(GOOD)}', TAKEN, "P98"),
    (f'<!DOCTYPE u [<!ENTITY a "b">]>{urlset(url("&a;"), GOOD)}', ["line 1", *TAKEN], "P98"),
    (f"<urlset>{GOOD}</urlset>", TAKEN, "no namespace"),
    (ROOT.replace("www.sitemaps.org", "www.google.com") + f"{GOOD}</urlset>", TAKEN, "an old one"),
    (urlset(GOOD).replace("<urlset", "<urlset xmlns:x='y'\n a='>'"), TAKEN, f"{XML}, 3.1"),
    (urlset(GOOD).upper().replace("HTTP", "http"), ["http://a.example/GOOD"], "upper case"),
    ("<s:urlset><s:url><s:loc>http://a.example/good</s:loc></s:url></s:urlset>", TAKEN, "prefix"),
    ("<s:urlset><url><loc>http://a.example/good</loc></url></s:urlset>", TAKEN, "another prefix"),
    ("<urlset><s:url><s:loc>http://a.example/good</s:loc></s:url></urlset>", TAKEN, "another one"),
    ("<ns:sitemapindex></ns:sitemapindex>", [], "empty"),
    (urlset(), [], "empty"),
    ("<urlset/>", [], "empty"),
    (urlset(GOOD.replace("</url>", f"{IMAGE}</url>")), TAKEN, "images are not pages"),
    (urlset(GOOD.replace("<loc>", f"{IMAGE}<loc>")), TAKEN, "in any order"),
    (urlset(GOOD.replace("<loc>", IMAGE.replace("image:", "") + "<loc>")
            .replace("<image>", "<image xmlns='x'>")), TAKEN, "another default namespace"),
    (urlset(GOOD.replace("</url>", f"{ALTERNATE}</url>")), TAKEN, "Google: has its own <url>"),
    (urlset(GOOD.replace("<loc>", "<lastmod>2026</lastmod><loc>")), TAKEN, "in any order"),
    (urlset("<url></url>", GOOD, "<url/>"), ["line 1", *TAKEN, "line 1"], "nothing in silence"),
    (urlset("<loc>http://a.example/x</loc>", GOOD), ["line 1", *TAKEN], "nothing in silence"),
    (urlset(GOOD).replace("</url>", ""), TAKEN, "a missing end tag"),
    (urlset(GOOD).replace("</loc>", "").replace("</url>", "</url>" + GOOD), ["line 1", *TAKEN], ""),
    (urlset(GOOD, GOOD.replace("good", "2").replace("<url>", "<ur<l>")),
     [*TAKEN, "line 1", "line 1"], "a damaged tag"),
    (urlset(GOOD)[:-1], TAKEN, "a cut end tag"),
    (urlset(GOOD, url("http://a.example/cut")[:-12]).replace("</urlset>", ""),
     [*TAKEN, "line 1"], "cut inside an entry: P98"),
    (urlset(GOOD, "\n<!-- x", GOOD), [*TAKEN, "line 2"], "a comment without end"),
    (urlset("<title>a < b & c \x08</title>", GOOD), TAKEN, "damage elsewhere costs nothing"),
    (f"{urlset(GOOD)}{urlset(url('http://a.example/2'))}", [*TAKEN, "http://a.example/2"], ""),
    ("http://a.example/1\r\n\n https://b.example/2 \nnonsense\n",
     ["http://a.example/1", "https://b.example/2", "line 4"], f"{PROTOCOL}: text files"),
    ("http://a.example/1\rhttp://b.example/2", ["http://a.example/1", "http://b.example/2"], "CR"),
    ("# x\n\n#y\nhttp://a.example/good\n # z", TAKEN, "comments, as in lists"),
    ("nonsense\nhttp://a.example/good", ["line 1", *TAKEN], "not only its first line decides"),
    ("\ufeffhttp://a.example/ä", ["http://a.example/%C3%A4"], "UTF-8 with a mark"),
    ("<rss version='2.0'><channel><link>http://no/</link><image><link>http://no/</link></image>"
     "<atom:link rel='self' href='http://no/'/><item><title>a & b</title><link>\nhttp://a.example/1"
     "</link><guid>http://no.example/</guid><enclosure url='http://no/'/></item></channel></rss>",
     ["http://a.example/1"], f"{PROTOCOL}: <link> of RSS 2.0"),
    ("<rss><item><link> </link><guid>http://a.example/1</guid></item><item>"
     "<guid isPermaLink='false'>x</guid></item><item><guid isPermaLink='true'>http://a.example/2</guid></item></rss>",
     ["http://a.example/1", "line 1", "http://a.example/2"], "RSS 2.0: guid is a permalink"),
    ("<rdf:RDF xmlns='x'><channel><link>http://no/</link></channel><item><link>http://a.example/1"
     "</link></item></rdf:RDF>", ["http://a.example/1"], "RSS 1.0"),
    ("<feed xmlns='http://www.w3.org/2005/Atom'><link href='http://no/'/><entry>"
     "<link rel='self' href='http://no/'/><link href='http://a.example/?a&amp;b' /><source>"
     "<link href='http://no/'/></source></entry><entry><link rel='alternate' href='/2'></link>"
     "</entry><entry><link rel='enclosure' href='http://no/'/></entry></feed>",
     ["http://a.example/?a&b", "http://a.example/2", "line 1"], "RFC 4287, 4.2.7"),
]  # fmt: skip


@pytest.mark.promise("P85")
@pytest.mark.promise("P98")
@pytest.mark.parametrize(("text", "expected", "rule"), DOCUMENTS)
def test_a_document(text: str, expected: list[str], rule: str) -> None:
    assert found(text) == expected, rule


@pytest.mark.promise("P85")
def test_sitemaps_in_a_urlset_are_read_but_not_without_end() -> None:
    def web(line: InputLine) -> SitemapBody:
        number = int(line.url.rpartition("/")[2].removesuffix(".xml"))
        inner = f"<sitemap><loc>http://a.example/{number + 1}.xml</loc></sitemap>"
        return SitemapBody(urlset(url(f"http://a.example/p{number}"), inner).encode())

    lines = list(Sitemaps(web).at(InputLine("http://a.example/0.xml")))
    assert [line.url for line in lines] == [
        *[f"http://a.example/p{number}" for number in range(3)],
        "http://a.example/3.xml",
    ]
    assert lines[-1].wrong == "sitemap: more than 2 levels of indexes"


@pytest.mark.promise("P85")
def test_a_hostile_text_takes_little_time() -> None:
    began = time.process_time()
    for text in (
        "#" * 500_000,
        "# \n" * 200_000,
        " " * 500_000,
        "\r" * 500_000,
        "http://" + "a" * 900_000,
    ):
        found(text, at="http://a.example/x.txt")
    assert time.process_time() - began < 2


PIECES = """< <a <a_ <a_' <a_" <!-- <![CDATA[ <!DOCTYPE <!DOCTYPE_[ <? </ <url> <url><loc> <loc>
</loc> & &# &#x --> ]]> <urlset> <a_xmlns=''> <x:url> <url_xmlns=' <item><guid> # \n \0
<url><loc>&x;</loc>"""


@pytest.mark.promise("P85")
@pytest.mark.parametrize("root", ["urlset", "rss"])
def test_a_small_sitemap_takes_little_time(root: str) -> None:
    spent = {}
    for name in PIECES.split():
        piece = name.replace("_", " ")
        text = f"<{root}>{piece * (10_000 // len(piece))}"
        began = time.thread_time()
        found(text)
        spent[piece] = time.thread_time() - began
    assert max(spent.values()) < 0.1, spent


@pytest.mark.promise("P85")
@pytest.mark.parametrize(
    "text", ["", "User-agent: *", "see\nhttp://a.example/1\nand\nmore", "[x](http://a.example/)"]
)
def test_another_text_is_a_page(text: str) -> None:
    at = "http://a.example/x.txt"
    assert found(text, at) == [at]


DECLARED = '<?xml version="1.0" encoding="{}"?>' + urlset(url("http://a.example/ж"))
ZHE = ["http://a.example/%D0%B6"]
ENCODED: list[tuple[bytes, list[str], str]] = [
    (DECLARED.format("UTF-8").encode(), ZHE, "declared"),
    (DECLARED.format("windows-1251").encode("cp1251"), ZHE, "declared"),
    (DECLARED.format("KOI8-R").replace('"', "'").encode("koi8-r"), ZHE, "declared"),
    (b" \n<!-- x -->" + DECLARED.format("koi8-r").encode("koi8-r"), ZHE, "declared, not first"),
    (DECLARED.format("koi8-r").encode("utf-8-sig"), ZHE, "the mark wins"),
    (DECLARED.format("UTF-16").encode("utf-16"), ZHE, "the mark"),
    (DECLARED.format("utf-8").encode("utf-16"), ZHE, "the mark wins"),
    (b"\xfe\xff" + DECLARED.format("utf-16").encode("utf-16-be"), ZHE, "the mark"),
    (DECLARED.format("utf-16").encode("utf-16-le"), ZHE, f"{XML}, F.1"),
    (DECLARED.format("utf-16").encode("utf-16-be"), ZHE, f"{XML}, F.1"),
    (DECLARED.format("UTF-16").encode(), ZHE, "it could be read, so it is UTF-8"),
    (DECLARED.format("unknown").encode(), ZHE, "an unknown one: UTF-8"),
    (urlset(url("http://a.example/ж")).encode(), ZHE, "UTF-8 by the protocol"),
    (urlset(url("http://a.example/ж")).encode("cp1251"), ["http://a.example/%E6"], "as it came"),
    (DECLARED.format("utf-8").encode("cp1251"), ["http://a.example/%E6"], "as it came"),
    (DECLARED.format("shift_jis").encode("cp1251"), ["line 1"], "not Shift_JIS"),
    ("http://a.example/ж\n".encode("utf-16"), ZHE, "a text with a mark"),
    ("http://a.example/ж\n".encode("utf-16-le"), ZHE, "a text without one, as in lists"),
    ("\r\nhttp://a.example/ж".encode("utf-16-be"), ZHE, "a text without one, as in lists"),
]


@pytest.mark.promise("P85")
@pytest.mark.parametrize(("body", "expected", "rule"), ENCODED)
def test_an_encoding(body: bytes, expected: list[str], rule: str) -> None:
    assert found(body) == expected, rule
    assert found(gzip.compress(body)) == expected, rule


LONG = urlset(*[url(f"http://a.example/{number}") for number in range(2000)]).encode()
PACKED = gzip.compress(LONG)


@pytest.mark.promise("P85")
@pytest.mark.parametrize("behind", [b"", b"\0" * 512, b"junk", PACKED[:1], b"\x1f"])
def test_bytes_behind_gzip_are_ignored(behind: bytes) -> None:
    assert len(found(PACKED + behind)) == 2000
    half = len(LONG) // 2
    members = gzip.compress(LONG[:half]) + gzip.compress(b"") + gzip.compress(LONG[half:])
    assert len(found(members + behind)) == 2000


@pytest.mark.promise("P85")
def test_a_cut_gzip_file_has_what_it_has() -> None:
    *pages, loss = found(PACKED[: len(PACKED) // 2])
    assert 100 < len(pages) < 2000
    assert pages == [f"http://a.example/{number}" for number in range(len(pages))]
    assert loss == "sitemap: the gzip file is cut short"


@pytest.mark.promise("P85")
@pytest.mark.parametrize("rest", [b"", LONG[: len(LONG) // 2]])
def test_what_is_missing_is_said_once(rest: bytes) -> None:
    loss = FetchError(FailureKind.DECODE, "the body is incomplete")
    *pages, last = Sitemaps(lambda _: SitemapBody(rest, loss)).at(InputLine(AT))
    assert len(pages) == rest.count(b"</loc>")
    assert (last.url, last.wrong) == (AT, "sitemap: the body is incomplete")


NUMBERS = range(8)
JUNK = ["", "&", "<", ">", "\x00", "\x08", "</", "&x;", "]]>", '"', "é"]
ENTRIES = [f"\n<url><loc>http://a.example/{number}?x</loc></url>" for number in NUMBERS]


@pytest.mark.promise("P85")
@settings(deadline=None)
@given(st.data())
def test_one_damage_costs_one_entry_and_is_said(data: st.DataObject) -> None:
    """One entry is damaged anywhere; the others are found."""
    victim = data.draw(st.sampled_from(NUMBERS))
    entry = ENTRIES[victim]
    place = data.draw(st.integers(1, len(entry) - 1))
    junk = data.draw(st.sampled_from(JUNK))
    cut = data.draw(st.integers(0, 3))
    damaged = entry[:place] + junk + entry[place + cut :]
    entries = [damaged if number == victim else each for number, each in enumerate(ENTRIES)]
    lines = list(Sitemaps(lambda _: SitemapBody(urlset(*entries).encode())).at(InputLine(AT)))
    taken = {line.url for line in lines if line.wrong is None}
    lost = [line for line in lines if line.wrong is not None]
    wanted = {f"http://a.example/{number}?x" for number in NUMBERS if number != victim}
    after = f"http://a.example/{victim + 1}?x"
    # Where the end of the damaged entry is missing as well, the next one may be the one that fails.
    assert wanted - taken <= ({after} if lost else set())
    assert lost or len(taken) == len(NUMBERS)


@pytest.mark.promise("P85")
@settings(deadline=None)
@given(st.text(alphabet="<>/!?&;[]-\"'\x00 \nulrcotDA#x", max_size=300), st.booleans())
def test_junk_is_never_an_error_of_ours(junk: str, inside: bool) -> None:
    text = urlset(GOOD, junk, GOOD) if inside else junk
    found(text)
    found(io.BytesIO(gzip.compress(text.encode())).getvalue())


@pytest.mark.promise("P85")
def test_each_loss_is_an_entry_of_its_own() -> None:
    body = urlset(*[url("nonsense"), url("http://a.example/\x08x"), "<url/>"] * 3).encode()
    lines = list(Sitemaps(lambda _: SitemapBody(body)).at(InputLine(AT)))
    assert len({line.url for line in lines if line.wrong}) == 9


@pytest.mark.promise("P85")
def test_blanks_inside_a_url_take_little_time() -> None:
    began = time.thread_time()
    found(urlset(*[url(f"http://a.example/{' ' * 8000}x")] * 20))
    assert time.thread_time() - began < 1
