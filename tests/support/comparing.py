"""Runs ``crawler compare`` as a user does, on a recording of slow pages."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from e2e.conftest import environment
from support.brought_engines import install

import crawler
from crawler.metrics.comparison import Comparison, from_json
from crawler.testing import MockWeb


class Compared:
    def __init__(self, done: "subprocess.CompletedProcess[str]", directory: Path) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.directory = directory

    @property
    def found(self) -> Comparison:
        return from_json((self.directory / "compare.json").read_bytes())


Compare = Callable[..., Compared]
"""Takes the arguments of the command, and ``stdin``."""


def compared(folder: Path, *arguments: object, stdin: str = "") -> Compared:
    """Run it with these arguments in ``folder``, where the brought engines are installed."""
    brought = install(folder / "brought")
    env = environment()
    env["PYTHONPATH"] = os.pathsep.join([env["PYTHONPATH"], str(brought)])
    command = [sys.executable, "-m", "crawler", "compare", "--run", folder / "run"]
    done = subprocess.run(
        list(map(str, [*command, "--parse", "none", *arguments])),
        cwd=folder,
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Compared(done, folder / "run")


def record(folder: Path, pages: int, latency: float) -> tuple[Path, str]:
    """An archive of slow pages, and their URLs, one per line."""
    urls = [f"http://h{number % 4}.example/{number}" for number in range(pages)]
    with MockWeb() as web:
        for url in urls:
            web.page(url, f"<title>{url}</title>", latency=latency)
        crawler.crawl(urls, run=folder / "run", record=folder / "r.warc", robots=False)
    return folder / "r.warc", "\n".join(urls)
