"""Figures inside the page: SVG whose text can be searched, without ids that meet."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from matplotlib.figure import Figure

from segtool.plots import to_svg

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
KEPT = {
    "svg",
    "g",
    "path",
    "rect",
    "circle",
    "line",
    "text",
    "tspan",
    "use",
    "defs",
    "clipPath",
    "pattern",
    "style",
    "title",
}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def inline_svg(figure: Figure, name: str, title: str) -> str:
    """Return a figure as an SVG element for a page that holds several.

    Parameters
    ----------
    figure : Figure
    name : str
        Put before every id, so that two figures of one page never share one.
    title : str
        What a screen reader says.

    Returns
    -------
    str
        Only shapes and texts: no links, no scripts, no images from elsewhere.
    """
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(to_svg(figure))
    _keep_shapes(root)
    _prefix_ids(root, name)
    root.attrib.pop("height", None)
    root.attrib.pop("width", None)
    root.set("role", "img")
    root.set("aria-label", title)
    root.set("style", f"--wide: {_view_width(root):.0f}px")
    return ElementTree.tostring(root, encoding="unicode")


def _view_width(root) -> float:
    """Return the width at which the figure's 10 pt text is read like the page's own: 4/3 px per pt."""
    return float(root.get("viewBox").split()[2]) * 4 / 3


def _keep_shapes(element) -> None:
    for child in list(element):
        if child.tag.removeprefix(f"{{{SVG}}}") in KEPT:
            _keep_shapes(child)
        else:
            element.remove(child)


def _prefix_ids(root, name: str) -> None:
    """Prefix the ids something refers to, and drop the rest (matplotlib names every patch)."""
    used = set()
    for element in root.iter():
        used.update(match for value in element.attrib.values() for match in _REFERENCE.findall(value))
        used.update(value[1:] for key, value in element.attrib.items() if key.endswith("href"))
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id" and value not in used:
                del element.attrib[key]
            elif key == "id":
                element.set(key, f"{name}-{value}")
            elif key.endswith("href"):
                element.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, _REFERENCE.sub(rf"url(#{name}-\1)", value))
