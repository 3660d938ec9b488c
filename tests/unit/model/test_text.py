import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model import mime_type
from crawler.model.text import Kind, Text, decode, encode_query, label
from crawler.model.text_codecs import decode_as, decoder
from crawler.model.text_declared import in_html
from crawler.model.text_labels import LABELS


def page(body: bytes, content_type: str | None) -> Text:
    found = mime_type.from_header(content_type or "")
    return decode(body, declared=found.charset if found else None, kind=Kind.HTML)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("ISO-8859-1", "windows-1252"),
        ("ascii", "windows-1252"),
        ("latin1", "windows-1252"),
        ("iso-8859-9", "windows-1254"),
        ("tis-620", "windows-874"),
        ("gb2312", "gbk"),
        ("shift-jis", "shift_jis"),
        ("ks_c_5601-1987", "euc-kr"),
        ("utf-16", "utf-16le"),
        (" \tKOI8-R\n", "koi8-r"),
        ("utf-7", None),
        ("rot13", None),
        ("punycode", None),
        ("nonsense", None),
        ("", None),
        (None, None),
    ],
)
def test_charset_labels_have_their_names(spelling: str | None, name: str | None) -> None:
    assert label(spelling) == name


def test_every_name_has_a_codec() -> None:
    names = {name for name in map(label, LABELS) if name}
    assert len(names) == 40
    for name in names:
        assert decoder(name).decode(b"a", True)
        assert label(name) == name


@pytest.mark.parametrize(
    ("body", "content_type", "text", "name"),
    [
        (b"\xef\xbb\xbf\xc3\xa4", "text/html; charset=latin1", "ä", "utf-8"),
        ("ä".encode("utf-16"), "text/html; charset=utf-8", "ä", "utf-16le"),
        (b"\xfe\xff" + "ä".encode("utf-16-be"), None, "ä", "utf-16be"),
        (b"\xe4", "text/html; charset=ISO-8859-1", "ä", "windows-1252"),
        (b"\x80", "text/html;CHARSET=ascii", "€", "windows-1252"),
        (b"<meta charset=koi8-r>\xc1", 'text/html; charset="utf-8"',
         "<meta charset=koi8-r>\ufffd", "utf-8"),
        (b"<meta charset=koi8-r>\xc1", "text/html; charset=x-unknown",
         "<meta charset=koi8-r>а", "koi8-r"),
        (b"\xc3\xa4", None, "ä", "utf-8"),
        (b"", None, "", "utf-8"),
        ("漢字".encode("gb18030"), "text/html; charset=gb2312", "漢字", "gbk"),
        ("①".encode("cp932"), "text/html; charset=shift_jis", "①", "shift_jis"),
        (b"a\xff", "text/html; charset=utf-8", "a\ufffd", "utf-8"),
        (b"a\0b", "text/html; charset=utf-16", "a\ufffd", "utf-16le"),
    ],
)  # fmt: skip
def test_charset_sources_have_an_order(
    body: bytes, content_type: str | None, text: str, name: str
) -> None:
    found, encoding = page(body, content_type)
    assert (found if isinstance(found, str) else found.decode()) == text
    assert encoding == name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'<META CHARSET="Windows-1251">', "windows-1251"),
        (b"<meta charset='koi8-r'/>", "koi8-r"),
        (b"<meta/charset=koi8-r>", "koi8-r"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=euc-jp">', "euc-jp"),
        (b'<meta content="text/html; charset=euc-jp" http-equiv=content-type>', "euc-jp"),
        (b'<meta name="x" content="text/html; charset=euc-jp">', None),
        (b'<meta name="a>b" charset=big5>', "big5"),
        (b"<!-- <meta charset=big5> --><meta charset=euc-kr>", "euc-kr"),
        (b"<!--><meta charset=big5>", "big5"),
        (b"<!-- <meta charset=big5>", None),
        (b"<meta charset=unknown><meta charset=big5>", "big5"),
        (b"<meta charset=utf-16>", "utf-8"),
        (b"<metadata charset=big5>", None),
        (b" " * 1000 + b"<meta charset=big5>", "big5"),
        (b" " * 1020 + b"<meta charset=big5>", "big5"),
    ],
)
def test_a_meta_charset_is_found(head: bytes, name: str | None) -> None:
    assert in_html(head) == name


def test_an_undeclared_charset_is_detected() -> None:
    russian = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 20
    assert page(russian.encode("cp1251"), "text/html") == (russian, "windows-1251")


def test_valid_utf8_is_not_copied() -> None:
    body = "ä".encode()
    assert page(body, "text/html; charset=utf-8")[0] is body
    assert page(body, None)[0] is body


@pytest.mark.parametrize("character", ["é", "€", "😀"])
def test_utf8_is_valid_wherever_its_pieces_are_cut(character: str) -> None:
    letter = character.encode()
    for before in range(16_380, 16_388):
        body = b"a" * before + letter * 6_000
        assert decode(body, declared="utf-8", kind=Kind.PLAIN).text is body
        cut = body[:-1]
        assert decode(cut, declared="utf-8", kind=Kind.PLAIN).text == cut.decode(errors="replace")
        bad = body[:before] + letter[:-1] + b"b" + body[before:]
        assert decode(bad, declared="utf-8", kind=Kind.PLAIN).text == bad.decode(errors="replace")


@given(st.binary(), st.one_of(st.none(), st.text(), st.sampled_from(sorted(LABELS))))
def test_decoding_text_never_raises(body: bytes, named: str | None) -> None:
    text, name = page(body, None if named is None else f"text/html; charset={named}")
    (text if isinstance(text, str) else text.decode()).encode()
    assert label(name) == name


@pytest.mark.parametrize(
    ("text", "encoding", "query"),
    [
        ("a=ä", "utf-8", b"a=%C3%A4"),
        ("a=ä", "windows-1252", b"a=%E4"),
        ("ä€Ж", "windows-1252", b"%E4%80%26%231046%3B"),
        ("ä", "utf-16le", b"%C3%A4"),
        ("表", "shift_jis", b"%95\\"),
        ("'\"<># %00", "windows-1252", b"%27%22%3C%3E%23%20%00"),
    ],
)
def test_a_query_has_the_bytes_of_its_encoding(text: str, encoding: str, query: bytes) -> None:
    """URL Standard, 1.3: percent-encode after encoding, with the special-query set."""
    assert encode_query(text, encoding) == query


RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. "
LATE = b"<!doctype html><title>x</title>" + b" " * 2000


@pytest.mark.promise("P88")
@pytest.mark.parametrize(
    ("body", "name"),
    [
        # HTML Standard, 13.2.3.5, "changing the encoding while parsing": a <meta> element anywhere
        (LATE + b"<meta charset=koi8-r>", "koi8-r"),
        (LATE + b"<META CHARSET='KOI8-R'>", "koi8-r"),
        (LATE + b'<meta content="a; charset=koi8-r" http-equiv=Content-Type>', "koi8-r"),
        (b" " * 1015 + b"<meta charset=koi8-r>", "koi8-r"),  # across the end of the prescan
        (LATE + b"<noscript><meta charset=koi8-r></noscript>", "koi8-r"),  # scripting is disabled
        (LATE + b"<p title='<meta charset=big5>'><meta charset=koi8-r>", "koi8-r"),
        # the first one that is known, and what looks like one is none: Chromium 156 agrees
        (b"<meta charset=koi8-r>" + LATE + b"<meta charset=big5>", "koi8-r"),
        (LATE + b"<meta charset=nonsense><meta charset=koi8-r>", "koi8-r"),
        (b"<script>'<meta charset=koi8-r>'</script><meta charset=big5>", "big5"),
        (LATE + b"<title><meta charset=koi8-r></title>", None),
        (LATE + b"<textarea><meta charset=koi8-r></textarea>", None),
        (LATE + b"<script>'<meta charset=koi8-r>'</script>", None),
        (LATE + b"<style><meta charset=koi8-r></style>", None),
        (LATE + b"<plaintext><meta charset=koi8-r>", None),
        (LATE + b"<!--<meta charset=koi8-r>-->", None),
        (LATE + b"<!--><meta charset=koi8-r>", "koi8-r"),
        (LATE + b"<meta charset=koi8-r", None),
        (LATE + b'<meta charset="koi8-r>', None),
        # HTML Standard, 13.2.3.2: "prescan", which does not know scripts, and "get an XML encoding"
        (b"<script>'<meta charset=koi8-r>'</script>", "koi8-r"),
        (b"<?xml version='1.0' encoding='koi8-r'?><p>", "koi8-r"),
        (b'<?xml version="1.0" encoding = "KOI8-R" ?><p>', "koi8-r"),
        (b"<?xml encoding='koi8-r'?><meta charset=big5>", "big5"),
        (b" <?xml version='1.0' encoding='koi8-r'?>", None),
        (b"<?xml version='1.0' encoding='koi8-r'", None),
        (b"<?xml version='1.0' encoding='nonsense'?>", None),
        (b"<?xml version='1.0' encoding='utf-16'?>", "utf-8"),
        ("<?xml version='1.0'?>".encode("utf-16-le"), "utf-16le"),
        ("<?xml version='1.0'?>".encode("utf-16-be"), "utf-16be"),
        (b"<meta charset=utf-16be>", "utf-8"),
        (b"<meta charset=x-user-defined>", "windows-1252"),
        (b"<meta charset=iso-2022-kr>", "replacement"),
    ],
)
def test_a_page_declares_its_charset_anywhere(body: bytes, name: str | None) -> None:
    assert in_html(body) == name


@pytest.mark.promise("P88")
@pytest.mark.parametrize(
    ("body", "declared", "kind", "text", "name"),
    [
        # Encoding Standard, 6.1: a byte order mark beats everything, also the header
        (b"\xef\xbb\xbf\xc3\xa4", "koi8-r", Kind.PLAIN, "ä", "utf-8"),
        (b"\xff\xfe\xe4\0", "utf-8", Kind.XML, "ä", "utf-16le"),
        # the header beats what is inside; an unknown label counts as none
        (b"<?xml version='1.0' encoding='big5'?>\xc1", "koi8-r", Kind.XML, None, "koi8-r"),
        (b"<?xml version='1.0' encoding='koi8-r'?>\xc1", "x", Kind.XML, None, "koi8-r"),
        # XML 1.0, appendix F; white space before the declaration is skipped
        (b"\n <?xml version='1.0' encoding='koi8-r'?>\xc1", None, Kind.XML, None, "koi8-r"),
        ("<?xml version='1.0'?>".encode("utf-16-be"), None, Kind.XML, None, "utf-16be"),
        (b"<meta charset=koi8-r>", None, Kind.XML, None, "utf-8"),
        (b"<?xml version='1.0' encoding='koi8-r'?>", None, Kind.PLAIN, None, "utf-8"),
        # a BOM in the middle, or a second one, is a character (Encoding Standard, 6: removed once)
        (b"\xef\xbb\xbf\xef\xbb\xbfa", None, Kind.PLAIN, "\ufeffa", "utf-8"),
        # wide decoders: NEC row 13, half-width kana, euro of gbk, Big5 with HKSCS, replacement
        (b"\xad\xa1\x8e\xb1\x8f\xb0\xa1", "euc-jp", Kind.PLAIN, "①ｱ丂", "euc-jp"),
        (b"\x87\x40\xb1\xfa\x40", "shift_jis", Kind.PLAIN, "①ｱⅰ", "shift_jis"),
        (b"\x1b$B-!\x1b(I1\x1b(B", "iso-2022-jp", Kind.PLAIN, "①ｱ", "iso-2022-jp"),
        (b"\x80\xa2\xe3", "gb2312", Kind.PLAIN, "€€", "gbk"),
        (b"\xfe\x59\x81\x35\xf4\x37", "gb18030", Kind.PLAIN, "\u9fb4\ue7c7", "gb18030"),
        (b"\x87\x7a\x88\x62\xa3\xe1", "big5", Kind.PLAIN, "㡵Ê̄€", "big5"),
        (b"\xb0\xa1\x81\x41", "ks_c_5601-1987", Kind.PLAIN, "가갂", "euc-kr"),
        (b"secret <script>", "iso-2022-kr", Kind.PLAIN, "\ufffd", "replacement"),
        (b"", "hz-gb-2312", Kind.PLAIN, "", "replacement"),
        (b"a\x80\xff", "x-user-defined", Kind.PLAIN, "a\uf780\uf7ff", "x-user-defined"),
        (b"\xae\xbe", "koi8-u", Kind.PLAIN, "ўЎ", "koi8-u"),
        (b"\x81\xa1\xdb", "tis-620", Kind.PLAIN, "\x81ก\ufffd", "windows-874"),
        (b"\xe9\xf9", "iso-8859-8-i", Kind.PLAIN, "יש", "iso-8859-8-i"),
        # ISO-2022-JP has no bytes beyond ASCII, but its escape sequences are in no other text
        (b"<p>\x1b$BF|K\\\x1b(B", None, Kind.HTML, "<p>日本", "iso-2022-jp"),
    ],
)
def test_the_charset_of_a_body(
    body: bytes, declared: str | None, kind: Kind, text: str | None, name: str
) -> None:
    found, encoding = decode(body, declared=declared, kind=kind)
    assert encoding == name
    if text is not None:
        assert (found if isinstance(found, str) else found.decode()) == text


MIXED = "Zażółć gęślą jaźń, “日本語” – Привет 🙂. "


@pytest.mark.promise("P98")
@pytest.mark.parametrize(
    ("body", "name", "lost"),
    [
        (b"x" * 5000 + MIXED.encode() + b"\xe9" + b"y" * 5000, "utf-8", 1),
        (MIXED.encode() * 5000 + b"\xff" + b"y" * 100_000, "utf-8", 1),
        (b"y" * 100_000 + b"\xff" + MIXED.encode(), "utf-8", 1),
        (b"caf\xc3\xa9, broken: \xff", "utf-8", 1),
        (MIXED.encode() * 9 + b" \xe9 \xfc \x93x\x94", "utf-8", 4),
        ("日本".encode()[:-1], "utf-8", 1),  # the last character is cut
        (b"caf\xc3\xa9 and\xe2\x80", "utf-8", 1),
        ("Привет".encode().replace(b"\xd1\x80", b"\xd1"), "utf-8", 1),  # a byte is lost
        # These are not UTF-8
        (b"<p>caf\xe9</p>", "windows-1252", 0),
        (b"caf\xe9", "windows-1252", 0),
        (b"<p>caf\xe9</p>" + b"x" * 100_000, "windows-1252", 0),
        (b"x" * 100_000 + b"<p>caf\xe9</p>", "windows-1252", 0),
        (b"\x93quoted\x94 \x96 \xa9 5 \x80", "windows-1252", 0),
        (b"caf\xe9 " * 50 + b"caf\xc3\xa9", "windows-1252", 0),
        ("ещё".encode("koi8-r"), "koi8-r", 0),  # two of its bytes are valid UTF-8
        ((RUSSIAN * 20).encode("cp1251"), "windows-1251", 0),
        (("x" * 100_000 + RUSSIAN * 9).encode("cp1251"), "windows-1251", 0),
        (("Český a slovenský žluťoučký kůň. " * 9).encode("cp1250"), "windows-1250", 0),
        (("안녕하세요 환영합니다 " * 3).encode("cp949"), "euc-kr", 0),
        (("日本語のページです。" * 3).encode("cp932"), "shift_jis", 0),
        (("中文网页欢迎你们。" * 3).encode("gbk"), "gb18030", 0),
        # detected as UTF-8 and as Big5, but it is neither
        (b"<title>\x93\xfa\x96\x7b</title>", "windows-1252", 0),
        (bytes.fromhex("6162adceacfed388c589b53eb781fd"), "windows-1252", 0),
    ],
)
def test_a_few_bad_bytes_leave_undeclared_utf8_as_it_is(body: bytes, name: str, lost: int) -> None:
    for kind in Kind:
        text, found = decode(body, kind=kind)
        assert found == name
        assert (text if isinstance(text, str) else text.decode()).count("\ufffd") == lost


@pytest.mark.promise("P88")
@pytest.mark.parametrize("encoding", sorted(set(LABELS.values())))
def test_what_is_not_text_is_decoded_in_time(encoding: str) -> None:
    worst = (b"\x81 ", b"\x1b", b"\x1b$B\x1b(B", b"\xa4\xa2\x8f\xa2\xb7", b"\xa2A", b"\xff\x81")
    bodies = [random.Random(1).randbytes(100_000), *(each * 20_000 for each in worst)]
    started = time.thread_time()
    for body in bodies:
        decode_as(body, encoding)
    assert time.thread_time() - started < 4  # usually less than 0.2; quadratic would be minutes
