"""The files of ``--out``: which are made late, what may be removed, and how one appears whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crawler.app.run_dir import Run
from crawler.model.errors import writing
from crawler.model.files import check_file, sync
from crawler.parsing.extract.rules import ExtractRules
from crawler.settings import Settings
from crawler.sinks.file import FileWriter
from crawler.sinks.formats import files_of, format_of


def spooled(settings: Settings) -> tuple[str, ...]:
    """The files that cannot be written while the crawl runs, but are made at its end."""
    return tuple(
        each
        for each in settings.out
        if isinstance(each, str) and each != "-" and format_of(Path(each)).spooled
    )


def reserve(run: Run, path: Path) -> None:
    """Create the file for what comes late, so that it is known now whether that is possible.

    Raises StateError.
    """
    FileWriter(path, resumed=run.resumed).close()


def remove(path: Path) -> None:
    """Make room for a new output. Raises StateError for anything but a file."""
    for each in files_of(path):
        with writing(each):
            check_file(each)
            each.unlink(missing_ok=True)


def draft_of(path: Path) -> Path:
    """Where ``replacing`` makes the file that will be at ``path``."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path for a file that will replace ``path`` at the end, unless there is an error.

    Raises StateError.
    """
    draft = draft_of(path)
    remove(draft)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with writing(path):
            sync(draft)
            check_file(path)
            draft.replace(path)
            sync(path.parent)
    except BaseException:
        remove(draft)
        raise


def has_several(extract: ExtractRules | None, parser: object) -> bool:
    """Whether a page may have a list of records as its fields."""
    by_rules = extract is not None and extract.several
    return by_rules or parser is not None  # a function may return one


def fixed_fields(extract: ExtractRules | None, parser: object) -> tuple[str, ...] | None:
    """The names of the fields that every page has, None if they are not known before."""
    if extract is None or parser is not None:  # a function may return any other field
        return None
    return extract.names
