"""Whatever the input is, shards read it as a crawl without shards does."""

import subprocess
import time
from pathlib import Path

import pytest
from e2e.conftest import command, environment
from e2e.sharded.conftest import Both, Sharded
from support.sharded_web import SHARDED, USUAL, Web, found, page, records, text, web

from crawler.localweb.server import Answer

XML = "application/xml"
INDEX = """\
<sitemapindex><sitemap><loc>{b}/map.xml</loc></sitemap>
<sitemap><loc>{c}/list.txt</loc></sitemap><sitemap><loc>{d}/gone.xml</loc></sitemap>
<sitemap><loc>{b}/map.xml</loc></sitemap></sitemapindex>"""
MAP = """\
<urlset><url><loc>{b}/1</loc></url><url><loc>{a}/1</loc></url><url><loc>{c}/missing</loc></url>
<url><loc>ht!tp://bad</loc></url><url><loc>http://10.0.0.1/private</loc></url></urlset>"""
LOCAL = """\
<urlset><url><loc>{d}/local</loc></url><url><loc>{a}/1</loc></url><url><loc>no url</loc></url>
</urlset>"""
TABLE = "url,who,when\n{a}/1,ann,monday\n{c}/2,bob,\nhttp://[bad,eve,\n{d}/local,dan,\n"
WEB = {
    "a/sitemap.xml": text(INDEX, XML),
    "b/map.xml": text(MAP, XML),
    "c/list.txt": text("{d}/1\n{c}/2\n{d}/1\n"),
    "a/1": page("{b}/linked"),
    "b/1": page(),
    "b/linked": page(),
    "c/2": page(),
    "d/1": page(),
    "d/local": page(),
}


def test_sitemaps_and_tables_are_read_as_without_shards(both: Both, tmp_path: Path) -> None:
    with web(WEB) as served:
        (tmp_path / "local.xml").write_text(served.fill(LOCAL))
        (tmp_path / "table.csv").write_text(served.fill(TABLE))
        sources = [tmp_path / "table.csv", served.fill("{a}/sitemap.xml"), tmp_path / "local.xml"]
        records = both("--follow", "--scope", "any", "--allow-private", "127.0.0.0/8", *sources)
        pages = {each["url"] for each in records["pages"]}
        assert pages == {served.fill(f"{{{name[0]}}}{name[1:]}") for name in WEB if "." not in name}
    assert [each.get("input") for each in records["pages"] if "who" in each.get("input", {})]
    assert {each["error"] for each in records["failures"]} == {"url", "status"}
    assert {each["reason"] for each in records["skipped"]} == {"blocked"}


LOGIN = "Basic YW5uOnNlY3JldC13b3Jk"
SECRET = b"secret-word"


def private(web: Web) -> Answer:
    """A page for somebody who has logged in."""
    authorized = dict(web.seen[-1].headers).get("Authorization") == LOGIN
    return page("{c}/linked", "{c}/other")(web) if authorized else Answer(401)


@pytest.mark.promise("P47")
def test_logins_of_the_input_reach_their_shards_and_are_forgotten(
    sharded: Sharded, tmp_path: Path
) -> None:
    answers = {"a/": private, "b/": private, "c/linked": private, "c/other": private}
    with web(answers) as served:
        lines = served.fill("{b}/\n{c}/linked\n").replace("//127", "//ann:secret-word@127")
        argument = served.fill("{a}/").replace("//127", "//ann:secret-word@127")
        options = ("--follow", "--scope", "any", "--no-robots", "--max-pages", 1)
        sharded(*options, argument, lines=lines)
        assert _with_secret(tmp_path / "sharded") == {"origins.jsonl"}
        run = sharded("--resume", "--max-pages", 99)
        assert {each["url"] for each in found(tmp_path / "sharded")["pages"]} == {
            served.fill(each) for each in ("{a}/", "{b}/", "{c}/linked", "{c}/other")
        }
    assert run.report["urls"]["pending"] == 0
    assert _with_secret(tmp_path / "sharded") == set()
    assert (tmp_path / "sharded" / "origins.jsonl").stat().st_mode & 0o777 == 0o600


def _with_secret(directory: Path) -> set[str]:
    """The names of the files in which the secret is."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {path.name for path in files if SECRET in path.read_bytes()}


@pytest.mark.promise("P57")
def test_a_slice_learns_of_origins_that_come_later(sharded: Sharded, tmp_path: Path) -> None:
    answers = {
        **{f"a/{number}": page(latency=0.2) for number in range(10)},
        "a/last": lambda _: page("{a}/linked")(other),
    }
    with web(answers) as served, web({"a/linked": page()}) as other:
        process = subprocess.Popen(
            command(
                *("crawl", "--run", tmp_path / "run", *USUAL, *SHARDED, "--no-robots", "--slice"),
                *(60, "--follow", "--scope", "any", "--concurrency", 1, "-"),
            ),
            stdin=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(),
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(served.fill("".join(f"{{a}}/{n}\n" for n in range(10)) + "{a}/last\n"))
        process.stdin.flush()
        while len(served.seen) < 3:
            time.sleep(0.05)
        process.stdin.write(other.fill("{a}/\n"))
        process.stdin.close()
        assert process.wait(60) == 0
    assert not list(records(tmp_path / "run", "skipped"))


@pytest.mark.promise("P58")
def test_workers_read_the_file_of_secrets(tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").write_text(f'header = ["X-Key: {SECRET.decode()}"]')
    (tmp_path / "secrets.toml").chmod(0o600)
    with web({"a/": page(), "b/": page()}) as served:
        done = subprocess.run(
            command(
                *("crawl", "--run", tmp_path / "run", *USUAL, *SHARDED, "--no-robots"),
                *(served.fill("{a}/"), served.fill("{b}/")),
            ),
            cwd=tmp_path,
            env={**environment(), "CRAWLER_SECRETS": "secrets.toml"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        keys = [seen.header("X-Key") for seen in served.seen]
        assert keys == [SECRET.decode()] * 2
    assert _with_secret(tmp_path / "run") == set()
