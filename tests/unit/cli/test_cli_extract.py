"""``crawler extract``."""

import json
from pathlib import Path

import pytest

from crawler.cli import main
from crawler.testing import Answer, MockWeb

Capture = pytest.CaptureFixture[str]
RULES = """
title = "title"
[[pages]]
url = "/tea$"
each = "li"
[pages.fields]
name = "b"
price = { css = "i", type = "float" }
"""
PAGE = "<title>Tea</title><li><b>Green</b><i>1.50</i><li><b>Black</b><i>ask</i>"


@pytest.fixture
def rules(tmp_path: Path) -> str:
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    return str(file)


@pytest.fixture
def page(tmp_path: Path) -> str:
    file = tmp_path / "page.html"
    file.write_text(PAGE)
    return str(file)


def test_it_shows_what_rules_find_in_a_file(rules: str, page: str, capsys: Capture) -> None:
    assert main(["extract", rules, page, "--url", "https://shop.example/tea"]) == 0
    assert capsys.readouterr().out == (
        "https://shop.example/tea\n"
        "[[pages]] 1, url = /tea$, each = li: 2 records\n"
        "\n"
        "record 1\n"
        '  title  "Tea"    css title: 1 match\n'
        '  name   "Green"  css b: 1 match\n'
        "  price  1.5      css i: 1 match\n"
        "\n"
        "record 2\n"
        '  title  "Tea"    css title: 1 match\n'
        '  name   "Black"  css b: 1 match\n'
        '  price  null     css i: 1 match, but the first is not a float: "ask"\n'
    )


def test_it_says_which_rules_a_page_has(rules: str, page: str, capsys: Capture) -> None:
    assert main(["extract", rules, page]) == 0
    assert capsys.readouterr().out == (
        "http://localhost/page.html\n"
        "the rules for every page; no [[pages]] matches this URL\n"
        "\n"
        '  title  "Tea"  css title: 1 match\n'
    )


def test_json_has_all_records(rules: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "page.html").write_text("<li><b>x</b>" * 9)
    url = "https://shop.example/tea"
    assert main(["extract", rules, str(tmp_path / "page.html"), "--url", url]) == 0
    assert "6 more records: --json shows all" in capsys.readouterr().out
    assert main(["extract", rules, str(tmp_path / "page.html"), "--url", url, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["number"], len(found["records"])) == (1, 9)
    assert found["records"][8][1] == {
        "name": "name", "source": "css b", "value": "x", "remark": "1 match", "fails": False
    }  # fmt: skip


def test_a_missing_value_that_is_required_is_a_failure(
    tmp_path: Path, page: str, capsys: Capture
) -> None:
    file = tmp_path / "strict.toml"
    file.write_text('x = { css = "h1", required = true }\ny = { css = "i", type = "int" }')
    assert main(["extract", str(file), page]) == 3
    assert capsys.readouterr().out.splitlines()[3:] == [
        "  x  null  css h1: no match, but it is required",
        '  y  null  css i: 2 matches, but the first is not an int: "1.50"',
    ]


def test_a_url_is_fetched_as_a_crawl_does(
    rules: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRAWLER_FOLLOW", "true")
    config = tmp_path / "mine.toml"
    config.write_text('user_agent = "mine/1"')
    url = "https://shop.example/tea"
    with MockWeb() as web:
        web.page(url, f"{PAGE}<a href=/next>")
        assert main(["extract", rules, url, "--config", str(config)]) == 0
        assert [seen.header("user-agent") for seen in web.requests(url)] == ["mine/1"]
        assert not web.requests("https://shop.example/next")
    assert "record 2" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"rules.toml", "mine.toml"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(404), "the server answered 404"),
        (Answer(headers=(("Content-Type", "image/png"),)), "is not HTML"),
    ],
)
def test_it_says_why_there_is_no_page(
    rules: str, capsys: Capture, answer: Answer, says: str
) -> None:
    with MockWeb() as web:
        web.answer("https://shop.example/tea", answer)
        assert main(["extract", rules, "https://shop.example/tea"]) == 3
    assert f"crawler: https://shop.example/tea: {says}" in capsys.readouterr().err


def test_it_obeys_robots_txt(rules: str, capsys: Capture) -> None:
    with MockWeb() as web:
        text = Answer(200, (("Content-Type", "text/plain"),), b"User-agent: *\nDisallow: /")
        web.answer("https://shop.example/robots.txt", text)
        web.page("https://shop.example/tea", PAGE)
        assert main(["extract", rules, "https://shop.example/tea"]) == 3
    assert "robots.txt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.html"], "cannot read missing.html: No such file"),
        (["page.html", "--url", "shop"], "--url shop: not an absolute URL"),
        (["https://shop.example/", "--url", "https://shop.example/"], "leave it out"),
    ],
)
def test_wrong_arguments_are_refused(
    rules: str,
    page: str,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(Path(page).parent)
    assert main(["extract", rules, *arguments]) == 2
    assert says in capsys.readouterr().err
