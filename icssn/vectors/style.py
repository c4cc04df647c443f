"""How QGIS draws our labels: colour by class, line by confidence; told apart by colour-blind readers and by line."""

from __future__ import annotations

from xml.etree import ElementTree as ET

# Okabe & Ito 2008, as on our own maps: yellow landslides, purple look-alikes, white label areas.
_YELLOW, _PURPLE, _WHITE = "240,228,66,255", "204,121,167,255", "255,255,255,255"
_SLIDE = '"class" = \'landslide\' AND "confidence"'
_OUTLINES = (
    ("Landslide, confidence high", f"{_SLIDE} = 'high'", _YELLOW, "solid"),
    ("Landslide, confidence moderate", f"{_SLIDE} = 'moderate'", _YELLOW, "dash"),
    ("Landslide, confidence low", f"{_SLIDE} = 'low'", _YELLOW, "dot"),
    ("Landslide", f"{_SLIDE} IS NULL", _YELLOW, "solid"),
    ("Look-alike", "\"class\" = 'hard_negative'", _PURPLE, "dot"),
    ("Label area", "\"class\" = 'label_area'", _WHITE, "dash dot"),
)


def outlines_qml() -> str:
    """Give the QGIS style of the layer of outlines."""
    qgis, renderer = _document("RuleRenderer")
    rules = ET.SubElement(renderer, "rules", key="all")
    symbols = ET.SubElement(renderer, "symbols")
    for number, (label, condition, colour, line) in enumerate(_OUTLINES):
        ET.SubElement(rules, "rule", key=f"rule{number}", symbol=str(number), filter=condition, label=label)
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=str(number), alpha="1", clip_to_extent="1")
        casing = {"outline_color": "0,0,0,110", "outline_width": "0.9", "outline_style": "solid"}
        own = {"outline_color": colour, "outline_width": "0.6", "outline_style": line}
        for options in (casing, own):
            layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
            _options(layer, {"style": "no", "outline_width_unit": "MM", "joinstyle": "round"} | options)
    return _text(qgis, geometry="2")


def points_qml() -> str:
    """Give the QGIS style of the layer of landslide points."""
    qgis, renderer = _document("singleSymbol")
    symbols = ET.SubElement(renderer, "symbols")
    symbol = ET.SubElement(symbols, "symbol", type="marker", name="0", alpha="1", clip_to_extent="1")
    layer = ET.SubElement(symbol, "layer", {"class": "SimpleMarker", "enabled": "1", "locked": "0", "pass": "0"})
    _options(
        layer,
        {
            "name": "triangle",
            "color": "240,228,66,255",
            "outline_color": "0,0,0,255",
            "outline_width": "0.3",
            "size": "3.2",
            "size_unit": "MM",
        },
    )
    return _text(qgis, geometry="0")


def _document(renderer: str) -> tuple[ET.Element, ET.Element]:
    qgis = ET.Element("qgis", version="3.28", styleCategories="Symbology")
    return qgis, ET.SubElement(qgis, "renderer-v2", type=renderer, symbollevels="0", enableorderby="0", forceraster="0")


def _options(layer: ET.Element, options: dict[str, str]) -> None:
    """Write a symbol layer's properties in both forms: QGIS 3.20 and newer read the first, older ones the second."""
    named = ET.SubElement(layer, "Option", type="Map")
    for name, value in options.items():
        ET.SubElement(named, "Option", name=name, value=value, type="QString")
    for name, value in options.items():
        ET.SubElement(layer, "prop", k=name, v=value)


def _text(qgis: ET.Element, *, geometry: str) -> str:
    ET.SubElement(qgis, "layerGeometryType").text = geometry
    ET.indent(qgis)
    head = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return head + ET.tostring(qgis, encoding="unicode")
