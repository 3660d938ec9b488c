"""The main job on real input: a whole site of real pages behind a real server, every engine."""

from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Crawl, Run
from support import needs
from support.engines import ENGINES
from support.nginx import Nginx


def facts(run: Run, site: Nginx) -> dict[str, Any]:
    """What must not depend on the engine, by path."""
    return {
        url.removeprefix(site.url("")): (
            page["status"],
            page["digest"],
            page["title"],
            page["links"],
        )
        for url, page in run.pages.items()
    }


@pytest.mark.promise("P42")
@pytest.mark.nginx
@pytest.mark.docs
def test_every_engine_crawls_the_whole_python_manual(crawl: Crawl, tmp_path: Path) -> None:
    manual = Path(needs.docs() or "").resolve()
    with Nginx(tmp_path / "nginx", manual) as site:
        runs = {
            engine: crawl("--follow", "--engine", engine, site.url("index.html"), name=engine)
            for engine in ENGINES
        }
        found = {engine: facts(run, site) for engine, run in runs.items()}
    first = runs["curl"]
    assert first.code == 0, first.err
    assert {failure["status"] for failure in first.failures.values()} <= {404}
    html = {path for path in found["curl"] if path.endswith(".html")}
    assert len(html) > 500
    sizes = {url.removeprefix(site.url("")): page["bytes"] for url, page in first.pages.items()}
    assert {path: sizes[path] for path in html} == {
        path: (manual / path).stat().st_size for path in html
    }
    for engine in ENGINES:
        assert found[engine] == found["curl"], engine
