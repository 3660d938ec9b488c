import time

import pytest

from crawler.parsing.refresh import refresh_url

STEPS = "HTML Standard 4.2.5.3, shared declarative refresh steps, step "
CASES = [
    ("0;url=x", "x", STEPS + "11"),
    ("0; URL='x'", "x", STEPS + "11.8"),
    ('0; Url = "x"', "x", STEPS + "11.5 to 11.8"),
    ("0;url='x'y", "x", STEPS + "11.10: the rest after the quote is ignored"),
    ("0;url='x y\"z'", 'x y"z', STEPS + "11.10: only the same quote ends it"),
    ("0;url='x", "x", STEPS + "11.10: the quote may be missing"),
    ("0;'x'y", "x", STEPS + "11.8: quotes without url="),
    ("0,x", "x", STEPS + "10.1: a comma"),
    ("0 x", "x", STEPS + "10.1: white space"),
    ("0\t\n\f\r ;\n x", "x", STEPS + "10.2 and 10.4"),
    ("  3 ; url = x", "x", STEPS + "3"),
    ("0;;x", ";x", STEPS + "10.3: one semicolon is skipped"),
    ("0;url x", "url x", STEPS + "11.6: without = it is the URL"),
    ("0;urlx", "urlx", STEPS + "11.6"),
    ("0;u", "u", STEPS + "11.3"),
    ("0;ur=x", "ur=x", STEPS + "11.4"),
    ("0;curl=x", "curl=x", STEPS + "11.2"),
    ("0;url=url=x", "url=x", STEPS + "11.2: once"),
    ("0;url=a;b,c d", "a;b,c d", STEPS + "11.9: to the end"),
    ("0;url=\u00a0x", "\u00a0x", STEPS + "11.7: a no-break space is not ASCII white space"),
    ("0;\u00a0url=x", "\u00a0url=x", STEPS + "10.4; chromium"),
    (".5;url=x", "x", STEPS + "6"),
    ("0.5.5;url=x", "x", STEPS + "8"),
    ("007;x", "x", STEPS + "5"),
    ("5", "", STEPS + "10: the page itself"),
    ("5;", "", STEPS + "11"),
    ("5; url=", "", STEPS + "11.11: the page itself"),
    ("5;url=''", "", STEPS + "11.11"),
    ("", None, STEPS + "6"),
    ("x", None, STEPS + "6"),
    ("url=x", None, STEPS + "6"),
    (";url=x", None, STEPS + "6"),
    ("-1;url=x", None, STEPS + "6"),
    ("+1;url=x", None, STEPS + "6; chromium"),
    ("0x", None, STEPS + "10.1"),
    ("1e3;url=x", None, STEPS + "10.1"),
    ("0:url=x", None, STEPS + "10.1"),
    ("\u00a00;url=x", None, STEPS + "3"),
    ("٣;url=x", None, STEPS + "5: ASCII digits"),
]


@pytest.mark.promise("P92")
@pytest.mark.parametrize(("content", "url", "source"), CASES)
def test_a_refresh_is_read_by_the_steps_of_the_standard(
    content: str, url: str | None, source: str
) -> None:
    assert refresh_url(content) == url, source


@pytest.mark.parametrize(
    "content", [" " * 200_000, "0" * 200_000, "0;" + " " * 200_000, "0 " * 99_999]
)
def test_a_long_refresh_takes_linear_time(content: str) -> None:
    before = time.process_time()
    refresh_url(content)
    assert time.process_time() - before < 1  # some milliseconds; quadratic would be minutes
