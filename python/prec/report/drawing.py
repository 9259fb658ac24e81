# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Charts as the bytes of a PNG or an SVG. Vega's SVG loses what no picture shows: classes and
roles, paths without colour, groups around nothing. It looks the same and takes half of the room.
"""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import vl_convert

NAMESPACE = "http://www.w3.org/2000/svg"
DEFAULTS = {"opacity": "1", "transform": "translate(0,0)", "display": "inline"}
SMALL_POINTS = {"size": 12}  # of curves
UNSEEN = {"class", "role", "pointer-events"}  # by a reader of the picture


def picture(chart: Any, kind: str) -> bytes:
    """The bytes of an SVG or PNG file, without what only a page can use: small points, and the
    texts for screen readers that each mark has; a picture has its own."""
    spec = _without_points(chart.to_dict())
    spec["config"] = {**spec.get("config", {}), "aria": False}
    if kind == "svg":
        return slim(vl_convert.vegalite_to_svg(spec)).encode()
    return vl_convert.vegalite_to_png(spec, scale=2)


def _without_points(spec: Any) -> Any:
    """Without the small points of curves, which are for the mouse."""
    if isinstance(spec, list):
        return [_without_points(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    return {name: _without_points(part) for name, part in spec.items()
            if not (name == "point" and part == SMALL_POINTS)}  # fmt: skip


def slim(text: str) -> str:
    """The same picture in fewer bytes."""
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.fromstring(re.sub(r"(\.\d\d)\d+", r"\1", text))  # a hundredth of a pixel is fine enough
    # The root's own group sets what all inherit: it stays.
    root[:] = [kept for child in root for kept in _slimmed(child)]
    root.attrib.pop("class", None)
    return ElementTree.tostring(root, encoding="unicode")


def _slimmed(element: Element) -> Iterator[Element]:
    """What is left of an element: itself, the children of a group that says nothing, or nothing."""
    for name, value in list(element.attrib.items()):
        if name in UNSEEN or name.startswith("aria-") or DEFAULTS.get(name) == value:
            del element.attrib[name]
    kind = element.tag.rsplit("}", 1)[-1]
    if kind == "path" and not {"fill", "stroke"} & set(element.attrib):
        return
    if kind != "g":
        yield element
        return
    children = [kept for child in element for kept in _slimmed(child)]
    if element.attrib and children:
        element[:] = children
        yield element
    else:
        yield from children
