"""Pages in all character sets, declared in all places, wrongly or nowhere."""

import pytest
from e2e.promises.conftest import Crawled

from crawler.testing import MockWeb

HTML = "text/html"
FAR = "<!--" + "x" * 5000 + "-->"
RUSSIAN = "Съешь ещё этих мягких французских булок"

# name: body, Content-Type, title, encoding; the rules are in tests/unit/model/test_text.py
DECLARED: dict[str, tuple[bytes, str, str, str]] = {
    "header": (f"<title>{RUSSIAN}".encode("koi8-r"), f"{HTML}; charset=koi8-r", RUSSIAN, "koi8-r"),
    "bom": (b"\xef\xbb\xbf<title>\xc3\xa4", f"{HTML}; charset=koi8-r", "ä", "utf-8"),
    "utf16": ("\ufeff<title>ä日".encode("utf-16-le"), HTML, "ä日", "utf-16le"),
    "meta": (b"<meta charset=big5><title>\xc6\xe3\x88\x62", HTML, "ーÊ̄", "big5"),
    "late": (
        f"{FAR}<meta charset=koi8-r><title>{RUSSIAN}".encode("koi8-r"),
        HTML,
        RUSSIAN,
        "koi8-r",
    ),
    "script": (
        f"<script>'<meta charset=big5>'</script>{FAR}<meta charset=koi8-r><title>я".encode(
            "koi8-r"
        ),
        HTML,
        "я",
        "koi8-r",
    ),
    "xml": (
        f"<?xml version='1.0' encoding='koi8-r'?><html><title>{RUSSIAN}</title></html>".encode(
            "koi8-r"
        ),
        "application/xhtml+xml",
        RUSSIAN,
        "koi8-r",
    ),
    "row13": (b"<title>\xad\xa1\x8e\xb1\x8f\xa2\xb7", f"{HTML}; charset=euc-jp", "①ｱ～", "euc-jp"),
    "nec": (b"<title>\x87\x40\xb1", f"{HTML}; charset=sjis", "①ｱ", "shift_jis"),
    "jis": (b"<title>\x1b$BF|K\\\x1b(B", f"{HTML}; charset=iso-2022-jp", "日本", "iso-2022-jp"),
    "euro": (b"<title>\x80 5", f"{HTML}; charset=gb2312", "€ 5", "gbk"),
    "hangul": (b"<title>\x81\x41", f"{HTML}; charset=ks_c_5601-1987", "갂", "euc-kr"),
    "replacement": (b"<title>no", f"{HTML}; charset=iso-2022-cn", "", "replacement"),
    "unknown": (b"<title>\xc3\xa4", f"{HTML}; charset=x-no-such", "ä", "utf-8"),
    "malformed": (b"<title>\xb1<p", f"{HTML}; charset=euc-kr", "\ufffd<p", "euc-kr"),
}
UNDECLARED: dict[str, tuple[bytes, str, str, str]] = {
    "broken": (
        f"<title>{RUSSIAN} – “ß”".encode() + b"\xe9</title>",
        HTML,
        f"{RUSSIAN} – “ß”\ufffd",
        "utf-8",
    ),
    "far": (b"<title>\xc3\xa4</title>" + b"x" * 99_999 + b"\xff", HTML, "ä", "utf-8"),
    "cut": ("<title>ä</title>日本".encode()[:-1], HTML, "ä", "utf-8"),
    "latin": (b"<title>caf\xe9</title>" + b"x" * 9_999, HTML, "café", "windows-1252"),
    "end": (b"<title>caf\xe9", HTML, "café", "windows-1252"),
    "cyrillic": (f"<title>{RUSSIAN}".encode("cp1251"), HTML, RUSSIAN, "windows-1251"),
    "korean": (
        "<title>안녕하세요 환영합니다".encode("cp949"),
        HTML,
        "안녕하세요 환영합니다",
        "euc-kr",
    ),
}


@pytest.mark.promise("P88", "P98")
def test_pages_are_read_in_their_charset(mock_web: MockWeb, crawled: Crawled, engine: str) -> None:
    cases = DECLARED | UNDECLARED
    for name, (body, content_type, _, _) in cases.items():
        mock_web.page(f"http://a.example/{name}", body, headers=(("Content-Type", content_type),))
    urls = [f"http://a.example/{name}" for name in cases]
    run = crawled(urls, engine=engine, delay=0, robots=False, parse="inline")
    found = {url: (page["title"] or "", page["encoding"]) for url, page in run.pages.items()}
    assert found == {f"http://a.example/{name}": case[2:] for name, case in cases.items()}
