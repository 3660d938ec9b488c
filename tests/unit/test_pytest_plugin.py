"""The pytest plugin as its users meet it: each pytest here is a process in an empty folder."""

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.pytests import PytestRun, run_pytest

from crawler.engines.names import ENGINES

PLUGIN = "simulcrawl_pytest"
Pytest = Callable[..., PytestRun]


@pytest.fixture
def run(tmp_path: Path) -> Pytest:
    """Run pytest on this code with these arguments."""
    return partial(run_pytest, tmp_path)


def passed(*names: str) -> list[tuple[str, str]]:
    return [(f"test_it[{name}]", "PASSED") for name in names]


CRAWL = """
def test_it(mock_web, engine, tmp_path):
    mock_web.page("https://shop.example/", "<title>Shop</title>")
    report = crawler.crawl("https://shop.example/", engine=engine, run=tmp_path / "run")
    assert (report.engine, report.urls.done) == (engine, 1)
    assert len(mock_web.requests("https://shop.example/")) == 1
"""
NOTHING = "def test_it(engine): assert isinstance(engine, str)"


def test_a_test_crawls_the_web_with_every_engine(run: Pytest) -> None:
    outcome = run(CRAWL)
    assert outcome.verdicts == passed(*ENGINES), outcome.text


def test_each_test_has_its_own_web(run: Pytest) -> None:
    outcome = run(
        """
import itertools
count = itertools.count()

@pytest.mark.engines("curl")
@pytest.mark.parametrize("turn", [1, 2])
def test_it(mock_web, engine, turn, tmp_path):
    assert mock_web.seen == []
    mock_web.page(f"http://host{turn}.example/", "here")
    urls = ["http://host1.example/", "http://host2.example/"]
    report = crawler.crawl(urls, engine=engine, retries=0, robots=False, run=tmp_path / "run")
    assert (report.urls.done, report.errors) == (1, {"dns": 1})
"""
    )
    assert (outcome.code, len(outcome.verdicts)) == (0, 2), outcome.text


def test_the_network_is_restored_after_the_test(run: Pytest) -> None:
    outcome = run(
        """
from crawler.fetch.network import SystemNetwork, current

def test_mocked(mock_web): assert current() is mock_web
def test_not_mocked(): assert isinstance(current(), SystemNetwork)
""",
    )
    assert [verdict for _, verdict in outcome.verdicts] == ["PASSED", "PASSED"], outcome.text


def test_the_mark_engines_selects_engines(run: Pytest) -> None:
    outcome = run(f'@pytest.mark.engines("threads", "curl")\n{NOTHING}')
    assert outcome.verdicts == passed("curl", "threads"), outcome.text
    assert "skipped" not in outcome.text


def test_an_engine_that_is_not_installed_is_left_out(run: Pytest) -> None:
    hidden = "from crawler.engines import names\nnames.find_spec = lambda name: None\n"
    outcome = run(hidden + NOTHING)
    assert outcome.verdicts == passed(*(name for name in ENGINES if name != "gevent"))
    outcome = run(hidden + '@pytest.mark.engines("gevent", "curl")\n' + NOTHING)
    assert outcome.verdicts == passed("curl", "gevent"), "a name that is given stays"


def test_the_mark_skip_engine_skips_with_a_reason(run: Pytest) -> None:
    outcome = run(
        '@pytest.mark.skip_engine("threads", "it has no such thing")\n'
        '@pytest.mark.skip_engine("sequential", reason="nor has that")\n' + NOTHING
    )
    skipped = {"threads", "sequential"}
    assert outcome.verdicts == [
        (f"test_it[{name}]", "SKIPPED" if name in skipped else "PASSED") for name in ENGINES
    ], outcome.text
    assert re.search(r"SKIPPED \[1\] \S+: it has no such thing", outcome.text)
    assert re.search(r"SKIPPED \[1\] \S+: nor has that", outcome.text)


def test_the_closest_marks_count(run: Pytest) -> None:
    outcome = run(
        """
pytestmark = [pytest.mark.engines("aiohttp"), pytest.mark.skip_engine("curl", "far away")]

def test_module(engine): pass

@pytest.mark.engines("curl", "tornado")
class TestClass:
    @pytest.mark.skip_engine("curl", "close by")
    def test_method(self, engine): pass
"""
    )
    assert outcome.verdicts == [
        ("test_module[aiohttp]", "PASSED"),
        ("TestClass::test_method[curl]", "SKIPPED"),
        ("TestClass::test_method[tornado]", "PASSED"),
    ], outcome.text
    assert "close by" in outcome.text
    assert "far away" not in outcome.text


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ('engines("crul")', f"unknown engine 'crul'; available: {', '.join(ENGINES)}"),
        ('skip_engine("crul", "why")', "unknown engine 'crul'; available:"),
        ("engines()", "the mark engines needs names"),
        ('engines(["curl"])', "unknown engine ['curl']; available:"),
        ('skip_engine("curl")', "the mark skip_engine needs a name and a reason"),
        ('skip_engine("curl", "")', "the mark skip_engine needs a name and a reason"),
    ],
)
def test_a_wrong_mark_is_refused(run: Pytest, mark: str, message: str) -> None:
    outcome = run(f"@pytest.mark.{mark}\n{NOTHING}")
    assert outcome.code == pytest.ExitCode.INTERRUPTED
    assert f"test_user.py::test_it: {message}" in outcome.text
    assert PLUGIN.replace(".", "/") not in outcome.text, "a traceback"


def test_the_marks_are_explained(run: Pytest) -> None:
    outcome = run("", "--markers")
    assert "@pytest.mark.engines(name, ...): run the test only with" in outcome.text
    assert "@pytest.mark.skip_engine(name, reason): skip the test" in outcome.text


def test_the_fixtures_are_explained(run: Pytest) -> None:
    outcome = run("", "--fixtures")
    assert re.search(
        r"^mock_web -- .*\n +A running ``crawler\.testing\.MockWeb``", outcome.text, re.MULTILINE
    )
    assert re.search(r"^engine -- .*\n +Name of a fetch engine", outcome.text, re.MULTILINE)


def test_a_fixture_of_the_user_replaces_ours(run: Pytest) -> None:
    outcome = run(
        """
@pytest.fixture
def engine(): return "a motor"

def test_it(engine): assert engine == "a motor"

@pytest.mark.parametrize("engine", ["wheel"])
def test_given(engine): assert engine == "wheel"
"""
    )
    assert outcome.verdicts == [("test_it", "PASSED"), ("test_given[wheel]", "PASSED")]


def test_the_plugin_works_with_several_workers(run: Pytest) -> None:
    outcome = run(CRAWL, "-n", "2")
    assert outcome.code == 0, outcome.text
    assert f"{len(ENGINES)} passed" in outcome.text


def test_the_plugin_can_be_switched_off(run: Pytest) -> None:
    outcome = run("def test_it(): pass\ndef test_web(mock_web): pass", "-p", "no:simulcrawl")
    assert outcome.verdicts == [("test_it", "PASSED"), ("test_web", "ERROR")]
    assert "fixture 'mock_web' not found" in outcome.text


def test_the_plugin_imports_nothing_early() -> None:
    """The plugin is loaded by every pytest of whoever has installed the crawler."""
    code = f"import sys, pytest; before = {{*sys.modules}}; import {PLUGIN}"
    code += "; print(*{*sys.modules} - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [PLUGIN]


@pytest.mark.promise("P95")
def test_a_project_with_its_own_crawler_package_runs(run: Pytest, tmp_path: Path) -> None:
    (tmp_path / "crawler.py").write_text("HOME = 'http://shop.example/'")
    outcome = run("def test_it(): assert crawler.HOME\ndef test_web(mock_web): pass")
    assert outcome.verdicts == [("test_it", "PASSED"), ("test_web", "ERROR")]
    assert f"but crawler here is {tmp_path / 'crawler.py'}" in outcome.text
