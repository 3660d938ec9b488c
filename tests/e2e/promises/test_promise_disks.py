"""A disk that fails while a run is resumed: one sentence, and the run can be resumed."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from e2e.conftest import Crawl, Serve, command, environment, html
from support.chaos.shim import compiled

PAGES = 12
PYTHONS = re.compile(r"Traceback|Error\b|Errno|[Ee]xception|object|None|closed")
"""Words that only a programmer of Python understands."""
FAULTS = (("eio", 1), ("once", 15), ("enospc", 24), ("eio", 36))
"""Which write, sync, cut or rename of the resume fails, and how: see io_faults.c."""


@pytest.mark.promise("P54")
@pytest.mark.compiler
def test_a_disk_that_fails_during_a_resume_is_reported_in_one_sentence(
    crawl: Crawl, serve: Serve, tmp_path: Path
) -> None:
    site = serve({f"/{n}": html(f"<title>{n}</title>") for n in range(PAGES)})
    lines = "".join(f"{site.url(f'/{n}')}\n" for n in range(PAGES))
    usual = ("--quiet", "--no-robots", "--parse", "inline")
    assert crawl(*usual, "--max-pages", 1, "--record", tmp_path / "run.warc", lines=lines).code == 0
    resume = command("crawl", "--run", tmp_path / "run", "--resume", "--quiet")
    shim = {"LD_PRELOAD": str(compiled(tmp_path)), "CHAOS_IO_FOLDER": str(tmp_path / "run")}
    codes = []
    for kind, number in FAULTS:
        fault = {"CHAOS_IO_KIND": kind, "CHAOS_IO_AT": str(number)}
        done = subprocess.run(
            [*resume, "--max-pages", "2"],
            cwd=tmp_path,
            env={**os.environ, **environment(), **shim, **fault},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = done.stderr.splitlines()
        codes.append(done.returncode)
        if done.returncode:
            assert len(said) == 1, done.stderr
            assert said[0].startswith(f"crawler: {tmp_path}/run"), said
            assert not PYTHONS.search(said[0].removeprefix(f"crawler: {tmp_path}")), said
    assert set(codes) <= {0, 1}
    assert codes.count(1) >= len(FAULTS) - 2
    last = crawl("--resume", "--quiet", "--max-pages", PAGES)
    assert last.code == 0, last.err
    assert len(last.pages) == PAGES
