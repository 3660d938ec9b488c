"""Bytes beyond ASCII that become URLs: those of headers, and those of links in pages."""

from typing import NamedTuple

import pytest
from e2e.promises.conftest import GOOD, Crawled

from crawler.parsing.document import Document
from crawler.parsing.facts import FactsReader
from crawler.parsing.job import Job
from crawler.testing import Answer, MockWeb

SITE = "http://a.example"


class Redirect(NamedTuple):
    """A Location header as it is sent, and the URL that is requested next (None: nothing is)."""

    location: bytes
    url: str | None
    source: str


_AS_SENT = "chromium 142, curl 7.88 and wget 1.21 agree; WPT redirect-location-escape"
_HOST = "URL Standard 3.5: a host is percent-decoded and read as UTF-8"
REDIRECTS = (
    Redirect(b"/caf\xe9", f"{SITE}/caf%E9", _AS_SENT),
    Redirect(b"/caf\xc3\xa9", f"{SITE}/caf%C3%A9", _AS_SENT),
    Redirect(b"/%C3%A9\xe9", f"{SITE}/%C3%A9%E9", _AS_SENT),
    Redirect(b"/\xe2\x98\x83", f"{SITE}/%E2%98%83", _AS_SENT),
    Redirect(b"/sjis/\x83\\", f"{SITE}/sjis/%83/", "the byte 5C is a backslash in any encoding"),
    Redirect(
        b"/x\xc3\xa0", f"{SITE}/x%C3%A0", "A0 at the end is not white space (RFC 9110, 5.6.3)"
    ),
    Redirect(b"\xc2\xa0", f"{SITE}/%C2%A0", "nor is it alone"),
    Redirect(b"/x\xc3\x85", f"{SITE}/x%C3%85", "85 at the end is not a line end"),
    Redirect(b"/q?a=\xe9#f\xe9", f"{SITE}/q?a=%E9", _AS_SENT),
    Redirect(b"/q?b=\xc3\xa9&c='", f"{SITE}/q?b=%C3%A9&c=%27", _AS_SENT),
    Redirect(b"?\xe9", f"{SITE}/{{}}?%E9", _AS_SENT),
    Redirect(b"rel/\xfc\xff", f"{SITE}/rel/%FC%FF", _AS_SENT),
    Redirect(b"/a b\xe9", f"{SITE}/a%20b%E9", "URL Standard 4.4: a space is escaped"),
    Redirect(b"/a\\b\xe9", f"{SITE}/a/b%E9", "URL Standard 4.4: a backslash is a slash; chromium"),
    Redirect(b"/a\tb\xe9", f"{SITE}/ab%E9", "URL Standard 4.4: a tab is removed; chromium"),
    Redirect(b"/d/../e\xe9", f"{SITE}/e%E9", "URL Standard 4.4: dot segments"),
    Redirect(b"//b.example/\xe9", "http://b.example/%E9", "a scheme-relative URL"),
    Redirect(b"http://\xc3\xa9.example/", "http://xn--9ca.example/", _HOST),
    Redirect(b"//\xc3\xa9.example/\xe9", "http://xn--9ca.example/%E9", _HOST),
    Redirect(b"http://\xe9.example/", None, _HOST + "; a name that is not UTF-8 is invalid"),
)


@pytest.mark.promise("P81")
def test_bytes_of_a_location_stay_as_they_came(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    expected = {}
    for number, case in enumerate(REDIRECTS):
        name = f"from{number}"
        header = ("Location", case.location.decode("latin-1"))
        mock_web.page(f"{SITE}/{name}", "", status=302, headers=(header,))
        if case.url is not None:
            expected[f"{SITE}/{name}"] = case.url.format(name)
            mock_web.page(case.url.format(name), GOOD)
    urls = [f"{SITE}/from{number}" for number in range(len(REDIRECTS))]
    run = crawled(urls, engine=engine, parse="inline", robots=False, delay=0.0, per_host=16)
    assert {url: page["final_url"] for url, page in run.pages.items()} == expected
    refused = [skip["reason"] for skip in run.skips.values()]
    assert refused == ["scheme"] * (len(REDIRECTS) - len(expected))


REFRESHES = (
    (b"0;url=/caf\xe9", "/caf%E9"),
    (b"0; URL='/caf\xc3\xa9'", "/caf%C3%A9"),
    (b"3,/q?\xe9", "/q?%E9"),
    (b"0;url=/x\xc3\xa0", "/x%C3%A0"),
)
"""A Refresh header, and the path and query that are requested next, as those of a Location."""


@pytest.mark.promise("P81")
@pytest.mark.promise("P92")
def test_bytes_of_a_refresh_stay_as_they_came(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    for number, (header, target) in enumerate(REFRESHES):
        refresh = ("Refresh", header.decode("latin-1"))
        kind = ("Content-Type", "text/html" if number % 2 else "text/plain")
        mock_web.answer(f"{SITE}/from{number}", Answer(headers=(refresh, kind), body=b"<p>wait"))
        mock_web.page(SITE + target, GOOD)
    urls = [f"{SITE}/from{number}" for number in range(len(REFRESHES))]
    run = crawled(urls, engine=engine, parse="inline", robots=False, delay=0.0, follow=True)
    assert set(run.pages) == {*urls, *(SITE + target for _, target in REFRESHES)}


class Encoded(NamedTuple):
    """``text`` as bytes of a page in ``encoding``, and as the query of a URL."""

    encoding: str
    text: bytes
    query: str


_LACKS = b"&#233;"
"""é, for an encoding that lacks it: in the query it is the escape of ``&#233;``."""
_E = "%26%23233%3B"
ENCODED = (
    Encoded("windows-1252", b"\xe9\x80", "%E9%80"),
    Encoded("windows-1252", b"&#x436;", "%26%231078%3B"),
    Encoded("iso-8859-1", b"\x80", "%80"),  # a label of windows-1252
    Encoded("iso-8859-15", b"\xa4", "%A4"),
    Encoded("windows-1251", b"\xe6" + _LACKS, "%E6" + _E),
    Encoded("koi8-u", b"\xd6", "%D6"),
    Encoded("iso-8859-8-i", b"\xf9", "%F9"),
    Encoded("iso-2022-jp", b'a\x1b$B$"\x1b(Bb' + _LACKS, "a%1B$B$%22%1B(Bb" + _E),
    Encoded("shift_jis", b"\x82\xa0\xb1" + _LACKS, "%82%A0%B1" + _E),
    Encoded("euc-jp", b"\xa4\xa2\x8e\xb1", "%A4%A2%8E%B1"),
    Encoded("big5", b"\xa4\xa4" + _LACKS, "%A4%A4" + _E),
    Encoded("gbk", b"\xd6\xd0\x80", "%D6%D0%80"),
    Encoded("gb2312", b"&#x20087;", "%26%23131207%3B"),  # a label of gbk
    Encoded("gb18030", b"\xd6\xd0&#x20087;", "%D6%D0%952%901"),
    Encoded("euc-kr", b"\xb0\xa1\x81A", "%B0%A1%81A"),
    Encoded("utf-8", b"\xc3\xa9", "%C3%A9"),
    Encoded("windows-1251", b"%E9\xe6+&amp;b=%", "%E9%E6+&b=%"),  # escapes stay
    Encoded("windows-1251", b"\xe6\n \t", "%E6"),  # what the URL parser removes
    Encoded("windows-1251", b"'\xe6&#34;", "%27%E6%22"),
    Encoded("utf-16le", "é'".encode("utf-16-le"), "%C3%A9%27"),  # its output encoding is UTF-8
    Encoded("utf-16be", "é".encode("utf-16-be"), "%C3%A9"),
)
"""URL Standard 1.3, "percent-encode after encoding", and 4.4; chromium 142 sends the same."""
PAGE = """<title>fine</title><link rel=canonical href="same?@">
<a href="a/&#233;?@#&#233;">a</a><map><area href=" area?@ "></map><svg><a xlink:href="svg?@"></svg>
<a href="http://a.example:80/{0}/whole?@">a</a><a href="mailto:me?subject=@">no</a>
<iframe src="frame?@"></iframe><meta http-equiv=refresh content="0;url=fresh?@">"""
"""``@`` is the text of the case."""


def written(page: str, case: Encoded) -> Answer:
    wide = case.encoding.startswith("utf-16")
    name = f"{case.encoding[:6]}-{case.encoding[6:]}" if wide else "ascii"
    body = case.text.join([piece.encode(name) for piece in page.split("@")])
    return Answer(headers=(("Content-Type", f"text/html; charset={case.encoding}"),), body=body)


@pytest.mark.promise("P82")
def test_a_query_is_in_the_encoding_of_its_page(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    folders = [f"{SITE}/{number}/" for number in range(len(ENCODED))]
    for number, (folder, case) in enumerate(zip(folders, ENCODED, strict=True)):
        mock_web.answer(folder, written(PAGE.format(number), case))
        for path in ("a/%C3%A9", "area", "svg", "whole", "frame", "fresh"):
            mock_web.page(f"{folder}{path}?{case.query}", GOOD)
    run = crawled(folders, engine=engine, robots=False, delay=0.0, per_host=16, follow=True)
    for folder, case in zip(folders, ENCODED, strict=True):
        found = run.pages[folder]
        assert found["links"] == [
            f"{folder}{path}?{case.query}" for path in ("a/%C3%A9", "area", "svg", "whole")
        ], case
        assert found["canonical"] == f"{folder}same?{case.query}", case
    assert not run.failures
    assert len(run.pages) == 7 * len(ENCODED)


def job(content_type: str) -> Job:
    return Job(1, SITE, SITE, SITE, 200, content_type, None, None, "now", 1.0, 0)


@pytest.mark.promise("P82")
@pytest.mark.parametrize("number", range(len(ENCODED)))
def test_the_query_of_a_base_is_in_the_encoding_of_its_page(number: int) -> None:
    case = ENCODED[number]
    answer = written('<base href="/b?@"><a href=""></a><a href="?@"></a><a href="c"></a>', case)
    tree = Document(job(f"text/html; charset={case.encoding}"), answer.body)
    facts = FactsReader().read(tree.tree, f"{SITE}/", encoding=tree.encoding)
    assert facts.links == (f"{SITE}/b?{case.query}", f"{SITE}/c")
