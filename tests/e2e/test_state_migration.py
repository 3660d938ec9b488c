"""A run that an earlier version of the crawler began, and a kill ended, is resumed by this one."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import shop
from support.killing import outcome
from warcio.archiveiterator import ArchiveIterator

from crawler.cli import main
from crawler.testing import MockWeb

LEFT = Path(__file__).parents[1] / "data" / "run-v1"
WAS = "/srv/shop"
"""Where the run lay: its settings name its files by their whole path."""
OUTPUTS = ("run/pages.jsonl", "again.jsonl", "run/failures.jsonl", "run/skipped.jsonl")
ARCHIVE = "record.warc.gz"
KEPT = {
    "pages": ("url", "final_url", "status", "digest", "title", "links", "fields", "input"),
    "failures": ("url", "error", "status"),
    "skipped": ("url", "reason"),
}
"""What a record says, chance and the wording of messages apart."""

Ends = dict[str, dict[str, Any]]


def copied(folder: Path) -> Path:
    """The run as if it had been made in ``folder``, which is made."""
    shutil.copytree(LEFT, folder)
    settings = folder / "run" / "settings.toml"
    settings.write_text(settings.read_text().replace(WAS, str(folder)))
    return folder


def crawl(*arguments: object) -> None:
    with MockWeb() as web:
        shop.serve(web)
        assert main(["crawl", "--quiet", *map(str, arguments)]) == 0


def uninterrupted(folder: Path) -> Path:
    """The run that the same list comes to."""
    shutil.copytree(LEFT, folder, ignore=shutil.ignore_patterns("run", "again*", "record*"))
    flags = ["--follow", "--cookies", "--retries", "0", "--extract", folder / "fields.toml"]
    crawl("--run", folder / "run", *flags, folder / "list.csv")
    return folder / "run"


def ends(run: Path) -> Ends:
    """The final set, by output and URL. Fails on a torn line and on a URL that is there twice."""
    return {
        name: {
            url: {field: record.get(field) for field in KEPT[name]}
            for url, record in records.items()
        }
        for name, records in outcome(run).items()
    }


def facts(run: Path) -> dict[str, str]:
    with closing(sqlite3.connect(run / "state.db")) as state:
        assert state.execute("PRAGMA user_version").fetchone() == (1,)
        return dict(state.execute("SELECT name, value FROM facts"))


def archived(path: Path) -> set[str]:
    """URLs of the answers in an archive; fails where a record is damaged or a digest wrong."""
    with path.open("rb") as file:
        found = set()
        for record in ArchiveIterator(file, check_digests="raise"):
            record.content_stream().read()
            if record.rec_type == "response":
                found.add(record.rec_headers.get_header("WARC-Target-URI"))
    return found


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run, resumed to its end."""
    folder = copied(tmp_path_factory.mktemp("earlier") / "shop")
    crawl("--run", folder / "run", "--resume")
    return folder


def test_the_run_is_what_a_kill_left_behind(tmp_path: Path) -> None:
    """Or resuming it would prove less than it seems to."""
    folder = copied(tmp_path / "shop")
    known = facts(folder / "run")
    offsets = json.loads(known["offsets"])
    sizes = [(folder / name).stat().st_size for name in (*OUTPUTS, ARCHIVE)]
    assert all(0 < offset < size for offset, size in zip(offsets, sizes, strict=True))
    counts = json.loads(known["counts"])
    final = counts["done"] + sum(counts["errors"].values()) + sum(counts["skips"].values())
    assert 0 < final < counts["input"] + counts["discovered"]
    assert len(counts["errors"]) > 3
    assert counts["skips"]
    assert '"session"' in known["cookies"]


@pytest.mark.promise("P35")
def test_a_killed_run_of_version_1_is_resumed(resumed: Path, tmp_path: Path) -> None:
    found = ends(resumed / "run")
    assert found == ends(uninterrupted(tmp_path / "whole"))
    assert f"{shop.SHOP}/orders/1" in found["pages"], "the cookie was lost with the kill"


def test_each_output_was_cut_at_its_own_length(resumed: Path) -> None:
    """Of two outputs with the same content, and of the archive."""
    assert (resumed / "again.jsonl").read_bytes() == (resumed / "run/pages.jsonl").read_bytes()
    found = ends(resumed / "run")
    answered = {record["final_url"] for record in found["pages"].values()}
    answered |= {url for url, record in found["failures"].items() if record["status"]}
    assert answered <= archived(resumed / ARCHIVE)


def test_the_accounts_of_a_resumed_run_balance(resumed: Path) -> None:
    urls = json.loads((resumed / "run/report.json").read_text())["urls"]
    found = {name: len(records) for name, records in outcome(resumed / "run").items()}
    assert (urls["done"], urls["failed"], urls["skipped"]) == tuple(found.values())
    assert urls["input"] + urls["discovered"] == sum(found.values())
    assert urls["pending"] == 0
