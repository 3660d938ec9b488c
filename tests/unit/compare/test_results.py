"""Runs may be compared only where they found the same."""

import json
from pathlib import Path

from crawler.compare.results import differences, read


def write(folder: Path, pages: dict[str, str], failed: dict[str, str]) -> Path:
    folder.mkdir()
    page = {"status": 200, "final_url": "u", "title": None}
    lines = [{**page, "url": url, "digest": digest} for url, digest in pages.items()]
    (folder / "pages.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    fails = [{"url": url, "error": kind, "message": "m"} for url, kind in failed.items()]
    (folder / "failures.jsonl").write_text("".join(json.dumps(line) + "\n" for line in fails))
    (folder / "skipped.jsonl").write_text('{"url": "s", "reason": "robots", "message": "m"}\n')
    return folder


def test_the_order_of_records_does_not_matter(tmp_path: Path) -> None:
    one = read(write(tmp_path / "one", {"a": "1", "b": "2"}, {"c": "dns"}))
    other = read(write(tmp_path / "other", {"b": "2", "a": "1"}, {"c": "dns"}))
    assert len(one) == 4
    assert list(differences("x", one, "y", other)) == []


def test_each_kind_of_difference_is_named(tmp_path: Path) -> None:
    one = read(write(tmp_path / "one", {"a": "1", "b": "2"}, {"c": "dns"}))
    other = read(write(tmp_path / "other", {"a": "9", "c": "3"}, {}))
    found = list(differences("x", one, "y", other))
    assert found == [
        "a: x page 200 1 u, y page 200 9 u",
        "b: x page 200 2 u, y nothing",
        "c: x failure dns None, y page 200 3 u",
    ]


def test_many_differences_are_counted() -> None:
    found = list(differences("x", {str(n): "1" for n in range(10)}, "y", {}))
    assert len(found) == 4
    assert found[-1] == "7 more URLs differ between x and y"
