"""A list that is sorted by host: no host waits because others before it fill the memory."""

from functools import partial
from itertools import groupby

import pytest
from e2e.promises.conftest import GOOD, SIDE_BY_SIDE, Crawled

from crawler.app import assemble
from crawler.frontier.memory_window import MemoryWindow, WindowSizes
from crawler.testing import Answer, MockWeb

pytestmark = [
    pytest.mark.promise("P77"),
    SIDE_BY_SIDE,
]
PAGE = Answer(headers=(("Content-Type", "text/html"),), body=GOOD.encode())
SMALL = WindowSizes(least=4, roomy=60, total=120)
"""So small that five of the twenty hosts fill half of the memory."""


def sorted_list(hosts: int, pages: int) -> list[str]:
    names = [f"host{number:03}.example" for number in range(hosts)]
    return [f"http://{name}/{page}" for name in names for page in range(pages)]


def share_of_possible(web: MockWeb, delay: float) -> float:
    """The time that the delays of a host take, by that which its requests took: the worst host."""
    log = sorted(web.seen, key=lambda seen: (seen.host, seen.at))
    by_host = [[seen.at for seen in group] for _, group in groupby(log, lambda seen: seen.host)]
    begin = min(times[0] for times in by_host)
    return min((len(times) - 1) * delay / (times[-1] - begin) for times in by_host)


def test_all_hosts_of_a_sorted_list_are_fetched_at_once(
    crawled: Crawled, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assemble, "MemoryWindow", partial(MemoryWindow, sizes=SMALL))
    urls = sorted_list(20, 12)
    with MockWeb() as web:
        for url in urls:
            web.answer(url, PAGE)
        run = crawled(urls, engine=engine, parse="inline", robots=False, delay=0.2)
    assert len(run.pages) == len(urls)
    # One host after the other would reach a fourth; the rest is room for other tests on the cores.
    assert share_of_possible(web, 0.2) >= 0.7


@pytest.mark.long
@pytest.mark.timeout(600)  # the delays alone take 150 s
@pytest.mark.engines("curl")
def test_a_long_sorted_list_takes_as_long_as_its_delays(crawled: Crawled, engine: str) -> None:
    urls = sorted_list(200, 300)
    with MockWeb(lambda _: PAGE) as web:
        run = crawled(iter(urls), engine=engine, delay=0.5)
    assert len(run.pages) == len(urls)
    assert share_of_possible(web, 0.5) >= 0.9
