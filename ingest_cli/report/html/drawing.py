"""Figures as SVG that belongs to the page: its colours, its fonts, its width, nothing of its own.

Each figure is drawn twice, for a phone and for a wide screen or paper: text that is scaled down to a phone's width
could not be read. The page shows the one that fits.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

NARROW, WIDE = 328.0, 720.0
"""Widths in CSS pixels: a phone of 360 with a margin, and a column of text."""

INK, MUTED, GRID, BLUE, ORANGE, GREEN, RED = (f"#0{digit}0b0c" for digit in "1234567")
"""Colours stand for what the page calls them, in light and in dark; see `_COLOURS`."""

_COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    BLUE: "var(--blue)",
    ORANGE: "var(--orange)",
    GREEN: "var(--green)",
    RED: "var(--red)",
}
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_HREF = f"{{{_XLINK}}}href"
_FONT_FAMILY = re.compile(r"font-family: [^;]*;? ?|(?<=px) '[^;]*")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched, and has the page's font
    "text.parse_math": False,  # the name of a column may well have two dollar signs in it
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "xtick.minor.size": 0,
}


def both(draw: Callable[[Figure], None], height: float, name: str, text: str) -> dict[str, str]:
    """A figure for narrow and for wide screens, as SVG elements by these names.

    Args:
        draw: draws on an empty figure.
        height: of it, in CSS pixels.
        name: no other figure of the page has it.
        text: what it shows, for those who cannot see it.
    """
    return {
        size: svg(draw, width, height, f"{name} {size}", text) for size, width in (("narrow", NARROW), ("wide", WIDE))
    }


def svg(draw: Callable[[Figure], None], width: float, height: float, name: str, text: str) -> str:
    """One figure as an SVG element."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where its fonts are is no news to an operator
    # Points are pixels here: 72 to the inch.
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a sign that the font lacks: the reader's browser has another
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        FigureCanvasSVG(figure)
        draw(figure)
        out = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", metadata=nothing)
    return _of_the_page(out.getvalue(), text)


def _of_the_page(drawn: str, text: str) -> str:
    """What Matplotlib wrote, without what the page has already, or must not have twice."""
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    root = ET.fromstring(drawn)  # noqa: S314 - made by Matplotlib a moment ago
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"}:
                parent.remove(child)
    elements = list(root.iter())
    used = {name for one in elements for value in one.attrib.values() for name in _REFERENCE.findall(value)}
    used |= {one.attrib[_HREF].removeprefix("#") for one in elements if _HREF in one.attrib}
    for one in elements:
        one.tail = None
        if one.tag != f"{{{_SVG}}}text":
            one.text = None
        if one.attrib.get("id") not in used:
            one.attrib.pop("id", None)
        if style := one.attrib.get("style"):
            one.set("style", _FONT_FAMILY.sub("", _coloured(style)).replace("font: ", "font-size: "))
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.set("role", "img")
    root.set("aria-label", text)
    return ET.tostring(root, encoding="unicode")


def _coloured(style: str) -> str:
    for stand_in, colour in _COLOURS.items():
        style = style.replace(stand_in, colour)
    return style
