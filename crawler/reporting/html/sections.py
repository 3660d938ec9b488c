"""Building blocks that all HTML reports share."""

from collections.abc import Iterable

from crawler.model.version import __version__
from crawler.reporting.html.elements import Markup, element, join


def header(kind: str, name: str, summary: str) -> Markup:
    """The head of a report: its ``kind``, the ``name`` of the run, and its ``summary`` line."""
    return element(
        "header",
        element("p", f"crawler {__version__} · {kind}", class_="quiet"),
        element("h1", name),
        element("p", summary, class_="sub"),
    )


def section(heading: str, *content: str, class_: str | None = None) -> Markup:
    name = heading.lower().replace(" ", "-")
    title = element("h2", heading, id=f"h-{name}")
    return element("section", title, *content, class_=class_, aria_labelledby=f"h-{name}")


def facts(*pairs: tuple[str, str]) -> Markup:
    """Labels and their texts."""
    groups = (element("div", element("dt", label), element("dd", text)) for label, text in pairs)
    return element("dl", *groups)


def dotted(items: Iterable[str]) -> Markup:
    """Phrases on one line; a line that is too long is broken only between phrases."""
    wholes = [element("span", item, class_="whole") for item in items]
    return join([*wholes[:1], *(join([" · ", each]) for each in wholes[1:])])


def bullets(items: Iterable[str], class_: str | None = None) -> Markup:
    """A list; nothing if it has no items."""
    lines = [element("li", item) for item in items]
    return element("ul", *lines, class_=class_) if lines else join([])


def more(summary: str, content: str) -> Markup:
    """``content``, which the reader can unfold by its ``summary``."""
    return element("details", join([element("summary", summary), content]))
