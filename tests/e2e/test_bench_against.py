"""``scripts/bench --against``: each side runs its own code, and a slower working tree is found."""

import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "scripts"))
program = import_module("benchmarks.__main__")
checkouts = import_module("benchmarks.checkouts")

FIGURES = ["page", "page: CPU", "help", "help: CPU"]
SLOW = "import time\nwhile time.process_time() < 1: pass\n"
pytestmark = [pytest.mark.git, pytest.mark.nginx]


def git(folder, *arguments):
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    command = ["git", "-C", folder, *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose only commit is as fast as this one."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copytree(
        ROOT / "crawler", folder / "crawler", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "fast")
    monkeypatch.setattr(checkouts, "ROOT", folder)
    return folder


def bench(tmp_path, monkeypatch, *options):
    told = tmp_path / "bench.json"
    command = ["bench", "--quick", "--only", "startup", "--pairs", "1", "--json", str(told)]
    monkeypatch.setattr(sys, "argv", [*command, *options])
    return program.main(), msgspec.json.decode(told.read_bytes())


def test_a_slower_working_tree_is_found(project, tmp_path, monkeypatch):
    main = project / "crawler" / "__main__.py"
    main.write_text(SLOW + main.read_text())
    code, told = bench(tmp_path, monkeypatch, "--against", "HEAD")
    assert code == 1
    assert told["against"] == git(project, "rev-parse", "HEAD")
    assert [each["name"] for each in told["figures"]] == FIGURES
    for each in told["figures"]:
        assert each["verdict"] == "missed"
        assert each["value"] - each["reference"] > 0.5
        assert each["ratio"]["high"] < 0.97


def test_other_versions_of_packages_need_another_environment(project, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(checkouts, "python_with", lambda *wanted: made.append(wanted) or "python")
    commit = git(project, "rev-parse", "HEAD")
    assert checkouts.revision(commit, tmp_path / "same").python == sys.executable
    constraints = project / "constraints.txt"
    constraints.write_text(constraints.read_text().replace("rich==", "rich<="))
    others = [checkouts.revision(commit, tmp_path / name) for name in ("first", "second")]
    assert [each.python for each in others] == ["python"] * 2
    (place, _, used, *packages), (again, *_) = made
    assert place == again != project / ".venv"
    assert used == str(tmp_path / "first" / "constraints.txt")
    assert any(name.startswith("pycurl") for name in packages)


def test_what_git_does_not_know_cannot_be_compared_with(project, tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match=r"^scripts/bench: git .*: exit code 128"):
        bench(tmp_path, monkeypatch, "--against", "no-such-revision")


def test_the_history_names_the_commit_and_whether_the_tree_differs(project, tmp_path, monkeypatch):
    commit = git(project, "rev-parse", "HEAD")
    assert checkouts.state() == commit
    (project / "constraints.txt").write_text("")
    assert checkouts.state() == f"{commit}-dirty"
    monkeypatch.setattr(checkouts, "ROOT", tmp_path)
    assert checkouts.state() is None
