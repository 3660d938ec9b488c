"""An entry that is redirected into another shard ends there, as it would without shards."""

import pytest
from e2e.sharded.conftest import Both, Sharded
from support.sharded_web import in_turns, moved, page, status, text, web

LINES = """\
url,note
{a}/row,of a table
{a}/back,
{a}/loop,
{a}/far,
{a}/public,
{a}/private,
{a}/forbidden,
{a}/gone,
{a}/missing,
{b}/target,
{c}/,
"""
WEB = {
    "a/row": moved("{b}/row"),
    "b/row": page("{b}/from-row"),
    "b/from-row": page(),
    "a/back": moved("{b}/back"),
    "b/back": moved("{a}/there"),
    "a/there": page("{a}/linked"),
    "a/linked": moved("{c}/linked"),
    "c/linked": page("{d}/out-of-scope"),
    "a/loop": moved("{b}/loop"),
    "b/loop": moved("{c}/loop"),
    "c/loop": moved("{a}/loop"),
    "a/public": moved("http://localhost:1/"),
    "a/private": moved("http://10.0.0.1/"),
    "a/forbidden": moved("{b}/forbidden"),
    "b/robots.txt": text("User-agent: *\nDisallow: /forbidden"),
    "b/forbidden": page(),
    "a/gone": moved("{b}/gone"),
    "a/missing": moved("ftp://example.com/"),
    "b/target": page(),
    **{
        f"{'abc'[hop % 3]}/far{hop or ''}": moved(f"{{{'abc'[(hop + 1) % 3]}}}/far{hop + 1}")
        for hop in range(12)
    },
}


@pytest.mark.promise("P06")
def test_every_redirect_ends_as_without_shards(both: Both) -> None:
    with web(WEB) as served:
        found = both("--follow", "--scope", "host", lines=served.fill(LINES))
        pages = {each["url"]: each for each in found["pages"]}
        assert pages[served.fill("{a}/row")]["final_url"] == served.fill("{b}/row")
        assert pages[served.fill("{a}/row")]["input"] == {"line": 2, "note": "of a table"}
        assert pages[served.fill("{b}/from-row")]["depth"] == 1
        assert pages[served.fill("{a}/back")]["final_url"] == served.fill("{a}/there")
    kinds = sorted(each["error"] for each in found["failures"])
    assert kinds == ["redirect", "redirect", "status", "status"], found["failures"]
    reasons = sorted(each["reason"] for each in found["skipped"])
    assert reasons == ["blocked", "blocked", "robots", "scheme", "scope"], found["skipped"]


DELAY = 0.5


@pytest.mark.promise("P43")
def test_a_host_keeps_its_delay_although_others_redirect_there(sharded: Sharded) -> None:
    answers = {f"{name}/": moved(f"{{b}}/{name}") for name in "acd"}
    answers |= {f"b/{name}": page() for name in "acd"}
    with web(answers) as served:
        lines = served.fill("{b}/a\n{a}/\n{c}/\n{d}/\n")
        run = sharded("--delay", DELAY, "--no-robots", "--slice", 3, lines=lines)
        gaps = served.gaps("b")
    assert len(gaps) == 3
    assert min(gaps) >= DELAY - 0.01, gaps
    assert run.report["urls"]["done"] == 4


@pytest.mark.promise("P22")
def test_the_pause_of_a_redirect_is_kept_in_the_other_shard(sharded: Sharded) -> None:
    answers = {"a/": moved("{b}/later", ("Retry-After", "1")), "b/later": page()}
    with web(answers) as served:
        sharded("--no-robots", lines=served.fill("{a}/\n{b}/later?\n"))
        (first,) = served.asked("a")
        (later,) = (each for each in served.asked("b") if each.target == "/later")
    assert 0.9 <= later.at - first.at <= 5.0


def test_attempts_are_counted_over_all_shards(both: Both) -> None:
    answers = {
        "a/late": in_turns(status(500), moved("{b}/gone")),
        "a/early": moved("{b}/broken"),
        "b/broken": status(500),
    }
    with web(answers) as served:
        retry = ("--retry", "status:500=2,0.05")
        found = both(*retry, "--no-robots", lines=served.fill("{a}/late\n{a}/early\n{b}/no\n"))
    attempts = {each["url"].rpartition("/")[2]: each["attempts"] for each in found["failures"]}
    assert attempts == {"late": 2, "early": 3, "no": 1}
