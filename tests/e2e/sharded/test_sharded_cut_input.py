"""An input that had not ended when the crawl was stopped."""

import signal
import subprocess
import time
from pathlib import Path

from e2e.conftest import Crawl, command, environment
from support.sharded_web import SHARDED, USUAL, page, web


def test_a_resume_without_the_rest_of_the_input_says_so(crawl: Crawl, tmp_path: Path) -> None:
    with web({"a/": page()}) as served:
        process = subprocess.Popen(
            command("crawl", *USUAL, *SHARDED, "--run", tmp_path / "run", "-"),
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(served.fill("{a}/\n"))
        process.stdin.flush()
        while not served.asked("a"):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        process.stdin.close()
        resumed = crawl("--quiet", "--resume", "--on", "local:2")
    assert resumed.code == 4
    assert "the input had not ended when the run was stopped, so it is incomplete" in resumed.err
