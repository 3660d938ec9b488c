"""What may be asked for about sources."""

import pytest

from crawler.model.errors import UsageError
from crawler.settings import Settings, load


def test_a_history_implies_slowest_first() -> None:
    assert Settings().line_order == "input"
    assert Settings(order="random").line_order == "random"
    assert Settings(history="runs/a").line_order == "slowest"
    assert Settings(history="runs/a", order="slowest").line_order == "slowest"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"order": "random", "history": "a"}, "history needs order slowest"),
        ({"order": "input", "history": "a"}, "history needs order slowest"),
        ({"order": "slow"}, "order must be one of input, random, slowest.*did you mean slowest"),
        ({"column": ""}, "column must be NAME"),
    ],
)
def test_conflicting_source_flags_are_refused(asked: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Settings(**asked)  # type: ignore[arg-type]


def test_messages_name_flags_as_given() -> None:
    with pytest.raises(UsageError, match=r"^--history needs --order slowest$"):
        load({"order": "random", "history": "a"}, {})
