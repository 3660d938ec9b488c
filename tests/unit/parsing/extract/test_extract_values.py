"""The types of values: numbers of many languages, and dates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.parsing.extract.dates import check_format, read_date
from crawler.parsing.extract.numbers import NumberReader


@pytest.mark.parametrize(
    ("locale", "text", "number"),
    [
        ("en", "$1,299.50", 1299.5),
        ("en", "EUR 12", 12),
        ("en", "1,299,000", 1299000),
        ("en", "1,5", None),
        ("en", "1.299,50", None),
        ("en", "12.", 12),
        ("en", "from .5 kg", 0.5),
        ("en", "was 20.00, now 15.00", 20),
        ("en", "-3.5 °C", -3.5),
        ("en", "−3.5 °C", -3.5),
        ("en", "+3", 3),
        ("en", "SKU-5", 5),
        ("en", "1999-2000", 1999),
        ("en", "3 500", 3),
        ("en", "10.0.0.1", None),
        ("en", "call us", None),
        ("en", "", None),
        ("en", "9" * 400, None),
        ("en-IN", "₹ 12,34,567.50", 1234567.5),
        ("de", "1.299,50 €", 1299.5),
        ("de", "12,- EUR", 12),
        ("de", "1,299.50", None),
        ("de", "12.5", None),
        ("de", ",5 l", 0.5),
        ("de_AT", "1 299,50", 1299.5),
        ("de-CH", "CHF 1’299.50", 1299.5),
        ("de-ch", "1'299.–", 1299),
        ("fr", "12 345 678,90 €", 12345678.9),
        ("fr", "2 à 12,99", 2),
        ("fr", "6 12,99", 6),
        ("es-MX", "1,299.50", 1299.5),
        ("es", "1.299,50", 1299.5),
        ("ar", "١٬٢٣٤٫٥", 1234.5),
        ("hi", "१२.५", 12.5),
    ],
)
def test_a_number_is_written_as_in_its_language(
    locale: str, text: str, number: float | None
) -> None:
    assert NumberReader(locale).float(text) == number


LANGUAGES = {"en": ",.", "de": ".,", "fr": " ,", "de-CH": "’."}


@given(st.sampled_from(list(LANGUAGES)), st.integers(-(10**12), 10**12), st.integers(0, 99))
def test_every_number_is_read_as_it_was_written(locale: str, whole: int, cents: int) -> None:
    groups, decimal = LANGUAGES[locale]
    written = f"{whole:,}".replace(",", groups)
    sign = "-" if whole < 0 else ""
    reader = NumberReader(locale)
    assert reader.float(f"about {written}{decimal}{cents:02} €") == float(
        f"{sign}{abs(whole)}.{cents:02}"
    )
    assert reader.int(f"{written}{decimal}00") == whole


@given(st.text(), st.sampled_from(list(LANGUAGES)))
def test_any_text_is_a_number_or_none(text: str, locale: str) -> None:
    reader = NumberReader(locale)
    whole, number = reader.int(text), reader.float(text)
    assert whole is None or whole == number or abs(whole) > 2**53


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,299", 1299),
        ("12.00", 12),
        ("12.50", None),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
        ("-" + str(2**63), -(2**63)),
        ("1" * 5000, None),
    ],
)
def test_an_int_is_whole_and_has_64_bits(text: str, number: int | None) -> None:
    assert NumberReader("en").int(text) == number


@pytest.mark.parametrize(
    ("text", "written", "found"),
    [
        ("2026-12-01", None, "2026-12-01"),
        ("2026-12-01T10:30:00Z", None, "2026-12-01T10:30:00+00:00"),
        ("2026-12-01 10:30", None, "2026-12-01T10:30:00"),
        ("Tue, 01 Dec 2026 10:30:00 GMT", None, "2026-12-01T10:30:00+00:00"),
        ("01.12.2026", None, None),
        ("01.12.2026", "%d.%m.%Y", "2026-12-01"),
        ("1 December 2026, 10:30", "%d %B %Y, %H:%M", "2026-12-01T10:30:00"),
        ("2026-12-01", "%d.%m.%Y", None),
        ("2026-02-30", None, None),
        ("", None, None),
        ("Tue, 99 Dec 2026 10:30:00 GMT", None, None),
    ],
)
def test_a_date_becomes_iso_8601(text: str, written: str | None, found: str | None) -> None:
    assert read_date(text, written) == found


@given(st.text(), st.sampled_from([None, "%d.%m.%Y"]))
def test_any_text_is_a_date_or_none(text: str, written: str | None) -> None:
    found = read_date(text, written)
    assert found is None or found[4:].count("-") >= 2 or found[:1].isdigit()


@pytest.mark.parametrize("written", ["%Y", "%d.%m", "%Y-%m-%q", "today"])
def test_a_format_has_a_whole_date(written: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check_format(written)
