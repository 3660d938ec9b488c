from pathlib import Path

import pytest

from crawler.model.errors import UsageError
from crawler.parsing.fields import load_rules


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('x = "a["', "x: invalid CSS selector"),
        ('x = ""', "x: invalid CSS selector"),
        ("x = 1", "x: "),
        ("x = { attr = 'href' }", "x: .*css"),
        ("x = { css = 'a', al = true }", "x: .*`al`"),
        ("x = { css = 'a', all = 'yes' }", r"x: .*\$.all"),
        ("x = { css = 'a', name = 'y' }", "x: .*`name`"),
        ("x = ", "Invalid value"),
    ],
)
def test_wrong_extraction_rules_are_refused(tmp_path: Path, toml: str, says: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(toml, encoding="utf-8")
    with pytest.raises(UsageError, match=rf"rules\.toml: {says}"):
        load_rules(file)


def test_unreadable_extraction_rules_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.toml"):
        load_rules(tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes(b'x = "\xe4"')
    with pytest.raises(UsageError, match=r"latin\.toml"):
        load_rules(tmp_path / "latin.toml")
