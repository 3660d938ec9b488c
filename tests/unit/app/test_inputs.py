"""What may be asked for about sources."""

from contextlib import closing
from pathlib import Path

import pytest

from crawler.app.inputs import logins
from crawler.app.run_dir import begin
from crawler.frontier.state.store import Store
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


@pytest.mark.promise("P47")
def test_logins_of_source_urls_are_kept_from_the_start(tmp_path: Path) -> None:
    """The settings file has the URLs without them, and a kill may come before the first line."""
    sources = ("https://me:a%20b@a.example:8443/x", "http://b.example/", "list", "-", "http://u:p@")
    settings = Settings(sources=sources, run=str(tmp_path / "run"))
    with begin(settings, logins=logins(settings)):
        pass
    with closing(Store.open(tmp_path / "run" / "state.db")) as store:
        assert store.logins() == {"https://a.example:8443": "me:a b"}
