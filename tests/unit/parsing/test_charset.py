import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.parsing import charset_labels
from crawler.parsing.charset import from_header, from_meta, to_text


@pytest.mark.parametrize(
    ("label", "name"),
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
def test_charset_labels_have_their_names(label: str | None, name: str | None) -> None:
    assert charset_labels.find(label) == name


def test_every_name_has_a_codec() -> None:
    names = {name for name in map(charset_labels.find, charset_labels._LABELS) if name}
    assert len(names) == 38
    for name in names:
        codecs.lookup(charset_labels.codec(name))
        assert charset_labels.find(name) == name


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
    found, encoding = to_text(body, content_type)
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
    assert from_meta(head) == name


def test_an_undeclared_charset_is_detected() -> None:
    russian = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 20
    assert to_text(russian.encode("cp1251"), "text/html") == (russian, "windows-1251")


def test_valid_utf8_is_not_copied() -> None:
    body = "ä".encode()
    assert to_text(body, "text/html; charset=utf-8")[0] is body
    assert to_text(body, None)[0] is body


@given(
    st.binary(), st.one_of(st.none(), st.text(), st.sampled_from(sorted(charset_labels._LABELS)))
)
def test_decoding_text_never_raises(body: bytes, label: str | None) -> None:
    text, name = to_text(body, None if label is None else f"text/html; charset={label}")
    (text if isinstance(text, str) else text.decode()).encode()
    assert charset_labels.find(name) == name


def test_a_long_header_is_read_once() -> None:
    assert from_header("charset" + " " * 10_000 + "charset=" * 10_000) is None
