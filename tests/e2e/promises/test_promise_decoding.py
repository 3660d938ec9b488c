"""Content-Encoding: few bytes that take long to decode."""

import pytest
from e2e.promises.conftest import GOOD, Crawled, kinds
from support.hostile_bodies import hostile, slow

from crawler.testing import MockWeb

pytestmark = pytest.mark.usefixtures("heartbeat")


@pytest.mark.promise("P59")
def test_a_robots_txt_that_is_slow_to_decode_delays_no_request(
    mock_web: MockWeb, crawled: Crawled, engine: str
) -> None:
    bodies = hostile()
    urls = [f"http://host{number}.example/page" for number in range(len(bodies))]
    for url, (coding, body) in zip(urls, bodies, strict=True):
        assert len(body) < 10_000
        mock_web.page(url, GOOD)
        robots = url.replace("/page", "/robots.txt")
        mock_web.page(robots, body, headers=(("Content-Encoding", coding),))
    mock_web.page("http://fine.example/good", GOOD)
    run = crawled([*urls, "http://fine.example/good"], engine=engine, parse="inline")
    assert {failure["error"] for failure in run.failures.values()} == {"decode"}
    assert set(run.failures) == set(urls)
    assert set(run.pages) == {"http://fine.example/good"}


@pytest.mark.promise("P59")
@pytest.mark.parametrize("parse", ["process", "thread", "inline", "none"])
def test_a_page_that_is_slow_to_decode_delays_no_request(
    mock_web: MockWeb, crawled: Crawled, parse: str
) -> None:
    bodies = [*hostile(), slow()]
    for number, (coding, body) in enumerate(bodies):
        url = f"http://bad.example/{number}"
        mock_web.page(url, body, headers=(("Content-Encoding", coding),))
    urls = [f"http://bad.example/{number}" for number in range(len(bodies))]
    run = crawled(urls, parse=parse, robots=False)
    assert kinds(run) == {str(number): "decode" for number in range(len(bodies))}
