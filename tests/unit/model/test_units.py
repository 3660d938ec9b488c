import pytest

from crawler.model import units


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 s"),
        (0.0004, "0.4 ms"),
        (0.0481, "48 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (2, "2 s"),
        (9.13, "9.1 s"),
        (59.96, "60 s"),
        (99.4, "99 s"),
        (119.7, "2 min"),
        (412, "6 min 52 s"),
        (3599.7, "1 h"),
        (11_520, "3 h 12 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_seconds(value: float, expected: str) -> None:
    assert units.seconds(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (999.7, "1.0 kB"),
        (60_544, "61 kB"),
        (999_600, "1.0 MB"),
        (1_240_000_000, "1.2 GB"),
        (2.5e15, "2,500 TB"),
    ],
)
def test_size(value: float, expected: str) -> None:
    assert units.size(value) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0, "0 %"),
        (0.001, "<1 %"),
        (0.005, "<1 %"),
        (0.0051, "1 %"),
        (0.41, "41 %"),
        (0.999, ">99 %"),
        (1, "100 %"),
    ],
)
def test_percent(share: float, expected: str) -> None:
    assert units.percent(share) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (0.0421, "0.042"), (1.24, "1.2"), (9.96, "10"), (45.4, "45"), (1234.5, "1,234")],
)
def test_figure(value: float, expected: str) -> None:
    assert units.figure(value) == expected


def test_count() -> None:
    assert [units.count(n, "URL") for n in (0, 1, 1500)] == ["0 URLs", "1 URL", "1,500 URLs"]
