"""What the intake passes on of the entries that come into memory."""

from typing import Any, cast

from crawler.frontier.entry import Entry
from crawler.frontier.frontier import Frontier
from crawler.frontier.host_queue import HostPolicy
from crawler.frontier.quota import Quota
from crawler.frontier.schedule import FEW_REQUESTS
from crawler.model.scope import Strip
from crawler.pipeline.intake import EntryRules, Intake


def test_only_what_will_be_requested_soon_is_prepared() -> None:
    prepared: list[str] = []
    nothing = cast("Any", lambda *_: None)
    frontier = Frontier(lambda _: HostPolicy(), robots=False)
    rules = EntryRules(nothing, Strip(), Quota(None))
    intake = Intake(nothing, nothing, frontier, rules, nothing, nothing, nothing, prepared.append)
    urls = [f"http://h{number}.example/" for number in range(FEW_REQUESTS + 1)]
    entries = [Entry(number, url, url[7:-1], 0, url) for number, url in enumerate(urls)]
    intake.loaded(entries[:-1])
    assert prepared == urls[:-1]
    intake.loaded(entries[-1:])
    assert prepared == urls[:-1], "many wait already"
