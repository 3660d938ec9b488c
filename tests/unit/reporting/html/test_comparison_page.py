import re
from html import unescape
from pathlib import Path

import msgspec
import pytest
from support.comparisons import COMPARISON, WAYS, write_comparison

from crawler.metrics.comparison import Comparison, Parity, RunOutcome
from crawler.model.errors import StateError
from crawler.reporting.html.write import write_html

change = msgspec.structs.replace
(VERDICT,) = COMPARISON.verdict


def made(tmp_path: Path, comparison: Comparison = COMPARISON) -> str:
    return write_html(write_comparison(tmp_path / "run", comparison)).read_text("utf-8")


def words(html: str) -> str:
    main = html[html.index("<main>") : html.index("</main>")]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())


def test_the_verdict_comes_first(tmp_path: Path) -> None:
    text = words(made(tmp_path))
    order = [
        "1,000 URLs, 4 runs on a replay of one recorded crawl · took 33 s",
        "Use curl at 64. It was the fastest.",
        "curl is 22 % faster than slow.",
        "curl at 64 490 (480 to 500) itself",
        "slow : curl, at 64 0.82 (0.78 to 0.86) curl is faster",
        "computing 54 % · waiting 46 %",
        "curl at 64 2.0 s 90 s 2 s 1.2 s",
        "All runs had the same results",
        "slow: closes every connection",
        "HTTP version 1.1",
        "recording.warc.gz",
        "curl at 64: waits +2.1 %",
        "slow at 64 2 420 2.4 s",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_each_run_has_a_dot_to_scale(tmp_path: Path) -> None:
    rows = re.findall(r'<svg class="spread".*?</svg>', made(tmp_path))
    curl, slow = ([float(x) for x in re.findall(r'cx="([\d.]+)%"', row)] for row in rows[:2])
    assert curl[0] / slow[0] == pytest.approx(500 / 400, abs=0.001)
    assert len(curl) == len(slow) == 2


def test_the_interval_is_drawn_to_scale(tmp_path: Path) -> None:
    pair = re.findall(r'<svg class="spread".*?</svg>', made(tmp_path))[2]
    shaded = re.search(r'class="shaded" x="([\d.]+)%" width="([\d.]+)%"', pair)
    interval = re.search(r'class="interval" x1="([\d.]+)%" x2="([\d.]+)%"', pair)
    assert shaded is not None and interval is not None
    scale = float(shaded[2]) / 0.06
    assert (float(interval[2]) - float(interval[1])) / scale == pytest.approx(0.08, abs=0.001)
    assert float(interval[2]) < float(shaded[1])


@pytest.mark.parametrize(
    ("what", "ratio", "says"),
    [
        (RunOutcome.FASTER, 1.22, "slow is faster"),
        (RunOutcome.NO_DIFFERENCE, 1.01, "no difference shown"),
        (RunOutcome.LIMITED, 1.01, "limited by something else"),
    ],
)
def test_each_verdict_is_worded(tmp_path: Path, what: RunOutcome, ratio: float, says: str) -> None:
    verdict = change(VERDICT, what=what, ratio=ratio, low=1.0, high=1.3)
    assert says in words(made(tmp_path, change(COMPARISON, verdict=(verdict,))))


def test_a_withheld_verdict_shows_no_ratio(tmp_path: Path) -> None:
    verdict = change(
        VERDICT,
        what=RunOutcome.WITHHELD,
        says="No verdict, because.",
        ratio=None,
        low=None,
        high=None,
    )
    unfair = Parity({}, settings=("--delay differs",), unexplained=("a header more",))
    comparison = change(
        COMPARISON,
        verdict=(verdict,),
        recommended=None,
        parity=unfair,
        same_results=False,
        differences=("http://a.example/: curl page 200, slow failure",),
        recording=None,
        live=True,
    )
    text = words(made(tmp_path, comparison))
    for says in (
        "Nothing is recommended. No verdict, because.",
        "on the network itself",
        "had different results",
        "curl page 200, slow failure",
        "--delay differs",
        "a header more",
    ):
        assert says in text
    assert "Pairs" not in text


def test_ways_to_parse_are_called_by_their_names(tmp_path: Path) -> None:
    text = words(made(tmp_path, WAYS))
    order = [
        "Use process with 2 workers. It was the fastest.",
        "process with 2 workers is 70 % faster than inline.",
        "process with 2 workers 490 (480 to 500) itself",
        "process with 2 workers : inline 1.70 (1.60 to 1.80) process with 2 workers is faster",
        "Parsing process with 2 workers was 1.70 times as fast as inline.",
        "process with 2 workers 500 ms 1.2 s 1.71 120 MB",
        "inline 500 ms in that of fetching 0.98 120 MB",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("comparison", "kind"),
    [(COMPARISON, "engines"), (WAYS, "parse executors")],
    ids=["engines", "executors"],
)
def test_the_head_says_what_is_compared(tmp_path: Path, comparison: Comparison, kind: str) -> None:
    assert f"Comparison of {kind} " in words(made(tmp_path, comparison))


def test_engines_alone_have_no_word_of_parsing(tmp_path: Path) -> None:
    text = words(made(tmp_path))
    assert "CPU of parsing" not in text
    assert "worker" not in text


def test_a_hostile_name_stays_text(tmp_path: Path) -> None:
    verdict = change(VERDICT, says="<img src=x>", a="</main><b>")
    html = made(tmp_path, change(COMPARISON, verdict=(verdict,), notes=("</style><i>",)))
    assert "<img" not in html and "<i>" not in html and html.count("</main>") == 1


@pytest.mark.promise("P39")
def test_a_foreign_comparison_file_is_refused(tmp_path: Path) -> None:
    directory = write_comparison(tmp_path / "run")
    (directory / "compare.json").write_text("{}")
    with pytest.raises(StateError, match=r"compare\.json: not a file this version wrote"):
        write_html(directory)
