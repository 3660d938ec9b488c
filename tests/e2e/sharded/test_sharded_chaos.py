"""However many processes of a sharded crawl are killed, it ends as one crawl does."""

from pathlib import Path

import pytest
from support.chaos.shards import trial

pytestmark = pytest.mark.promise("P34", "P35")


def test_a_few_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    found = trial(tmp_path, pages=60, kills=5, seed=5)
    assert found.wrong == ()
    assert found.pages > 50
    assert sum(found.kills.values()) >= 4


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_kills_in_shards_lose_and_double_nothing(tmp_path: Path) -> None:
    found = trial(tmp_path, pages=500, kills=100, seed=100)
    assert found.wrong == ()
    assert found.pages > 400
    assert sum(found.kills.values()) == 100, "the crawl ended before"
