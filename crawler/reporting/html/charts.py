"""Charts without scripts: SVG with lengths in percent and pixels, so that they fit any width."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

import msgspec

from crawler.model.units import percent
from crawler.reporting.html.elements import Markup, Value, element, join

Span = tuple[float, float]


class Part(msgspec.Struct, frozen=True):
    """A part of a whole: ``name`` selects the colour, ``text`` is the value as shown."""

    name: str
    value: float
    text: str
    means: str


def stacked(parts: Sequence[Part], label: str) -> Markup:
    """Draw a bar of all ``parts`` to scale, in order; screen readers read the ``label``."""
    whole = sum(part.value for part in parts) or 1.0
    ends = list(accumulate((part.value for part in parts), initial=0.0))
    blocks = (
        element(
            "rect",
            element("title", f"{part.name} {percent(part.value / whole)}"),
            class_=f"fill-{part.name}",
            x=_share(start / whole),
            width=_share(part.value / whole),
            height="100%",
        )
        for part, start in zip(parts, ends, strict=False)
        if part.value > 0
    )
    return element("svg", *blocks, class_="bar", role="img", aria_label=label)


def legend(parts: Sequence[Part], label: str) -> Markup:
    """A table with the numbers of a bar: swatch, meaning, share and value of each part."""
    whole = sum(part.value for part in parts) or 1.0
    rows = (
        row(
            join([swatch(part.name), named(part.name, part.means)]),
            percent(part.value / whole),
            part.text,
        )
        for part in parts
    )
    return table(label, ("part", "share", "time"), rows, class_="parts")


def named(name: str, means: str) -> Markup:
    """A name, and next to or below it what it means."""
    return join([name, " ", element("span", means, class_="means")])


def key(means: Mapping[str, str], prefix: str = "") -> Markup:
    """A list that explains the colours; a swatch is named by ``prefix`` and the name."""
    marks = (
        element("li", swatch(f"{prefix}{name}"), f" {name}", title=says)
        for name, says in means.items()
    )
    return element("ul", *marks, class_="marks")


def swatch(name: str) -> Markup:
    """A small block in the colour and pattern of ``name``."""
    block = element("rect", class_=f"fill-{name}", width="100%", height="100%")
    return element("svg", block, class_="swatch", aria_hidden="true")


def row(head: str, *cells: str) -> Markup:
    """A table row; its first cell is the heading of the row."""
    return element("tr", element("th", head, scope="row"), *(element("td", cell) for cell in cells))


def table(label: str, heads: Sequence[str], rows: Iterable[str], **attributes: Value) -> Markup:
    """A table of ``rows`` below ``heads``; it scrolls on its own if the page is too narrow."""
    head = element("tr", *(element("th", name, scope="col") for name in heads))
    whole = element("table", element("thead", head), element("tbody", *rows), **attributes)
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=label)


def area(values: Sequence[float], label: str) -> Markup:
    """Draw ``values`` at equal distances, on a scale from 0 to the largest."""
    top = max(values, default=0.0) or 1.0
    # Steps, not slopes: a value applies to the whole of its interval.
    line = "".join(f"V{100 - 100 * value / top:.2f}h1" for value in values)
    path = element("path", class_="area", d=f"M0 100{line}V100Z")
    return element(
        "svg",
        path,
        class_="plot",
        viewBox=f"0 0 {max(1, len(values))} 100",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def framed(plot: str, top: str, ends: Sequence[str]) -> Markup:
    """A plot with labelled axes: ``top`` is the largest value, ``ends`` go below, left to right."""
    return element(
        "div",
        element("div", element("span", top), element("span", "0"), class_="y"),
        plot,
        element("div", *(element("span", end) for end in ends), class_="x"),
        class_="framed",
    )


def spread(
    dots: Sequence[float],
    low: float,
    high: float,
    middle: float,
    span: Span,
    shaded: Span | None = None,
) -> Markup:
    """Draw ``dots``, and an interval with its middle, on a scale that covers ``span``."""
    start, end = span

    def at(value: float) -> str:
        return _share((value - start) / (end - start) if end > start else 0.5)

    band = []
    if shaded is not None:
        width = _share((shaded[1] - shaded[0]) / (end - start))
        band = [element("rect", class_="shaded", x=at(shaded[0]), width=width, height="100%")]
    return element(
        "svg",
        *band,
        element("line", class_="axis", x1="0", x2="100%", y1="50%", y2="50%"),
        element("line", class_="interval", x1=at(low), x2=at(high), y1="50%", y2="50%"),
        *(element("circle", class_="dot", cx=at(dot), cy="50%", r="4") for dot in dots),
        element("line", class_="middle", x1=at(middle), x2=at(middle), y1="15%", y2="85%"),
        class_="spread",
        aria_hidden="true",
    )


def _share(part: float) -> str:
    return f"{100 * part:.3f}%"
