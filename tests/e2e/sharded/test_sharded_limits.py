"""Limits of a crawl hold for all its shards together."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.sharded.conftest import Both, Sharded
from support.sharded_web import Web, found, in_turns, moved, page, status, web

from crawler.localweb.server import Answer

Answers = dict[str, Callable[[Web], Answer]]
HOSTS = "abcd"


def place(name: str) -> str:
    host, _, path = name.partition("/")
    return f"{{{host}}}/{path}"


def tangled(pages: int, seed: int) -> Answers:
    """Pages of four hosts with links to any others; some are redirects, some answer late."""
    rng = random.Random(seed)
    names = [f"{host}/{number}" for host in HOSTS for number in range(pages)]
    answers: Answers = {}
    for name in names:
        links = list(map(place, rng.sample(names, 3)))
        late = rng.choice([0.0, 0.0, 0.05])
        answers[name] = moved(links[0]) if rng.random() < 0.2 else page(*links, latency=late)
    return answers


def test_the_depth_of_a_page_is_that_of_a_crawl_without_shards(both: Both) -> None:
    with web(tangled(6, seed=3)) as served:
        lines = served.fill("".join(f"{{{host}}}/{n}\n" for n, host in enumerate(HOSTS)))
        records = both("--follow", "--scope", "any", "--seed", 7, "--depth", 2, lines=lines)
    depths = Counter(each["depth"] for each in records["pages"])
    assert set(depths) == {0, 1, 2}, depths


def test_max_pages_is_exact(sharded: Sharded, tmp_path: Path) -> None:
    with web({f"{host}/{number}": page() for host in HOSTS for number in range(20)}) as served:
        lines = served.fill(
            "".join(f"{place(f'{host}/{n}')}\n" for host in HOSTS for n in range(20))
        )
        sharded("--no-robots", "--max-pages", 30, lines=lines)
        assert len(found(tmp_path / "sharded")["pages"]) == 30
        run = sharded("--resume", "--max-pages", 55)
        assert len(found(tmp_path / "sharded")["pages"]) == 55
    assert run.report["urls"]["pending"] == 25


RATE = 30.0


@pytest.mark.promise("P43")
def test_slices_share_the_rate_which_may_change_on_resume(sharded: Sharded) -> None:
    with web({f"{host}/{number}": page() for host in HOSTS for number in range(20)}) as served:
        lines = served.fill(
            "".join(f"{place(f'{host}/{n}')}\n" for n in range(20) for host in HOSTS)
        )
        sharded("--no-robots", "--rate", RATE, "--max-pages", 40, lines=lines)
        times = [seen.at for seen in served.seen]
        for first, begin in enumerate(times):
            for last, end in enumerate(times[first + 1 :], first + 1):
                # Two slices may end, and two may begin, each with a request.
                assert last - first < RATE * (end - begin) + 4, (first, last)
        run = sharded("--resume", "--rate", 1000, "--max-pages", 80)
    assert run.report["urls"]["done"] == len(served.seen) == 80


def test_again_is_done_once_in_each_shard(sharded: Sharded, tmp_path: Path) -> None:
    """Also where a shard has several slices in the session: the slow host has five."""
    answers = {f"{host}/1": in_turns(status(500), status(500), page()) for host in "bcd"}
    answers |= {f"a/{number}": status(500, latency=0.25) for number in range(8)}
    with web(answers) as served:
        lines = served.fill("".join(f"{place(each)}\n" for each in answers))
        sharded("--no-robots", "--concurrency", 8, lines=lines)
        sharded("--resume", "--again", "status", "--concurrency", 1)
        assert set(Counter((seen.host, seen.target) for seen in served.seen).values()) == {2}
        assert len(found(tmp_path / "sharded")["failures"]) == len(answers)
        run = sharded("--resume", "--again", "status", "--concurrency", 8)
    assert set(Counter((seen.host, seen.target) for seen in served.seen).values()) == {3}
    records = found(tmp_path / "sharded")
    assert (len(records["pages"]), len(records["failures"])) == (3, 8)
    assert run.report["urls"]["pending"] == 0
