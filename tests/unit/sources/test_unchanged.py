"""Fingerprints: the same while sources hold the same, and no secret in them."""

import os
from pathlib import Path

import pytest

from crawler.model.errors import UsageError
from crawler.sources import check_unchanged, fingerprint


def test_a_fingerprint_is_of_content_not_path(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"http://a.example/\n" * 100_000)
    second.write_bytes(first.read_bytes())
    before = fingerprint([str(first)])
    assert before == fingerprint([str(second)])
    second.write_bytes(first.read_bytes()[:-1] + b" ")
    assert before != fingerprint([str(second)])
    assert "1800000 " in before


def test_urls_are_their_own_fingerprint() -> None:
    sources = ["http://A.example/x", "-", "http://b.example/"]
    assert fingerprint(sources) == "http://a.example/x\n-\nhttp://b.example/"
    check_unchanged(sources, fingerprint(sources))


@pytest.mark.promise("P05")
def test_no_userinfo_is_in_a_fingerprint() -> None:
    found = fingerprint(["http://u:secret@a.example/", "ftp://u:secret@b.example/"])
    assert "secret" not in found


def test_a_changed_source_is_named(tmp_path: Path) -> None:
    same, other = tmp_path / "same", tmp_path / "other"
    same.write_text("http://a.example/\n")
    other.write_text("http://b.example/\n")
    sources = [str(same), str(other)]
    before = fingerprint(sources)
    check_unchanged(sources, before)
    other.write_text("http://c.example/\n")
    with pytest.raises(UsageError, match=f"^{other}: has changed"):
        check_unchanged(sources, before)
    other.unlink()
    with pytest.raises(UsageError, match=f"^{other}: No such file"):
        check_unchanged(sources, before)


def test_a_named_pipe_is_not_compared(tmp_path: Path) -> None:
    """Its lines are in the run."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    before = fingerprint([str(path)])
    assert before == "pipe"
    path.unlink()
    check_unchanged([str(path)], before)
