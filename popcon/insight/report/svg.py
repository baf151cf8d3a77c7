"""In: a Vega-Lite specification, a title, a description. Out: an SVG to stand in a page, as text."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import vl_convert

_NAMESPACE = "http://www.w3.org/2000/svg"
#: What says nothing in a picture that is read as one: `role="img"`.
_DROPPED = ("pointer-events", "class", "opacity", "font-family", "stroke-miterlimit")
#: The versions whose words our specifications use; a later `vl-convert` has it, too.
_VEGA_LITE = "v5.20"


def drawn(spec: dict[str, Any], name: str, title: str, description: str, kind: str = "") -> str:
    """Return the picture. `name` makes ids of its own, `kind` is a class. No address is asked."""
    text = vl_convert.vegalite_to_svg(spec, vl_version=_VEGA_LITE, allowed_base_urls=[])
    root = ElementTree.fromstring(text)  # noqa: S314 - drawn a moment ago, of our own specification
    _slim(root)
    for left in ("version", "class"):
        root.attrib.pop(left, None)
    if kind:
        root.set("class", kind)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for tag, words in (("desc", description), ("title", title)):
        element = ElementTree.Element(f"{{{_NAMESPACE}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = words
        root.insert(0, element)
    ElementTree.register_namespace("", _NAMESPACE)
    return ElementTree.tostring(root, encoding="unicode")


def _slim(element: ElementTree.Element) -> None:
    """Take away what nobody sees or hears: empty groups, hidden paths, a role for each mark."""
    for child in list(element):
        _slim(child)
        tag = child.tag.rpartition("}")[2]
        empty = tag == "g" and not len(child)
        blank = tag == "path" and (child.get("display") == "none" or not child.get("d"))
        blank = blank or (tag == "text" and not child.text) or child.get("d") == "M0,0h0v0h0Z"
        if empty or blank:
            element.remove(child)
    for key in list(element.attrib):
        if key in _DROPPED or key == "role" or key.startswith("aria-"):
            if key == "opacity" and element.get(key) != "1":
                continue
            del element.attrib[key]
