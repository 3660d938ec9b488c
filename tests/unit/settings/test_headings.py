"""Each heading of the help has a file of its own, in the order of the help."""

from inspect import get_annotations
from itertools import groupby

from crawler.settings import Settings, options


def test_each_file_has_the_options_of_its_heading() -> None:
    headings = [(key, [each.name for each in members]) for key, members in by_heading()]
    structs = [each for each in reversed(Settings.__mro__) if own_fields(each)]
    assert [(file_name(each), own_fields(each)) for each in structs] == headings


def test_no_heading_appears_twice() -> None:
    headings = [key for key, _ in by_heading()]
    assert len(headings) == len(set(headings))


def by_heading() -> groupby:
    return groupby(options(), key=lambda option: option.extra["group"])


def file_name(struct: type) -> str:
    return struct.__module__.rpartition(".")[2]


def own_fields(struct: type) -> list[str]:
    return list(get_annotations(struct))
