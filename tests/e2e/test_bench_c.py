"""The C program of the benchmarks: it does the same work as the others, or ends."""

import hashlib
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser
from support.needs import Missing

from crawler.parsing.facts import FactsReader
from crawler.testing import Answer, Server

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
c_program = import_module("benchmarks.c_program")
records = import_module("benchmarks.records")

DRIVER = """
#include <stdio.h>
#include <string.h>
#include "links.h"
int main(void) {
    struct links links = {0};
    for (int page = 0; page < 3; page++) {
        links_next_page(&links);
        for (int n = 0; n < 3000; n++) {
            char link[32];
            size_t start = links.text.length;
            snprintf(link, sizeof link, "http://h/%d", n % 1000 * (page / 2 + 1));
            bytes_append(&links.text, link, strlen(link));
            links_add(&links, start);
        }
        printf("%zu %zu\\n", links.count, links.text.length);
    }
    free(links.slots);
    free(links.text.data);
    return 0;
}
"""
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined")
HTML = (("Content-Type", "text/html; charset=utf-8"),)
TRICKY = """<!doctype html><title> "a\\b"	&amp; caf\u00e9 </title><svg><title>no</title></svg>
<a href="/x#y">1</a><a href=x>the same</a><a href="mailto:a@b">no</a><a href="">itself</a><a>no</a>
<a href="//other/?q=&quot;">2</a><a href="http://[bad">no</a><link href=/no><a href=/caf\u00e9>3</a>
<a href="https://other:443/a/../b">4</a><p><a href=%0a>5</a>"""


@pytest.mark.compiler
def test_links_are_kept_once_and_forgotten_with_their_page(tmp_path):
    (tmp_path / "driver.c").write_text("#include <stdlib.h>" + DRIVER)
    sources = [str(c_program.SOURCES / name) for name in ("links.c", "bytes.c")]
    out = str(tmp_path / "driver")
    places = [f"-I{c_program.SOURCES}", str(tmp_path / "driver.c"), *sources]
    subprocess.run([c_program.needs.compiler(), *STRICT, *places, "-o", out], check=True)
    told = subprocess.run([out], check=True, capture_output=True, text=True).stdout
    lengths = [sum(len(f"http://h/{n * page}") for n in range(1000)) for page in (1, 1, 2)]
    assert told == "".join(f"1000 {length}\n" for length in lengths)


def test_a_machine_without_the_headers_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(c_program, "LIBRARIES", ("no-such-library",))
    with pytest.raises(Missing, match=r"needs the headers of .* \(apt install pkg-config libcurl4"):
        c_program.link_flags()


@pytest.fixture(scope="module")
def program():
    try:
        return c_program.c_program()
    except Missing as why:
        pytest.skip(str(why))


@pytest.fixture
def crawl(program, tmp_path):
    """What the program says and writes for these paths of a server."""

    def crawl(handler, paths, concurrency="4"):
        urls, out = tmp_path / "urls", tmp_path / "out"
        with Server(handler) as server:
            urls.write_text("".join(f"http://127.0.0.1:{server.port}/{path}\n" for path in paths))
            command = [program, concurrency, str(urls), str(out)]
            return subprocess.run(command, capture_output=True, text=True, timeout=60), out

    return crawl


@pytest.mark.long  # it builds lexbor
@pytest.mark.compiler
class TestProgram:
    def test_a_page_is_read_as_the_crawler_does(self, crawl):
        body = TRICKY.encode()
        done, out = crawl(lambda _: Answer(headers=HTML, body=body), ["page"])
        assert done.returncode == 0, done.stderr
        (record,) = records.read(out)
        facts = FactsReader().read(LexborHTMLParser(body), record.url)
        assert record.links == tuple(facts.links)
        assert len(facts.links) == 6
        assert record.digest == hashlib.sha256(body).hexdigest()
        assert '"title":"\\u0022a\\u005cb\\u0022 & café"' in out.read_text()

    def test_all_of_many_pages_are_written(self, crawl):
        def handler(seen):
            return Answer(headers=HTML, body=b"<a href=a>a</a>" * int(seen.target[1:]))

        done, out = crawl(handler, range(500), "32")
        assert done.returncode == 0, done.stderr
        found = {record.url.rpartition("/")[2]: record.digest for record in records.read(out)}
        assert found == {
            str(n): hashlib.sha256(b"<a href=a>a</a>" * n).hexdigest() for n in range(500)
        }

    def test_what_is_not_html_is_not_parsed(self, crawl):
        done, out = crawl(lambda _: Answer(body=b"<a href=a>a</a>"), ["page"])
        assert done.returncode == 0, done.stderr
        (record,) = records.read(out)
        assert record.links == ()

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (Answer(status=404, headers=HTML), "status 404"),
            (Answer(headers=HTML, body=b"x" * (4 << 20 | 1)), "more than 4194304 bytes"),
        ],
    )
    def test_a_failure_ends_it_with_its_reason(self, crawl, answer, why):
        done, _ = crawl(lambda _: answer, ["page"])
        assert done.returncode == 1
        assert why in done.stderr

    @pytest.mark.parametrize("concurrency", ["0", "-1", "x", "", "1e9", "99999999999999999999"])
    def test_a_wrong_concurrency_is_an_error(self, program, tmp_path, concurrency):
        command = [program, concurrency, "urls", "out"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert (done.returncode, "is not a concurrency" in done.stderr) == (1, True)

    def test_no_urls_are_no_pages(self, crawl):
        done, out = crawl(lambda _: Answer(), [])
        assert (done.returncode, out.read_bytes()) == (0, b"")
