"""What README.md tells users to write works, as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.conftest import environment
from support.engines import ENGINES

README = Path(__file__).parents[2] / "README.md"


def code_under(heading: str, text: str) -> str:
    """The python blocks of the section ``heading``, one below the other."""
    _, _, after = text.partition(f"\n## {heading}\n")
    section, _, _ = after.partition("\n## ")
    return "\n\n".join(re.findall(r"```python\n(.*?)```", section, re.DOTALL))


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What pytest says of the tests in the README, in an empty folder and a process of its own."""
    folder = tmp_path_factory.mktemp("user")
    code = code_under("Testing your own crawl", README.read_text())
    (folder / "test_shop.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--rootdir", folder],
        cwd=folder,
        env={**environment(), "PYTHONPATH": "", "PYTHONWARNINGS": ""},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"^test_shop.py::(.* [A-Z]+) ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_readme_test_passes(verdicts: list[str], engine: str) -> None:
    assert f"test_the_shop_is_crawled_whole[{engine}] PASSED" in verdicts


def test_the_readme_test_runs_once_per_engine(
    verdicts: list[str],
) -> None:
    assert len(verdicts) == len(ENGINES)
