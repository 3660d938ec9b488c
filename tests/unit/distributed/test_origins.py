"""The origins of the input and their logins: kept apart, for their owner alone, and forgotten."""

import stat
from contextlib import closing
from pathlib import Path

import pytest

from crawler.distributed.origins import Origins, OriginsFile, OriginsReader, forget_logins
from crawler.model.errors import StateError

A, B = "http://a.example", "http://b.example"


def read_origins(path: Path) -> Origins:
    return OriginsReader(path).new()


def write(path: Path, *found: tuple[str, str | None]) -> Origins:
    """Add these; returns what was there before."""
    with closing(OriginsFile(path)) as file:
        for origin, login in found:
            if login is None:
                file.remember_origin(origin)
            else:
                file.remember_login(origin, login)
        file.commit()
        return file.found


def test_origins_are_kept_over_sessions(tmp_path: Path) -> None:
    path = tmp_path / "origins.jsonl"
    assert write(path, (A, None), (B, "me:secret")) == Origins()
    assert write(path, (A, "you:other")) == Origins((A, B), {B: "me:secret"})
    assert read_origins(path) == Origins((A, B), {B: "me:secret", A: "you:other"})


def test_a_reader_reads_each_line_once_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "origins.jsonl"
    reader = OriginsReader(path)
    assert reader.new() == Origins()
    write(path, (A, None), (B, "me:secret"))
    whole = path.read_bytes()
    middle = whole.index(b"\n") + 1
    found = []
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        found += [(length, each) for each in reader.new().names]
    assert found == [(middle, A), (len(whole), B)]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "origins.jsonl"
    write(path, (A, "me:secret"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_each_torn_tail_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "origins.jsonl"
    write(path, (A, "me:secret"))
    kept = path.stat().st_size
    write(path, (B, "you:other"))
    whole = path.read_bytes()
    for length in range(kept, len(whole)):
        path.write_bytes(whole[:length])
        found = OriginsReader(path).new()
        assert found == Origins((A,), {A: "me:secret"}), "a slice may read it now"
        write(path, (B, "you:other"))
        assert path.read_bytes() == whole


def test_a_missing_file_has_none(tmp_path: Path) -> None:
    assert OriginsReader(tmp_path / "origins.jsonl").new() == Origins()


def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "origins.jsonl"
    path.write_bytes(b'["http://a.example",null]\nno json\n')
    with pytest.raises(StateError, match=r"origins\.jsonl: is damaged; restore") as said:
        read_origins(path)
    assert "secret" not in str(said.value)


def test_logins_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "origins.jsonl"
    write(path, (A, "me:secret"), (B, None))
    forget_logins(path)
    assert OriginsReader(path).new() == Origins((A, B))
    assert b"secret" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir()] == ["origins.jsonl"]
