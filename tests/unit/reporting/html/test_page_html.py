import base64
import gzip
import hashlib
import re
from importlib.resources import files

import pytest

from crawler.reporting.html.elements import element
from crawler.reporting.html.page import packed, page, policy, static

STATIC = sorted(path.name for path in files("crawler.reporting.html").joinpath("static").iterdir())
TEXT = page("a <title>", [element("p", "content")], ("text.js",), b'{"</script>": 1}')


def between(tag: str, text: str = TEXT) -> str:
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_only_our_script_runs_and_nothing_is_loaded() -> None:
    rules = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', TEXT)
    assert rules is not None
    wanted = rules[1].replace("&#x27;", "'")
    assert wanted == policy(between("style"), between("script"))
    assert wanted.startswith("default-src 'none'; ") and "unsafe" not in wanted
    digest = base64.b64encode(hashlib.sha256(between("script").encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in wanted


@pytest.mark.promise("P44")
def test_data_cannot_end_its_element() -> None:
    """Whatever a site wrote, it is base64 in the page."""
    data = re.search(r'<script type="application/gzip" id="data">([A-Za-z0-9+/=]*)</script>', TEXT)
    assert data is not None
    assert gzip.decompress(base64.b64decode(data[1])) == b'{"</script>": 1}'
    assert TEXT.count("</script>") == 2


def test_equal_data_is_packed_equally() -> None:
    assert packed(b"x" * 99) == packed(b"x" * 99)


def test_a_page_without_scripts_has_none() -> None:
    assert "<script" not in page("t", [], (), b"")


@pytest.mark.parametrize("name", STATIC)
def test_static_files_end_no_element_and_request_nothing(name: str) -> None:
    text = static(name)
    assert not re.search(
        r"</(script|style)|<!--|@import|url\([^)]*[:.]|fetch\(|XMLHttp|innerHTML", text
    )


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["text", "quiet", "accent"])
@pytest.mark.parametrize("ground", ["page", "raised"])
def test_text_has_enough_contrast_in_both_themes(theme: int, text: str, ground: str) -> None:
    block = re.findall(r":root \{(.*?)\}", static("report.css"), re.DOTALL)[theme]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
