"""The benchmarks: their arithmetic, and that they refuse to measure what was done wrong."""

import asyncio
import hashlib
import os
import sys
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from support import needs
from support.names import looked_up
from support.needs import Missing

from crawler.fetch.lookup import NameServers
from crawler.parsing.facts import FactsReader

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
against = import_module("benchmarks.against")
checkouts = import_module("benchmarks.checkouts")
cores = import_module("benchmarks.cores")
environments = import_module("benchmarks.environments")
name_server = import_module("benchmarks.name_server")
program = import_module("benchmarks.__main__")
records = import_module("benchmarks.records")
runs = import_module("benchmarks.runs")
table = import_module("benchmarks.table")
web = import_module("benchmarks.web")
wide = import_module("benchmarks.wide")

A, B = "http://127.0.0.1/a", "http://127.0.0.1/b"
EXPECTED = {A: records.Facts("d1", 2), B: records.Facts("d2")}
ONE = runs.Pair(1.0)
RIGHT = (records.Record(A, "d1", ("x", "y")), records.Record(B, "d2", ("x",)))


def write(path, found):
    path.write_bytes(msgspec.json.Encoder().encode_lines(found))
    return path


def judged(kind, *pairs):
    goal = runs.Goal(kind, most=1)
    spread = goal.measure([runs.Pair(*pair) for pair in pairs])
    return spread.low, spread.median, spread.high


def test_ratios_are_computed_pair_by_pair():
    # The ratio of the medians would be 20 / 20.
    assert judged("ratio", (10, 20), (20, 10), (30, 40)) == (0.5, 0.75, 2)


def test_differences_are_computed_pair_by_pair():
    assert judged("difference", (10, 20), (20, 10), (30, 25)) == (-10, 5, 10)


def test_a_value_needs_no_reference():
    assert judged("value", (3,), (1,), (8,), (5,)) == (1, 4, 8)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "text"),
    [
        ({"least": 0.6}, (0.6, 9), (0.59,), "≥ 0.6"),
        ({"most": 200}, (200, 0), (200.1,), "≤ 200"),
        ({"least": 0.9, "most": 1.1}, (0.9, 1.1), (0.89, 1.11), "0.9 to 1.1"),
    ],
)
def test_bounds_are_part_of_the_goal(bounds, inside, outside, text):
    goal = runs.Goal("ratio", **bounds)
    assert all(goal.reached(runs.Spread(0, median, 100)) for median in inside)
    assert not any(goal.reached(runs.Spread(0, median, 100)) for median in outside)
    assert str(goal) == text


def test_without_a_bound_there_is_nothing_to_reach():
    case = runs.Case("c", "pages/s", runs.Goal("ratio"), lambda: None)
    figure = table.figure("s", case, runs.Measured([runs.Pair(1.0, 2.0)]))
    assert (figure.verdict, figure.ratio.median, figure.reach) == ("measured", 0.5, "")


@pytest.mark.parametrize(
    ("unit", "bounds", "better"),
    [
        ("pages/s", {"least": 0.6}, "more"),
        ("pages/s", {}, "more"),
        ("µs/page", {"most": 60}, "less"),
        ("s", {}, "less"),
        ("s", {"least": 0.9, "most": 1.1}, "near"),
    ],
)
def test_unit_and_bounds_say_what_is_better(unit, bounds, better):
    assert runs.Case("c", unit, runs.Goal("ratio", **bounds), lambda: None).better == better


def test_no_pair_may_be_outside_if_each_counts():
    goal = runs.Goal("ratio", least=0.95, most=1.05, each=True)
    assert goal.reached(runs.Spread(0.96, 1, 1.04))
    assert not goal.reached(runs.Spread(0.94, 1, 1.04))
    assert not goal.reached(runs.Spread(0.96, 1, 1.06))


def test_the_two_measured_alternate():
    order = []
    pairs = runs.alternate(lambda: order.append("A") or 1, lambda: order.append("B") or 2, 3)
    assert "".join(order) == "ABBAAB"
    assert pairs == (runs.Pair(1, 2),) * 3


def test_a_slope_excludes_the_start_up():
    start_up, each = 5.0, 0.25
    small, large = ((n, start_up + n * each) for n in (1, 101))
    assert runs.slope(small, large) == pytest.approx(each)
    assert runs.extrapolate(small, large, 1001) == pytest.approx(start_up + 1001 * each)


def test_the_cpu_of_descendants_counts():
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    taken = runs.run([sys.executable, "-S", "-c", parent])
    assert taken.cpu >= 0.2
    assert taken.wall >= 0.2


def test_a_failed_command_is_refused_with_its_message():
    with pytest.raises(runs.Refused, match=r"exit code 3: it broke$"):
        runs.run(["/bin/sh", "-c", "echo first >&2; echo it broke >&2; exit 3"])


def test_right_records_are_accepted(tmp_path):
    records.check(write(tmp_path / "right", RIGHT[::-1]), EXPECTED)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (RIGHT[:1], "1 records"),
        ((*RIGHT, RIGHT[0]), "3 records"),
        ((RIGHT[0], RIGHT[0]), "nothing about http://127.0.0.1/b"),
        ((RIGHT[0], records.Record(B, "d1")), "another digest"),
        ((records.Record(A, "d1", ("x",)), RIGHT[1]), "1 links, not 2"),
    ],
)
def test_wrong_records_are_refused(tmp_path, found, why):
    with pytest.raises(runs.Refused, match=why):
        records.check(write(tmp_path / "wrong", found), EXPECTED)


def test_a_torn_line_is_refused(tmp_path):
    path = write(tmp_path / "torn", RIGHT)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(runs.Refused):
        records.check(path, EXPECTED)


def test_missing_output_is_refused(tmp_path):
    with pytest.raises(runs.Refused):
        records.check(tmp_path / "nothing", EXPECTED)


@pytest.mark.parametrize(("value", "verdict"), [(3.0, "reached"), (1.0, "missed")])
def test_a_figure_has_a_verdict(value, verdict):
    case = runs.Case("c", "pages/s", runs.Goal("ratio", least=1), lambda: None, "said")
    figure = table.figure("s", case, runs.Measured([runs.Pair(value, 2.0)], "seen"))
    assert (figure.verdict, figure.value, figure.reference) == (verdict, value, 2)
    assert figure.ratio.median == value / 2
    assert figure.note == "said; seen"


def refuse():
    raise runs.Refused("another digest")


def miss():
    raise needs.Missing("needs a compiler")


def without_nginx(_bench):
    yield runs.Case("refused", "s", runs.Goal("value", most=1), refuse)
    yield runs.Case("missing", "s", runs.Goal("value", most=1), miss)
    yield runs.Case("measured", "s", runs.Goal("value", most=1), lambda: runs.Measured([ONE]))
    raise needs.Missing("needs nginx")


def test_what_is_refused_or_missing_becomes_a_line_and_the_others_go_on(tmp_path):
    figures = list(program.measure("made up", without_nginx, runs.Bench(tmp_path)))

    assert [(each.verdict, each.note) for each in figures] == [
        ("refused", "another digest"),
        ("skipped", "needs a compiler"),
        ("reached", ""),
        ("skipped", "needs nginx"),
    ]


def test_generated_pages_are_stable_with_stated_links():
    body, links = web.list_page(7, 7_000, 10_000)
    assert (body, links) == web.list_page(7, 7_000, 10_000)
    assert 7_000 <= len(body) < 7_500
    tree = import_module("selectolax.lexbor").LexborHTMLParser(body)
    facts = FactsReader().read(tree, "http://127.0.0.1/7.html")
    assert (facts.title, len(facts.links)) == ("Page 7", links)


def test_sizes_are_drawn_like_those_of_the_web():
    sizes = sorted(web.mix_sizes(20_000))
    assert sizes == sorted(web.mix_sizes(20_000))
    assert web.mix_sizes(50) == web.mix_sizes(20_000)[:50]
    tenth, median, nine_tenths = (sizes[len(sizes) * part // 10] for part in (1, 5, 9))
    assert (tenth, median, nine_tenths) == pytest.approx((6_400, 30_000, 140_000), rel=0.05)
    assert (sizes[0], sizes[-1]) == (web.MIX_LEAST, web.MIX_MOST)


def test_pages_of_the_mix_have_more_links_the_larger_they_are(tmp_path):
    facts = web.write_mix(tmp_path, 40)
    for number, (size, told) in enumerate(zip(web.mix_sizes(40), facts, strict=True)):
        body = (tmp_path / f"{number}.html").read_bytes()
        assert told.digest == hashlib.sha256(body).hexdigest()
        assert size <= len(body) < 1.02 * size + 1_000
        tree = import_module("selectolax.lexbor").LexborHTMLParser(body)
        assert len(FactsReader().read(tree, "http://127.0.0.1/0.html").links) == told.links


@pytest.mark.parametrize(
    ("there", "shared"),
    [
        ({3}, [({3}, {3})]),
        ({0, 1}, [({0}, {1}), ({0, 1}, {0, 1})]),
        ({0, 2, 4, 6}, [({0}, {2, 4, 6}), ({0, 2}, {4, 6}), ({0, 2, 4, 6}, {0, 2, 4, 6})]),
    ],
)
def test_the_server_has_the_cores_that_the_crawl_has_not(there, shared):
    found = [(share.crawl, share.server) for share in cores.shares(frozenset(there))]
    assert found == shared


def test_cores_are_those_of_the_processes_that_are_started():
    before = os.sched_getaffinity(0)
    one = frozenset([min(before)])
    ask = [sys.executable, "-S", "-c", "import os; print(*os.sched_getaffinity(0))"]
    with cores.only_on(one):
        assert runs.output(ask) == str(min(before))
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("values", "reached"),
    [
        # The interval of five runs reaches from the lowest to the highest.
        ((0.96, 0.95, 0.94, 0.93, 0.92), False),
        ((0.98, 0.95, 0.94, 0.93, 0.92), True),
        ((1.3, 1.2, 1.1, 0.5, 0.4), True),
    ],
)
@pytest.mark.parametrize("of_seconds", [False, True])
def test_slower_is_what_the_whole_interval_says(values, reached, of_seconds):
    goal = against.NotSlower("ratio", least=0.97, of_seconds=of_seconds)
    ratios = [(2, 2 * value) if of_seconds else (2 * value, 2) for value in values]
    judged = goal.measure([runs.Pair(*pair) for pair in ratios])
    assert (judged.low, judged.median, judged.high) == pytest.approx(
        (min(values), values[2], max(values))
    )
    assert goal.reached(judged) is reached


def contest(here, there):
    sides = (checkouts.Checkout(sys.executable, folder) for folder in (here, there))
    return against.Contest(*sides, 0.97)


def test_checkouts_take_turns_and_the_first_pair_does_not_count(tmp_path):
    walls = {"here": iter([1, 4, 5]), "there": iter([9, 2, 10])}
    order = []

    def sample(checkout):
        order.append(checkout.folder.name)
        wall = next(walls[checkout.folder.name])
        return runs.Run(wall, wall / 2)

    both = contest(tmp_path / "here", tmp_path / "there")
    speed, cpu = both.figures(runs.Bench(tmp_path, repeat=2), "made up", sample, pages=20)
    assert speed.measure().pairs == [runs.Pair(5, 10), runs.Pair(4, 2)]
    assert cpu.measure().pairs == [runs.Pair(2, 1), runs.Pair(2.5, 5)]
    assert order == ["here", "there", "there", "here", "here", "there"]


def test_few_pairs_say_how_little_they_prove(tmp_path):
    def note(pairs):
        bench, both = runs.Bench(tmp_path, repeat=pairs), contest(tmp_path, tmp_path)
        wall, _ = both.figures(bench, "made up", lambda _: runs.Run(1.0, 1.0))
        return wall.measure().note

    assert note(4) == "the interval of 4 pairs covers less than 95 %"
    assert not note(5)


def test_a_checkout_imports_its_own_package_and_compiles_it(tmp_path):
    package = tmp_path / "crawler"
    package.mkdir()
    (package / "__init__.py").touch()
    checkouts.Checkout(sys.executable, tmp_path).prepare()
    assert list(package.glob("__pycache__/__init__.*.pyc"))


def test_a_checkout_without_the_package_would_import_an_installed_one_and_is_refused(tmp_path):
    with pytest.raises(runs.Refused, match="crawler is imported from "):
        checkouts.Checkout(sys.executable, tmp_path).prepare()


def test_an_environment_is_made_once_and_one_that_failed_is_not_taken(tmp_path, monkeypatch):
    steps, place = [], tmp_path / "environment"

    def run(command):
        place.mkdir(exist_ok=True)
        steps.append(command[2])
        if steps == ["venv", "pip"]:
            raise runs.Refused("no such package")

    monkeypatch.setattr(environments, "run", run)
    with pytest.raises(Missing, match=r"^environment could not be made: no such package"):
        environments.python_with(place, "rich")
    for _ in range(2):
        assert environments.python_with(place, "rich") == str(place / "bin" / "python")
    assert steps == ["venv", "pip"] * 2


@pytest.mark.parametrize("name", ["fetch", "nonsense"])
def test_only_scenarios_that_can_be_compared_are_taken(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "--against", "HEAD", "--only", "list", name])
    with pytest.raises(SystemExit, match="2"):
        program.main()
    assert f"{name} is not one of list, site, chess, startup" in capsys.readouterr().err


def test_a_wide_list_visits_its_hosts_in_turns():
    facts = [records.Facts("d0"), records.Facts("d1")]
    found = wide._expected(lambda path, host: f"https://{host}/{path}", ["a", "b"], facts)
    assert list(found) == [
        "https://a/0.html",
        "https://b/0.html",
        "https://a/1.html",
        "https://b/1.html",
    ]
    assert list(found.values()) == [facts[0], facts[0], facts[1], facts[1]]


def test_every_wide_host_has_an_address_and_a_certificate_for_it(tmp_path):
    addresses = wide._addresses(300)
    assert len(set(addresses)) == 300
    _, certificates = wide._certificates(tmp_path / "certificates", addresses[:30])
    assert list(certificates) == addresses[:30]
    for address, path in certificates.items():
        issued = x509.load_pem_x509_certificate(path.read_bytes())
        names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert ip_address(address) in names.get_values_for_type(x509.IPAddress)


def test_the_name_server_finds_the_address_in_the_name(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    with name_server.NameServer(0.0) as server:
        looked_up = asyncio.run(look_up(server.port, name_server.name_of("127.2.3.4")))
    assert looked_up == ("127.2.3.4",)


async def look_up(port, name):
    servers = NameServers((f"127.0.0.1:{port}",))
    try:
        return (await looked_up(servers, name)).addresses
    finally:
        servers.close()
