"""A state file that cannot be written any more."""

import re
from pathlib import Path

import pytest
from support.states import new

from crawler.frontier.state.store import Store
from crawler.model.errors import StateError


@pytest.mark.promise("P54")
def test_after_an_error_every_call_says_the_same(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "state.db")
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateError, match="database or disk is full") as first:
        for number in range(1, 100):
            store.add([new(number, f"http://a.example/{'x' * 4000}{number}")])
    for call in (
        lambda: store.add([new(1)]),
        lambda: store.take(["a.example"], 1, 1),
        lambda: store.finish([], 0, 0),
        lambda: store.commit({}),
        store.pending,
        lambda: store.end({}, now=1.0),
        store.named,
        store.duplicate_pages,
    ):
        with pytest.raises(StateError, match=re.escape(str(first.value))):
            call()
