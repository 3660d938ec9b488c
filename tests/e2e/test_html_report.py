"""``report.html`` in a real browser: what it shows, what it does, and that it asks for nothing."""

import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from e2e.conftest import Crawl, Serve
from support.browser import Browser
from support.comparisons import write_comparison
from support.reports import FAILURE, REPORT, fetch, write_run

from crawler.engines.names import ENGINES
from crawler.localweb.server import Answer
from crawler.localweb.site import SiteOptions, SiteProcess
from crawler.model import units
from crawler.reporting.html.write import write_html

pytestmark = pytest.mark.browser
change = msgspec.structs.replace
MOST_BYTES = 8_000_000
"""Of a report with 100,000 fetches."""
LONGEST_MS = 2000
"""Until such a report is painted; a tenth of that on a machine that does nothing else."""


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with Browser(tmp_path / "profile") as opened:
        await opened.screen(1200, 900)
        yield opened


def two_hosts(directory: Path) -> Path:
    """Two rows: the first is used by a fast host and, after a pause, by a slow one."""
    lines = [
        fetch("http://fast.example/a", 0.0, 0.4, connect=0.1, wait=0.3),
        fetch("http://fast.example/b", 0.1, 0.1),
        fetch("http://fast.example/c", 0.2, 0.1),
        fetch("http://slow.example/d", 0.5, 0.5, queued=0.2),
    ]
    return write_html(write_run(directory, timeline=lines))


async def view(browser: Browser) -> str:
    return str(await browser.value("document.getElementById('view').textContent"))


async def place(browser: Browser, x: float, y: float) -> tuple[float, float]:
    """The point of the window that lies at a share of the canvas' width, ``y`` pixels down."""
    await browser.value("document.getElementById('lanes').scrollIntoView({block: 'center'})")
    lanes = await browser.value("document.getElementById('lanes').getBoundingClientRect().toJSON()")
    return lanes["x"] + x * lanes["width"], lanes["y"] + y


@pytest.mark.parametrize("engine", ENGINES)
async def test_the_report_of_a_real_crawl_opens(
    crawl: Crawl, browser: Browser, engine: str
) -> None:
    pages = 30 if engine == "sequential" else 120
    with SiteProcess(SiteOptions(pages=pages, hosts=4, latency_ms=20, faults=True)) as site:
        run = crawl("--engine", engine, "--timeout", 2, "--retries", 0, lines=site.list_text)
    path = write_html(run.directory)
    await browser.open(path)
    assert browser.complaints == []
    assert browser.requests == [path.as_uri()]
    rows = re.search(r", (\d+) rows?$", await view(browser))
    assert rows is not None and 1 <= int(rows[1]) <= run.report["concurrency"]
    shown = await browser.value("document.querySelector('main').innerText")
    assert run.report["limited_by"]["says"] in shown
    assert f"{run.report['urls']['done']} of {pages} URLs" in shown


@pytest.mark.promise("P17", "P44")
async def test_hostile_input_runs_and_requests_nothing(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    server = serve({"/": Answer()})
    url = server.url("/")
    hostile = f"</script><script>hit = 1</script><img src='{url}' onerror='hit = 2'>\u2028\u202e"
    directory = write_run(
        tmp_path / "run",
        timeline=[fetch(f"http://{hostile}/{hostile}", 0.0, 0.4)],
        failures=[change(FAILURE, url=hostile, message=hostile)],
    )
    path = write_html(directory)
    await browser.open(path)
    await browser.mouse("mouseMoved", *await place(browser, 0.5, 6))
    assert "onerror" in await browser.value("document.getElementById('tip').innerText")
    await browser.value("document.querySelector('#hosts button').click()")
    assert await browser.value("typeof hit") == "undefined"
    assert browser.complaints == []
    assert browser.requests == [path.as_uri()]
    # Even a script that got in could not ask anybody.
    assert await browser.value(f"fetch('{url}').then(() => 'asked', () => 'refused')") == "refused"
    await browser.value(
        f"new Promise((d) => Object.assign(new Image(), {{src: '{url}', onerror: d}}))"
    )
    assert server.seen == []


async def test_hovering_shows_the_url_and_phases(browser: Browser, tmp_path: Path) -> None:
    await browser.open(two_hosts(tmp_path / "run"))
    tip = "document.getElementById('tip').innerText.split(/\\s*\\n\\s*/).filter(Boolean).join(' ')"
    await browser.mouse("mouseMoved", *await place(browser, 0.75, 6))
    assert await browser.value(tip) == (
        "http://slow.example/d 200, started after 500 ms queued 200 ms wait 500 ms total 500 ms"
    )
    await browser.mouse("mouseMoved", *await place(browser, 0.25, 6))
    assert "http://fast.example/a" in await browser.value(tip)
    assert "connect 100 ms wait 300 ms" in await browser.value(tip)
    await browser.mouse("mouseMoved", *await place(browser, 0.45, 6))
    assert await browser.value("document.getElementById('tip').hidden")


async def test_keys_zoom_and_move(browser: Browser, tmp_path: Path) -> None:
    await browser.open(two_hosts(tmp_path / "run"))
    await browser.value("document.getElementById('lanes').focus()")
    seen = [await view(browser)]
    for key in ("+", "ArrowRight", "ArrowLeft", "-", "+", "0"):
        await browser.press(key)
        seen.append(await view(browser))
    assert seen == [
        "0.00 s to 1.00 s, 2 rows",
        "0.19 s to 0.81 s, 2 rows",
        "0.25 s to 0.88 s, 2 rows",
        "0.19 s to 0.81 s, 2 rows",
        "0.00 s to 1.00 s, 2 rows",
        "0.19 s to 0.81 s, 2 rows",
        "0.00 s to 1.00 s, 2 rows",
    ]


async def test_wheel_and_dragging_change_the_view(browser: Browser, tmp_path: Path) -> None:
    await browser.open(two_hosts(tmp_path / "run"))
    whole = await view(browser)
    x, y = await place(browser, 0.5, 6)
    await browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-200, modifiers=2)
    near = await view(browser)
    assert near.startswith("0.2")
    await browser.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
    await browser.mouse("mouseMoved", x - 200, y, button="left", buttons=1)
    await browser.mouse("mouseReleased", x - 200, y, button="left", clickCount=1)
    assert float((await view(browser)).split()[0]) > float(near.split()[0])
    await browser.value("document.querySelector('[data-key=\"0\"]').click()")
    await browser.drawn()
    assert await view(browser) == whole


async def test_zooming_redraws_the_lanes(browser: Browser, tmp_path: Path) -> None:
    await browser.open(two_hosts(tmp_path / "run"))
    drawn = "document.getElementById('lanes').toDataURL()"
    before = await browser.value(drawn)
    await browser.value("document.querySelector('[data-key=\"+\"]').click()")
    await browser.drawn()
    assert await browser.value(drawn) != before


async def test_hosts_are_ranked_and_can_be_chosen(browser: Browser, tmp_path: Path) -> None:
    await browser.open(two_hosts(tmp_path / "run"))
    first = "document.querySelector('#hosts tbody tr').dataset.host"
    assert await browser.value(first) == "http://fast.example"
    await browser.value("document.querySelector('[data-rank=time]').click()")
    assert await browser.value(first) == "http://fast.example"  # 0.6 s against 0.5
    click = "document.querySelector('[data-host=\"http://slow.example\"] button').click()"
    await browser.value(click)
    which = "document.getElementById('which').textContent"
    assert await browser.value(which) == (
        "Latencies, http://slow.example (in the background: all hosts)"
    )
    bars = "document.querySelectorAll('#histogram rect.before').length"
    assert await browser.value(bars) == 1
    await browser.value(click)
    assert await browser.value(which) == "Latencies, all hosts"
    assert await browser.value(bars) == 3


async def test_a_hundred_thousand_fetches_open_quickly(
    browser: Browser, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    words = ["alpha", "beta", "gamma", "delta", "news", "article"]
    lines = (
        fetch(
            f"https://www.site-{k * 7919 % 307}.example/{words[k % 6]}/{k * 7907 % 999_983}.html",
            k // 64 * 0.0713 + k % 64 * 0.0001,
            0.05 + k * 31 % 97 / 5000,
            buffered=k * 17 % 101 / 1e5,
        )
        for k in range(100_000)
    )
    path = write_html(write_run(tmp_path / "run", change(REPORT, wall_s=112.0), timeline=lines))
    assert path.stat().st_size < MOST_BYTES
    await browser.open(path)
    painted = await browser.value(
        "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    record_property("bytes", path.stat().st_size)
    record_property("first_paint_ms", painted)
    assert painted < LONGEST_MS
    assert browser.complaints == []
    assert "100,000 fetches" in await browser.value("document.querySelector('main').innerText")
    await browser.value("document.getElementById('lanes').focus()")
    for _ in range(16):
        await browser.press("+")
    tip = ""
    for y in range(5, 200, 8):
        await browser.mouse("mouseMoved", *await place(browser, 0.5, y))
        tip = await browser.value("document.getElementById('tip').innerText") or tip
    assert "https://www.site-" in tip


async def width(browser: Browser) -> int:
    return int(await browser.value("document.documentElement.scrollWidth"))


@pytest.mark.parametrize("write", [write_run, write_comparison], ids=["crawl", "compare"])
async def test_the_report_fits_a_phone_screen(
    browser: Browser, tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    await browser.screen(360, 740)
    await browser.open(write_html(write(tmp_path / "run")), script=write is write_run)
    await browser.value("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert await width(browser) == 360
    assert browser.complaints == []


async def test_colours_follow_the_dark_setting(browser: Browser, tmp_path: Path) -> None:
    await browser.open(two_hosts(tmp_path / "run"))
    ground = "getComputedStyle(document.body).backgroundColor"
    drawn = "document.getElementById('lanes').toDataURL()"
    light = await browser.value(ground), await browser.value(drawn)
    await browser.screen(1200, 900, dark=True)
    await browser.drawn()
    dark = await browser.value(ground), await browser.value(drawn)
    assert light[0] == "rgb(255, 255, 255)" and dark[0] == "rgb(20, 23, 27)"
    assert light[1] != dark[1]


async def test_printing_opens_everything_and_hides_the_buttons(
    browser: Browser, tmp_path: Path
) -> None:
    path = write_html(write_run(tmp_path / "run"))
    await browser.open(path)
    await browser.command("Emulation.setEmulatedMedia", media="print")
    seen = """[...document.querySelectorAll('details table, .tools')].map(
        (each) => each.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}))"""
    *tables, tools = sorted(await browser.value(seen), reverse=True)
    assert all(tables) and not tools
    assert (await browser.printed()).startswith(b"%PDF")


async def test_figures_are_formatted_as_on_the_terminal(browser: Browser, tmp_path: Path) -> None:
    """What the page's script formats reads as what the program formats."""
    values = [0.0, 3e-5, 0.00042, 0.0123, 0.3331, 0.9994, 0.9996, 1.0, 1.23, 9.97, 42.17, 59.96]
    values += [75.2, 99.4, 99.6, 412.3, 3599.7, 3600.2, 5025.0, 86399.8, 187_200.0, 1e7]
    await browser.open(two_hosts(tmp_path / "run"))
    found = await browser.value(f"{json.dumps(values)}.map(seconds)")
    assert found == [units.seconds(value) for value in values]
    values = [value for value in values if value > 1e-4]
    found = await browser.value(f"{json.dumps(values)}.map(figure)")
    assert found == [units.figure(value) for value in values]
