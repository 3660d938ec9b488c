"""Write the pages that follow from the code: every option, and the schemas of the records.

``scripts/make-docs`` runs it. A test fails where a page is not what this would write.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from textwrap import wrap

import msgspec

from crawler import Failure, Page, Report, Skipped
from crawler.metrics.progress import RunProgress
from crawler.metrics.timeline import Line
from crawler.settings import options
from crawler.settings.option import Option

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
RECORDS = {
    "page": Page,
    "failure": Failure,
    "skipped": Skipped,
    "timeline": Line,
    "report": Report,
    "progress": RunProgress,
}
"""The record of each schema: ``docs/reference/schemas/<name>.json``."""
_HEAD = """\
<!-- Written by scripts/make-docs from the settings. Do not edit. -->

# Every option

Each option can be a flag of `crawler crawl`, an environment variable, a key of a TOML file that
`--config` names, and a keyword of `crawler.Settings` and `crawler.crawl`. Where several of them set
an option, the stronger one counts: default < file < variable < flag. A list is replaced, not
extended.

The variable `CRAWLER_SECRETS` names a TOML file with secret options, which only you may read
(mode 0600). It is stronger than the `--config` file and weaker than the other variables.

In a variable, a list has one value a line, and an empty variable counts as not set. A flag that is
on by default is switched off with `--no-…`. [config/default.toml](../../config/default.toml) has
every option in a file that you can copy.

Variables that Kubernetes and Docker set for services called `crawler` or `crawler-…`, such as
`CRAWLER_PORT=tcp://10.0.0.1:80`, are ignored. Any other `CRAWLER_…` that is not an option is an
error.
"""


def option_page() -> str:
    """The text of ``docs/reference/options.md``."""
    return "\n".join([_HEAD, *_groups()])


def _groups() -> Iterator[str]:
    spelled = _spelled()
    for title, members in groupby(options(), key=lambda option: str(option.extra["group"])):
        yield f"## {title.capitalize()}\n"
        for option in members:
            yield f"### `{option.flag}`\n"
            yield f"{_sentence(option.text)}\n"
            key = f"{option.name} = {spelled[option.name]}"
            yield f"- {_flag(option)}, variable `CRAWLER_{option.name.upper()}`, key `{key}`"
            yield f"- {_sentence(option.expects)}{_default(option, spelled)}\n"


def _flag(option: Option) -> str:
    if option.name == "sources":
        return "Argument `SOURCE`"
    if option.kind is bool:
        return f"Flag `{option.flag}` or `{option.flag.replace('--', '--no-', 1)}`"
    return f"Flag `{option.flag} {option.extra['metavar']}`"


def _default(option: Option, spelled: Mapping[str, str]) -> str:
    return "" if option.default in (None, ()) else f" Default: `{spelled[option.name]}`."


def _sentence(text: str) -> str:
    """``text`` as Markdown has it, beginning and ending as a sentence does."""
    plain = re.sub(r"([<>*_\[\]|])", r"\\\1", f"{text[0].upper()}{text[1:]}.")
    marked = re.sub(r"(?<![\w`])--[a-z][a-z-]*", r"`\g<0>`", plain)
    return "\n".join(wrap(marked, 98, break_long_words=False, break_on_hyphens=False))


def _spelled() -> dict[str, str]:
    """The default of each option, or an example, as config/default.toml spells it."""
    lines = (ROOT / "config" / "default.toml").read_text("utf-8").splitlines()
    pairs = (line[1:].partition(" = ") for line in lines if " = " in line and line[1] != " ")
    return {name: value for name, _, value in pairs}


def schema(record: type[msgspec.Struct]) -> str:
    """The JSON Schema of ``record``, indented. What fields mean is said in records.md."""
    made = msgspec.json.schema(record, schema_hook=lambda _: {"description": "any JSON value"})
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    for each in found["$defs"].values():
        each.pop("description", None)
    return msgspec.json.format(msgspec.json.encode(found)).decode() + "\n"


def files() -> dict[Path, str]:
    """Every generated file and its text."""
    pages = {REFERENCE / "options.md": option_page()}
    schemas = {
        REFERENCE / "schemas" / f"{name}.json": schema(each) for name, each in RECORDS.items()
    }
    return pages | schemas


def main() -> None:
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
