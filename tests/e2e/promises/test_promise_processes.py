"""The processes of a crawl have no secrets of it: not in arguments, environment or orders."""

import subprocess
from pathlib import Path

import pytest
from e2e.conftest import Serve, command, environment, html

from crawler.localweb.server import Answer, Server

KEY, PASSWORD, OTHER, VALUE = "s3cret-key", "s3cret-password", "s3cret-flag", "s3cret-value"
SPY = """
import os, sys
from contextlib import suppress
from pathlib import Path

def parse(document):
    own = [" ".join(sys.argv), *map("=".join, os.environ.items())]
    with open("seen", "a", encoding="utf-8") as file:
        file.write("\\n".join(["worker", *own, ""]))
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                file.write(of_process(path))
    return {}

def of_process(path):
    number, session = int(path.name), os.getsid(0)
    if number == session or os.getsid(number) != session:
        return ""
    texts = [(path / name).read_text(errors="replace") for name in ("cmdline", "environ")]
    return "".join(texts).replace("\\0", "\\n")
"""


@pytest.fixture
def site(serve: Serve) -> Server:
    return serve({"/robots.txt": Answer(404), **{f"/{n}": html("x") for n in range(4)}})


def spied(folder: Path, site: Server, name: str, *arguments: str) -> str:
    """Run the command ``name`` with secrets; return what its processes have, but not itself."""
    (folder / "spy.py").write_text(SPY)
    urls = [site.url(f"/{n}") for n in range(4)]
    urls[0] = urls[0].replace("//", f"//me:{VALUE}@")
    (folder / "list").write_text("\n".join(urls))
    secrets = {"CRAWLER_HEADER": f"X-Key: {KEY}", "CRAWLER_AUTH": f"127.0.0.1=me:{PASSWORD}"}
    given = ("--parser", "spy:parse", "--run", folder / "run", "--quiet", *arguments)
    done = subprocess.run(
        command(name, *given, folder / "list"),
        cwd=folder,
        env={**environment(), **secrets},
        capture_output=True,
        text=True,
        timeout=100,
        start_new_session=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = (folder / "seen").read_text()
    assert "worker\n" in seen
    assert "PYTHONPATH=" in seen
    return seen


@pytest.mark.promise("P58")
@pytest.mark.parametrize("parse", ["process", "loky"])
def test_no_process_of_a_crawl_has_its_secrets(site: Server, tmp_path: Path, parse: str) -> None:
    seen = spied(tmp_path, site, "crawl", "--parse", parse, "--auth", f"127.0.0.1=me:{OTHER}")
    assert [secret for secret in (KEY, PASSWORD, OTHER, VALUE) if secret in seen] == []
    assert {each.header("x-key") for each in site.seen} == {KEY}


@pytest.mark.promise("P58")
def test_no_process_of_a_comparison_has_its_secrets(site: Server, tmp_path: Path) -> None:
    flags = ("--engines", "curl,threads", "--repeat", "1", "--concurrency", "2")
    seen = spied(tmp_path, site, "compare", *flags, "--header", f"X-Other: {OTHER}")
    assert [secret for secret in (KEY, PASSWORD, OTHER, VALUE) if secret in seen] == []
    assert {each.header("x-other") for each in site.seen} == {OTHER}
