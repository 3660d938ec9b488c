"""One web, the same records, whatever fetches it; what it says is never obeyed."""

import sys
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Run
from e2e.promises.conftest import Crawled

from crawler.engines.names import ENGINES
from crawler.localweb.synthetic import FAULTS
from crawler.testing import Fault, MockWeb, SyntheticHandler, SyntheticWeb

SITE = SyntheticWeb(hosts=3, pages=300, seed=43, latency=0.0, faults=True)
PORT = 80
STARTS = [f"http://{address}/" for address in SITE.addresses]


def fault(url: str) -> Fault | None:
    host, _, path = url.removeprefix("http://").partition("/")
    return SITE.fault(host, f"/{path}")


def facts(run: Run) -> dict[str, list[tuple[Any, ...]]]:
    """What of a run must not depend on the engine, nor on the order of the answers."""
    fields = ("url", "final_url", "status", "content_type", "bytes", "digest", "encoding", "title")
    pages = [(*(page[name] for name in fields), *page["links"]) for page in run.pages.values()]
    failed = [(f["url"], f["error"], f["attempts"], f["status"]) for f in run.failures.values()]
    skipped = [(skip["url"], skip["reason"]) for skip in run.skips.values()]
    return {"pages": sorted(pages), "failed": sorted(failed), "skipped": sorted(skipped)}


@pytest.mark.promise("P42")
def test_every_engine_writes_the_same_records(crawled: Crawled) -> None:
    found = {}
    for engine in ENGINES:
        with MockWeb(SyntheticHandler(SITE)):
            run = crawled(STARTS, engine=engine, name=engine, follow=True, scope="any", retries=1)
        assert run.report["engine"] == engine
        found[engine] = facts(run)
    first = found[ENGINES[0]]
    assert all(found[engine] == first for engine in ENGINES)
    assert first["skipped"]
    assert len(first["pages"]) > 250
    assert {error for _, error, _, _ in first["failed"]} == {"status", "redirect", "truncated"}


@pytest.mark.promise("P42")
def test_the_compared_web_has_every_fault_but_slowness() -> None:
    counted = Counter(fault(url.replace(f":{PORT}", "")) for url in SITE.urls(PORT))
    assert set(counted) == {None, *FAULTS} - {Fault.SLOW}


CANARY = "canaryofp44"
"""A module that leaves a file where it is imported or called; nobody else says that word."""
SINGS = "from pathlib import Path\nPath({sung!r}).touch()\ndef sing(*_): pass\n"
NAMING = (
    f"{CANARY}:sing",
    f"{CANARY}.sing",
    f"__import__('{CANARY}')",
    f"{{{{ self.__init__.__globals__.__builtins__.__import__('{CANARY}') }}}}",
    f"${{jndi:file:///{CANARY}}}",
    f"!!python/object/apply:{CANARY}.sing []",
    f"c{CANARY}\nsing\n(tR.",
    f"$(python -m {CANARY})",
    f"{{0.__class__}} %s %n {CANARY}",
    f"../../{CANARY}.py",
)
LABELS = (CANARY, f"{CANARY}:sing", "unicode_escape", "idna", "rot13")
_overheard: list[tuple[str, object]] | None = None


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if _overheard is not None:
        for each in arguments:
            text = each.decode("latin-1") if isinstance(each, bytes) else each
            if isinstance(text, str) and CANARY in text:
                _overheard.append((event, text))


sys.addaudithook(_listen)  # for good: there is no way to take one away


@pytest.fixture
def overheard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """What this process imports, opens, compiles, runs or looks up under the canary's name."""
    heard: list[tuple[str, object]] = []
    monkeypatch.setattr(sys.modules[__name__], "_overheard", heard)
    return heard


@pytest.fixture
def cage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the canary, to be imported from; the file it would leave must not be there."""
    folder, sung = tmp_path / "cage", tmp_path / "sung"
    folder.mkdir()
    (folder / f"{CANARY}.py").write_text(SINGS.format(sung=str(sung)))
    monkeypatch.syspath_prepend(folder)
    yield folder
    assert not sung.exists()
    assert CANARY not in sys.modules


def name_code_everywhere(web: MockWeb, cage: Path) -> dict[str, str]:
    """Pages by their URL: the title each has."""
    titles = {}
    for number, text in enumerate(NAMING):
        line = " ".join(text.split())
        file = f"{cage.as_uri()}/{CANARY}.py"
        url = f"http://code.example/{number}"
        titles[url] = line
        headers = (
            ("X-Parser", line),
            ("Link", f"<{file}>; rel=preload"),
            ("Set-Cookie", line),
            ("Refresh", f"0; url={file}"),
        )
        web.page(
            url,
            f"<?python {text} ?><title>{escape(text)}</title>"
            f'<meta name="parser" content="{escape(text)}"><base href="{file}">'
            f'<a href="{file}">x</a><a href="{escape(text)}">x</a><a href="javascript:{CANARY}">x'
            f'<script src="{file}">{text}</script><link rel=canonical href="{file}">',
            headers=headers,
        )
    for number, label in enumerate(LABELS):
        url = f"http://code.example/charset{number}"
        kind = ("Content-Type", f"text/html; charset={label}")
        web.page(url, f"<meta charset={label}><title>{number}</title>", headers=(kind,))
        titles[url] = str(number)
    entity = f'<!DOCTYPE html [<!ENTITY e SYSTEM "{cage.as_uri()}/{CANARY}.py">]><title>&e;</title>'
    xhtml = ("Content-Type", "application/xhtml+xml")
    web.page("http://code.example/entity", entity, headers=(xhtml,))
    titles["http://code.example/entity"] = "&e;"
    return titles


@pytest.mark.promise("P44")
def test_text_that_names_code_stays_text(
    mock_web: MockWeb,
    crawled: Crawled,
    engine: str,
    cage: Path,
    overheard: list[tuple[str, object]],
) -> None:
    titles = name_code_everywhere(mock_web, cage)
    moved = [f"http://code.example/moved{number}" for number in range(2)]
    for url, target in zip(moved, (f"{cage.as_uri()}/{CANARY}.py", f"{CANARY}:sing"), strict=True):
        mock_web.page(url, "", status=302, headers=(("Location", target),))
    coding = "http://code.example/coding"
    mock_web.page(coding, "x", headers=(("Content-Encoding", f"{CANARY}:sing, gzip"),))
    run = crawled([*titles, *moved, coding], engine=engine, parse="inline")
    assert overheard == []
    assert {url: page["title"] for url, page in run.pages.items()} == titles
    assert {skip["reason"] for skip in run.skips.values()} == {"scheme"}
    assert set(run.skips) == set(moved)
    assert list(run.failures) == [coding]
    links = [link for page in run.pages.values() for link in page["links"]]
    assert all(link.startswith("http://code.example/") for link in links)


@pytest.mark.promise("P44")
def test_a_parse_process_runs_no_named_code(
    mock_web: MockWeb, crawled: Crawled, cage: Path
) -> None:
    titles = name_code_everywhere(mock_web, cage)
    run = crawled(titles, html=True)
    assert {url: page["title"] for url, page in run.pages.items()} == titles
