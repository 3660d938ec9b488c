"""A report in a notebook: a piece of HTML that shows it, and can do nothing else."""

from pathlib import Path

import msgspec
import pytest
from selectolax.lexbor import LexborHTMLParser
from support.browser import Browser
from support.reports import REPORT

from crawler.metrics.report import IoWait, Limit, Limiter, Report, TimeBudget, Urls

change = msgspec.structs.replace


def tree(report: Report) -> LexborHTMLParser:
    return LexborHTMLParser(report._repr_html_())


def rows(report: Report) -> dict[str, str]:
    """Label → the text beside it."""
    found = {}
    for row in tree(report).css("tr"):
        label, content = row.css("th, td")
        found[label.text()] = " ".join(content.text(separator=" ").split())
    return found


def test_the_card_says_what_the_run_was_like() -> None:
    found = rows(REPORT)
    assert found["Pages"] == "10,412 of 10,500 URLs · 612 MB"
    assert found["Failed"] == "63 · timeout × 51 · connect × 12"
    assert found["Skipped"] == "25 · robots × 25"
    assert found["Speed"] == "521 pages/s"
    assert found["Time"] == "computing 54 % waiting 46 %"
    assert found["I/O wait"].endswith("overlap 45 ×, 6 min 43 s saved.")
    assert found["Limit"] == "Concurrency: it is. Raise it."
    assert "curl, 64 at a time · finished after 20 s" in tree(REPORT).body.text()


def test_a_run_without_pages_has_a_card() -> None:
    empty = change(REPORT, urls=Urls(), bytes=0, wall_s=0.0, budget=TimeBudget(), io_wait=IoWait())
    assert rows(empty).keys() == {"Pages", "I/O wait", "Limit"}


def test_a_run_that_was_stopped_says_what_is_left() -> None:
    stopped = change(REPORT, urls=Urls(input=9, done=2, pending=7))
    assert rows(stopped)["Left"] == "7 URLs not done yet"


def test_text_cannot_become_html() -> None:
    evil = '<script>alert(1)</script><img src=x onerror="alert(1)">&lt;'
    limit = Limit(Limiter.CPU, evil, evil)
    report = change(REPORT, engine=evil, limited_by=limit, errors={evil: 1}, skips={evil: 1})
    found = tree(report)
    assert not found.css("script, img, style, link, [onerror], [src], [href]")
    assert rows(report)["Limit"] == f"{evil} {evil}"
    assert found.body.text().count(evil) == 5


def open_card(report: Report, folder: Path, colours: str) -> Path:
    path = folder / "card.html"
    style = f"<style>body {{ {colours} }} td {{ text-align: right }}</style>"
    path.write_text(f'<meta charset="utf-8">{style}{report._repr_html_()}', "utf-8")
    return path


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
async def test_a_browser_draws_the_card(tmp_path: Path, dark: bool) -> None:
    budget = TimeBudget(computing=2, waiting=5, politeness=13)
    report = change(REPORT, budget=budget)
    colours = "background: #111; color: #ddd" if dark else "background: #fff; color: #222"
    async with Browser(tmp_path / "profile") as browser:
        await browser.screen(600, 400, dark=dark)
        await browser.open(open_card(report, tmp_path, colours), script=False)
        widths = await browser.value(
            "[...document.querySelectorAll('[aria-hidden] > span')]"
            ".map(each => each.getBoundingClientRect().width)"
        )
        colour = await browser.value("getComputedStyle(document.querySelector('td')).color")
        too_wide = await browser.value("document.documentElement.scrollWidth > 600")
        requests, complaints = browser.requests, browser.complaints
    shares = [width / sum(widths) for width in widths]
    assert shares == pytest.approx([0.1, 0.25, 0.65], abs=0.01)
    assert colour == ("rgb(221, 221, 221)" if dark else "rgb(34, 34, 34)")
    assert not too_wide
    assert (len(requests), complaints) == (1, [])
