"""A printable evidence sheet for one landslide: pictures, profile, record; one HTML file that needs no other."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import shapely
from PIL import Image
from shapely.geometry.base import BaseGeometry

from icssn.imagery.picture import Place
from icssn.records import LabelRecord
from icssn.review.terrain import Profile, Relief

Words = Mapping[str, str]  # the catalogue of a language, by dotted key

_WIDTH, _HEIGHT = 640, 150  # of the profile
_HIDDEN = ("geometry", "uid")
_STYLE = """
@page { size: A4; margin: 14mm; }
body { font: 10.5pt/1.4 system-ui, "Segoe UI", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif;
       color: #22303a; max-width: 180mm; margin: 8mm auto; }
@media print { body { margin: 0; } }
h1 { font-size: 15pt; margin: 0; } h2 { font-size: 10.5pt; margin: 5mm 0 1mm; color: #0f6e84; }
p { margin: 0 0 2mm; } .quiet { color: #65747d; }
.pictures { display: flex; gap: 3mm; margin-top: 4mm; } figure { margin: 0; flex: 1; position: relative; }
figure img, figure svg { display: block; width: 100%; } figure svg { position: absolute; inset: 0; }
figcaption { font-size: 9pt; color: #65747d; }
table { width: 100%; border-collapse: collapse; align-self: start; }
td { padding: .6mm 0; border-bottom: 1px solid #e6ecef; vertical-align: top; }
td:first-child { color: #65747d; width: 46%; }
.check { border-left: 3px solid #e69f00; padding-left: 2mm; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 0 8mm; break-inside: avoid; }
"""


@dataclass(frozen=True)
class View:
    """One picture of the ground: the phrase that names it, its pixels, and where places lie on it."""

    name: str
    image: Image.Image
    place: Place


def sheet(
    record: LabelRecord, *, title: str, views: Sequence[View], relief: Relief | None, values: Words, words: Words
) -> str:
    """Give the sheet of one landslide as HTML.

    Args:
        record: What is known of it.
        title: Heading, e.g. scene and number.
        views: Pictures of its ground.
        relief: What the elevation model says; None without one.
        values: The record's values, ready to read, by field.
        words: The catalogue.
    """
    checks = "".join(
        f'<p class="check">{escape(words[f"map.check_{key}"].format(**found))}</p>'
        for key, found in (relief.checks if relief else ())
    )
    rows = [
        f"<tr><td>{escape(words.get(f'record.{key}', key))}</td><td>{escape(value)}</td></tr>"
        for key, value in values.items()
        if key not in _HIDDEN
    ]
    half = (len(rows) + 1) // 2
    pictures = "".join(_figure(view, record.label.geometry_lonlat, words) for view in views)
    profile = _profile(relief.profile, words) if relief and relief.profile else ""
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f'<body><h1>{escape(title)}</h1><p class="quiet">{escape(record.label.uid)}</p>'
        f'<div class="pictures">{pictures}</div>{profile}{checks}<h2>{escape(words["sheet.record"])}</h2>'
        f'<div class="two"><table>{"".join(rows[:half])}</table><table>{"".join(rows[half:])}</table></div>'
        "</body></html>"
    )


def index(entries: Sequence[tuple[str, str]], *, title: str) -> str:
    """Give the list of all sheets, (file name, heading) each, as HTML."""
    items = "".join(f'<li><a href="{escape(name)}">{escape(heading)}</a></li>' for name, heading in entries)
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1><ol>{items}</ol></body></html>"
    )


def _figure(view: View, outline_lonlat: BaseGeometry, words: Words) -> str:
    file = io.BytesIO()
    paper = Image.new("RGBA", view.image.size, "white")
    Image.alpha_composite(paper, view.image).convert("RGB").save(file, "JPEG", quality=85)
    width, height = view.image.size
    rings = "".join(
        f'<polygon points="{_points(part, view.place)}" fill="none" stroke="{colour}" stroke-width="{stroke}"/>'
        for part in shapely.get_parts(outline_lonlat)
        for colour, stroke in (("#000000a0", 5), ("#f0e442", 2.5))
        if part.geom_type == "Polygon"
    )
    return (
        f'<figure><img alt="" src="data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}">'
        f'<svg viewBox="0 0 {width} {height}" style="height:auto">{rings}</svg>'
        f"<figcaption>{escape(words[view.name])}</figcaption></figure>"
    )


def _points(polygon: BaseGeometry, place: Place) -> str:
    ring = shapely.get_coordinates(shapely.get_exterior_ring(polygon))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(lon, lat) for lon, lat in ring))


def _profile(profile: Profile, words: Words) -> str:
    low, high = min(profile.elevation_m), max(profile.elevation_m)
    far = max(profile.distance_m[-1], 1.0)

    def at(distance_m: float, elevation_m: float) -> str:
        share = (elevation_m - low) / max(high - low, 1.0)
        return f"{distance_m / far * _WIDTH:.1f},{_HEIGHT - 8 - share * (_HEIGHT - 16):.1f}"

    line = " ".join(at(d, e) for d, e in zip(profile.distance_m, profile.elevation_m, strict=True))
    start, end = (value / far * _WIDTH for value in profile.inside_m)
    return (
        f"<h2>{escape(words['map.profile'])}</h2>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="100%" style="background:#f4f7f8">'
        f'<rect x="{start:.1f}" y="0" width="{max(0, end - start):.1f}" height="{_HEIGHT}" fill="#f0e44266"/>'
        f'<polyline points="{line}" fill="none" stroke="#22303a" stroke-width="2"/></svg>'
        f'<p class="quiet">{profile.elevation_m[0]:.0f} m – {profile.elevation_m[-1]:.0f} m · '
        f"{escape(words['map.profile_length'].format(length=f'{far:.0f}'))}</p>"
    )
