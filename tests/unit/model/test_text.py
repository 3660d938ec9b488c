import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model.text import Kind, Text, decode, encode_query, in_header, label
from crawler.model.text_codecs import decoder
from crawler.model.text_declared import in_html
from crawler.model.text_labels import LABELS


def page(body: bytes, content_type: str | None) -> Text:
    return decode(body, declared=in_header(content_type), kind=Kind.HTML)


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
        (b"\x80", "text/html;CHARSET = 'ascii'", "€", "windows-1252"),
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
        (b" " * 1020 + b"<meta charset=big5>", None),
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


@given(st.binary(), st.one_of(st.none(), st.text(), st.sampled_from(sorted(LABELS))))
def test_decoding_text_never_raises(body: bytes, named: str | None) -> None:
    text, name = page(body, None if named is None else f"text/html; charset={named}")
    (text if isinstance(text, str) else text.decode()).encode()
    assert label(name) == name


def test_a_long_header_is_read_once() -> None:
    assert in_header("charset" + " " * 10_000 + "charset=" * 10_000) is None


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
