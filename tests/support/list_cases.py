"""Lines of lists as people write and paste them, and the URLs that are in them."""

from typing import NamedTuple


class ListCase(NamedTuple):
    """A line ``says`` these ``paths`` of http://a.example; None: the line fails. ``rule``: why."""

    says: str
    paths: tuple[str, ...] | None
    rule: str


A = "http://a.example"
APPENDIX_C = "RFC 3986, appendix C: quotes, angle brackets and white space delimit a URL"
IGNORABLE = "Unicode, DerivedCoreProperties: Default_Ignorable_Code_Point"
UNWRITTEN = "a URL that is not written there is never requested"
SEPARATOR = "a separator of lists, but allowed in a URL (RFC 3986, 2.2): not clear"
GLUED = "cat a b, without a line end at the end of a"
INSIDE = "archives and redirectors: a URL is a segment, a parameter or a word of another one"
UNICODE_ENDS = "Unicode, UAX 14: BK and NL end a line; so does str.splitlines"
BIDI = "RFC 3987, 4.1: no bidirectional formatting characters in an IRI"

CASES = [
    ListCase(f"{A}/1", ("/1",), "one URL per line"),
    ListCase(f"  {A}/2 ", ("/2",), APPENDIX_C),
    ListCase(f"{A}/3#part", ("/3",), "RFC 3986, 3.5: a fragment"),
    ListCase(f"{A}/4 # note", ("/4",), "a comment begins after white space"),
    ListCase(f"{A}/5\t#note", ("/5",), "a comment begins after white space"),
    ListCase(f"{A}/6\u00a0# {A}/no", ("/6",), "a no-break space is white space, too"),
    ListCase(f"# {A}/no", (), "a comment is no entry"),
    ListCase(f"\ufeff# {A}/no", (), "a comment after a mark of another file"),
    ListCase(f"{A}/7\tTitle of it\t3", ("/7",), "a tab ends the URL: cells of a pasted table"),
    ListCase(f"1\t{A}/no", None, "the URL is not in the first cell"),
    ListCase(f"{A}/no\t{A}/no2\tTitle", None, "several URLs among cells: which of them?"),
    ListCase(f"{A}/no\tsee {A}/no2", None, "several URLs among cells: which of them?"),
    ListCase(f"{A}/8 {A}/9", ("/8", "/9"), APPENDIX_C),
    ListCase(f"{A}/10\t{A}/11\u3000HTTP://a.example/12", ("/10", "/11", "/12"), APPENDIX_C),
    ListCase(f"{A}/no {A}:99999/", None, "a line is taken wholly or not at all"),
    ListCase(f"{A}/no,{A}/no2", None, SEPARATOR),
    ListCase(f"{A}/no, {A}/no2", None, SEPARATOR),
    ListCase(f"{A}/no;{A}/no2", None, SEPARATOR),
    ListCase(f"{A}/no|{A}/no2", None, SEPARATOR),
    ListCase(f"{A}/no,https://b.example/", None, SEPARATOR),
    ListCase(f"{A}/no\uff0c{A}/no2", None, SEPARATOR),
    ListCase(f'{A}/no","{A}/no2', None, SEPARATOR),
    ListCase(f"{A}/no,", None, SEPARATOR),
    ListCase(f"{A}/no;", None, SEPARATOR),
    ListCase(f"{A}/0,1518,1.html;x=1", ("/0,1518,1.html;x=1",), "RFC 3986, 2.2"),
    ListCase(f"{A}/web/2020/http://b.example/", ("/web/2020/http://b.example/",), "RFC 3986, 3.3"),
    ListCase(f"{A}/no{A}/no2", None, GLUED),
    ListCase(f"{A}{A}/no", None, GLUED),
    ListCase(f"{A}:80{A}/no", None, GLUED),
    ListCase(f"{A}/noHTTPS://b.example", None, GLUED),
    ListCase(f"{A}/no?q=1{A}/no", None, GLUED),
    ListCase(f"{A}/no#part{A}/no", None, GLUED),
    ListCase(f"{A}/39?q={A}/x", (f"/39?q={A}/x",), INSIDE),
    ListCase(f"{A}/no.html{A}/no2{A}/no3", None, GLUED),
    ListCase(f"{A}/no_(x){A}/no", None, GLUED),
    ListCase(f"{A}/no-{A}/no", None, GLUED),
    ListCase(f"{A}/no\u00e9{A}/no", None, GLUED),
    ListCase(f"{A}/no%C3%A9{A}/no", None, GLUED),
    ListCase(f"{A}/no%41{A}/no", None, GLUED),
    ListCase(f"{A}/x/{A}/no%2F{A}/y{A}/no", None, GLUED),
    ListCase(f"<{A}/40http://b.example/>", ("/40http://b.example/",), APPENDIX_C),
    ListCase(f"{A}/web/2020id_/http://b.example/", ("/web/2020id_/http://b.example/",), INSIDE),
    ListCase(f"{A}/save/https://b.example/x", ("/save/https://b.example/x",), INSIDE),
    ListCase(f"{A}/41?http://b.example/", ("/41?http://b.example/",), INSIDE),
    ListCase(f"{A}/42?a=1&http://b.example/", ("/42?a=1&http://b.example/",), INSIDE),
    ListCase(f"{A}/43?q=cache:http://b.example/", ("/43?q=cache:http://b.example/",), INSIDE),
    ListCase(f"{A}/44?q=a+http://b.example/", ("/44?q=a+http://b.example/",), INSIDE),
    ListCase(f"{A}/45/*http://b.example/", ("/45/*http://b.example/",), INSIDE),
    ListCase(f"{A}/46/fill(http://b.example/x.png)", ("/46/fill(http://b.example/x.png)",), INSIDE),
    ListCase(
        f"{A}/47?n=%2Fgo%3Fu%3Dhttp://b.example/", ("/47?n=%2Fgo%3Fu%3Dhttp://b.example/",), INSIDE
    ),
    ListCase(f"{A}/48?n=a%253dhttp://b.example/", ("/48?n=a%253dhttp://b.example/",), INSIDE),
    ListCase(f"{A}/49?u=http%3A%2F%2Fb.example", ("/49?u=http%3A%2F%2Fb.example",), INSIDE),
    ListCase(f"{A}/50?u[]=http://b.example/", ("/50?u[]=http://b.example/",), INSIDE),
    ListCase(f"{A}/51?x=ftp://b.example/", ("/51?x=ftp://b.example/",), INSIDE),
    ListCase(f"{A}/52#!/http://b.example/", ("/52",), INSIDE),
    ListCase(f"<{A}/13>", ("/13",), APPENDIX_C),
    ListCase(f"<{A}/14,http://b.example/,> # as it is", ("/14,http://b.example/,",), APPENDIX_C),
    ListCase(f'"{A}/15",', ("/15",), APPENDIX_C),
    ListCase(f"'{A}/16'", ("/16",), APPENDIX_C),
    ListCase(f"\u201c{A}/17\u201d", ("/17",), "typographic quotes of a word processor"),
    ListCase(f"\u00ab{A}/18\u00bb;", ("/18",), "typographic quotes of a word processor"),
    ListCase(f"{A}/no>", None, "an angle bracket without its partner"),
    ListCase(f'{A}/no"', None, "a quote without its partner"),
    ListCase(f"{A}/no\u201d", None, "a quote without its partner"),
    ListCase(f"- {A}/no", None, "an item of a Markdown list"),
    ListCase(f"[text]({A}/no)", None, "a Markdown link"),
    ListCase(f'<a href="{A}/no">text</a>', None, "a link of HTML"),
    ListCase(f"{A}/no my title", None, UNWRITTEN),
    ListCase(f"{A}/no\u00a0title", None, UNWRITTEN),
    ListCase(f"\u200b{A}/19\u200b", ("/19",), IGNORABLE),
    ListCase(f"\ufeff{A}/20\ufeff", ("/20",), IGNORABLE),
    ListCase(f"\u200c\u200d\u2060{A}/21\u2060\u200c\u200d", ("/21",), IGNORABLE),
    ListCase(f"\u00ad{A}/22\u00ad\u034f", ("/22",), IGNORABLE),
    ListCase(f"\u200e\u202a\u2066{A}/23\u2069\u202c\u200f\u061c", ("/23",), BIDI),
    ListCase(f"\u00a0\u3000\u2003{A}/24\u202f\u205f", ("/24",), "Unicode: Zs is white space"),
    ListCase(f"\x00\x1a{A}/25\x1a", ("/25",), "URL Standard: C0 controls at the ends; DOS EOF"),
    ListCase(f"{A}/26\u2028{A}/27\u2029{A}/28", ("/26", "/27", "/28"), UNICODE_ENDS),
    ListCase(f"{A}/29\x0b{A}/30\x0c{A}/31\x85{A}/32", ("/29", "/30", "/31", "/32"), UNICODE_ENDS),
    ListCase(f"{A}/no\u200bx", None, IGNORABLE),
    ListCase(f"{A}/no\ufeff/x", None, IGNORABLE),
    ListCase(f"{A}/no\u00adx", None, IGNORABLE),
    ListCase("http://a.ex\u00adample/no", None, IGNORABLE),
    ListCase(f"{A}/no\u200e/x", None, BIDI),
    ListCase(f"{A}/no\u202e/x", None, BIDI),
    ListCase(f"{A}/no\x00x", None, UNWRITTEN),
    ListCase(f"{A}/no\x1b[0m", None, "colours of a terminal"),
    ListCase(f"{A}/33\u200cx", ("/33%E2%80%8Cx",), "RFC 5892, A.1: ZWNJ joins letters of Persian"),
    ListCase(f"{A}/34\u2764\ufe0f", ("/34%E2%9D%A4%EF%B8%8F",), "UTS 51: part of an emoji"),
    ListCase(f"{A}/35\u00e9?q=\u00e9", ("/35%C3%A9?q=%C3%A9",), "URL Standard, in UTF-8"),
    ListCase(f"{A}/36%20x", ("/36%20x",), "written as it is requested"),
    ListCase("ftp://a.example/no", None, "another scheme"),
    ListCase("a.example/no", None, "no scheme"),
    ListCase("\u200b \ufeff\t", (), "a blank line is no entry"),
]
