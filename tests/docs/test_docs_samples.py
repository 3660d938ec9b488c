"""The samples in the documentation do what the documentation says, as they stand there."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from itertools import dropwhile
from pathlib import Path

import pytest
from e2e.conftest import environment
from support.engines import ENGINES
from support.samples import PAGES, ROOT, Sample, samples

from crawler.cli import COMMANDS
from crawler.cli.parser import Parser
from crawler.engines.names import PLUGINS
from crawler.settings import load

ALL = [sample for page in PAGES for sample in samples(page)]
RUNNING = sorted({sample.page for sample in ALL if sample.is_run})
LIST = "https://shop.example/\nhttps://tea.example/tea\nhttps://docs.example/docs/\n"
_BASH = ["bash", "-euo", "pipefail", "-c"]
_CALL = re.compile(r"crawler|scripts/[\w-]+")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a reader has: a list of URLs, the files of config/, and our program on the path."""
    (tmp_path / "bin").mkdir()
    programs = {"crawler": "-m support.offline crawler", "python": "-m support.offline"}
    for program, arguments in programs.items():
        script = tmp_path / "bin" / program
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {arguments} "$@"\n')
        script.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    (work / "urls.txt").write_text(LIST)
    (work / "config").symlink_to(ROOT / "config")
    return work


def run(sample: Sample, folder: Path, command: list[str], **changes: str) -> str:
    """What a sample prints on standard output; fails unless it ends as its author noted."""
    places = [folder.parent / "bin", Path(sys.executable).parent, os.environ["PATH"]]
    known = {"PATH": os.pathsep.join(map(str, places)), "BROWSER": "true"}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment(), **known, **changes},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    shown = f"{sample}\n{sample.text}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == int(sample.notes.get("exit", 0)), shown
    return done.stdout


def write(path: Path, text: str) -> None:
    """Write a sample; the engines of a pyproject.toml are there as if it were installed."""
    path.write_text(text)
    if path.name == "pyproject.toml":
        about = path.parent / "sample-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sample\n")
        lines = [f"{name} = {place}" for name, place in engines_of(text).items()]
        (about / "entry_points.txt").write_text("\n".join([f"[{PLUGINS}]", *lines]))


def engines_of(project: str) -> dict[str, str]:
    """The engines that a pyproject.toml adds: name → place."""
    found: dict[str, str] = tomllib.loads(project)["project"]["entry-points"][PLUGINS]
    return found


def is_test(sample: Sample) -> bool:
    return sample.language == "python" and "\ndef test_" in sample.text


def same(shown: str, printed: str) -> bool:
    """Whether they are the same but for versions and white space."""
    return _plain(shown) == _plain(printed)


def _plain(text: str) -> list[str]:
    return re.sub(r"\d+(\.\d+)+", "1.0", text).split()


@pytest.mark.parametrize("page", RUNNING, ids=name)
def test_the_samples_of_a_page_run(page: Path, folder: Path) -> None:
    for sample in samples(page):
        if "file" in sample.notes:
            write(folder / sample.notes["file"], sample.text)
        elif sample.is_run and sample.language == "console":
            # What a reader has: a warning of a plugin of pytest is not an error there.
            changes = {"PYTHONWARNINGS": ""} if sample.text.startswith("$ pytest") else {}
            printed = run(sample, folder, [*_BASH, "\n".join(sample.commands)], **changes)
            if sample.notes.get("output") == "checked":
                assert same(sample.output, printed), f"{sample}: it prints\n{printed}"
        elif sample.is_run and not is_test(sample):
            (folder / "sample.py").write_text(sample.text)
            run(sample, folder, ["python", "sample.py"])


@pytest.mark.parametrize("sample", list(filter(is_test, ALL)), ids=str)
def test_a_sample_test_passes_with_every_engine(sample: Sample, folder: Path) -> None:
    (folder / "test_sample.py").write_text(sample.text)
    command = ["-m", "pytest", "-v", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    # What a reader has: no warning is an error there.
    printed = run(sample, folder, [sys.executable, *command], PYTHONWARNINGS="")
    verdicts = re.findall(r"^test_sample.py::\w+\[(\w+)\] PASSED ", printed, re.MULTILINE)
    assert verdicts == [*ENGINES]


def calls(program: str) -> Iterator[tuple[Sample, list[str]]]:
    """Every call of ``program`` in the documentation, with its arguments."""
    for sample in ALL:
        for command in sample.commands if sample.language == "console" else ():
            for words in _simple(command.replace("\\\n", " ")):
                if words[0].startswith(program):
                    yield sample, words


def _simple(command: str) -> Iterator[list[str]]:
    """The words of each command of a line of bash, without redirections and variables."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words = list(lexer)
    while words:
        end = next((at for at, word in enumerate(words) if word[0] in "|&;<>"), len(words))
        call = list(dropwhile(lambda word: not _CALL.fullmatch(word), words[:end]))
        if call:
            yield call
        words = words[end + 1 :]


def test_every_documented_command_is_accepted() -> None:
    added = {
        name
        for sample in ALL
        if sample.notes.get("file") == "pyproject.toml"
        for name in engines_of(sample.text)
    }
    for sample, words in calls("crawler"):
        try:
            check(["curl" if word in added else word for word in words[1:]])
        except Exception as error:
            raise AssertionError(f"{sample}: {' '.join(words)}: {error}") from error


def check(arguments: list[str]) -> None:
    """Raises UsageError where the program would refuse the arguments."""
    if not arguments or arguments[0] not in COMMANDS:
        assert arguments in ([], ["--version"], ["--help"]), "there is no such command"
        return
    module = import_module(f"crawler.cli.{arguments[0]}")
    parser = Parser(prog="crawler", description="")
    module.add_arguments(parser)
    asked = vars(parser.read(arguments[1:])) if "--help" not in arguments else {}
    if arguments[0] == "crawl":
        load({key: value for key, value in asked.items() if key != "config"}, {})


def test_every_documented_script_exists() -> None:
    found = list(calls("scripts/"))
    assert found
    for sample, words in found:
        assert os.access(ROOT / words[0], os.X_OK), f"{sample}: {words[0]}"


def test_the_name_of_a_file_is_told_before_its_text() -> None:
    for sample in ALL:
        before = "\n".join(sample.page.read_text("utf-8").splitlines()[: sample.line - 2])
        if "file" in sample.notes:
            assert f"`{sample.notes['file']}`" in before, sample
