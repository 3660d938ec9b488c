"""Code samples of Markdown pages: what they are, and what their authors noted beside them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
"""Every page of the documentation, the ones of the repository's root too."""
NOTES = ("exit", "file", "not run", "output")
"""Names of notes: ``<!-- name: value -->`` on the lines before a sample.

``file`` is where the sample is written, for the samples after it. ``exit`` is the exit code of its
last command (0 unless noted). ``output`` is ``checked`` where the program must print just that.
``not run`` says why nobody can run it here; its options are checked all the same.
"""

_SAMPLE = re.compile(
    r"^(?P<notes>(?:<!--[^\n]*-->\n)*)```(?P<language>\S*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NOTE = re.compile(r"<!-- ([\w ]+): (.*?) -->")


class Sample(msgspec.Struct, frozen=True):
    """A fenced block. ``line`` is where its text begins in ``page``, from 1."""

    page: Path
    line: int
    language: str
    text: str
    notes: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_run(self) -> bool:
        return "not run" not in self.notes and self.language in ("console", "python")

    @property
    def commands(self) -> list[str]:
        """What stands after the prompts of a console, lines that continue one included."""
        found: list[str] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append(line[2:])
            elif found and found[-1].endswith("\\"):
                found[-1] += f"\n{line}"
        return found

    @property
    def output(self) -> str:
        """What stands in a console besides the commands."""
        typed = {line for command in self.commands for line in command.splitlines()}
        lines = self.text.splitlines()
        return "\n".join(line for line in lines if line.removeprefix("$ ") not in typed)


def samples(page: Path) -> Iterator[Sample]:
    """The samples of ``page`` in order. Raises ValueError for a note that is not one of ours."""
    text = page.read_text("utf-8")
    for match in _SAMPLE.finditer(text):
        notes = dict(_NOTE.findall(match["notes"]))
        if unknown := notes.keys() - set(NOTES):
            raise ValueError(f"{page}: no note is called {', '.join(unknown)}")
        line = text.count("\n", 0, match.start("text")) + 1
        yield Sample(page, line, match["language"], match["text"], notes)
