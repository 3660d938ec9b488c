"""The phrases that CONTRIBUTING.md rules out are in no text of the package."""

import re
from html import unescape
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SECTION = (ROOT / "CONTRIBUTING.md").read_text().partition("## Words\n")[2].partition("\n## ")[0]
PHRASES = [unescape(each) for each in re.findall(r"^\| `(.+?)` \|", _SECTION, re.MULTILINE)]


@pytest.mark.parametrize("phrase", PHRASES)
def test_no_text_has_this_phrase(phrase: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "crawler").rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(phrase, line)
    ]
    assert not found, "\n".join(found)


def test_the_list_is_read() -> None:
    assert len(PHRASES) > 10
    assert any(re.search(phrase, "the run goes on") for phrase in PHRASES)
