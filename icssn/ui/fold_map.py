"""A small picture of a scene with the blocks of a cross-validation and the F1 of each."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import shapely
from PIL import Image

from icssn.chips.ground import to_lonlat
from icssn.chips.split import grown
from icssn.imagery.picture import picture
from icssn.records import Fold, Scene
from icssn.store.workspace import Workspace
from icssn.ui import measures
from icssn.ui.palette import ORANGE

_SIDE_PX = 400
_PALE = 0.35  # how far the image is blended into white, so that lines and figures stand out


def drawn(ws: Workspace, scene: Scene, folds: Sequence[Fold]) -> str:
    """Give an SVG picture of a scene whose map is ready: pale, each block outlined, its F1 in the middle.

    Raises:
        RasterRefusedError: The map copy is missing or damaged.
    """
    sheet, place = picture(ws.path(scene.tiles or ""), scene.facts.bounds_lonlat, most_px=_SIDE_PX)
    paper = Image.new("RGBA", sheet.size, "white")
    pale = Image.blend(Image.alpha_composite(paper, sheet), paper, _PALE)
    width, height = pale.size
    unit = max(width, height)
    parts = []
    for fold in folds:
        outline = to_lonlat(grown(fold.rectangle_px, 0), scene.facts)
        corners = [place(lon, lat) for lon, lat in shapely.get_coordinates(outline)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        x, y = (sum(values) / 4 for values in zip(*corners[:4], strict=True))
        parts += [
            f'<polygon points="{points}" fill="none" stroke="#000" stroke-width="{unit / 90:.1f}"/>',
            f'<polygon points="{points}" fill="none" stroke="{ORANGE}" stroke-width="{unit / 180:.1f}"/>',
            f'<text x="{x:.1f}" y="{y:.1f}" paint-order="stroke" stroke="#fff" stroke-width="{unit / 60:.1f}"'
            f' font-size="{unit / 14:.1f}">{measures.two(fold.f1)}</text>',
        ]
    file = io.BytesIO()
    pale.convert("RGB").save(file, "JPEG", quality=80)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-weight="600" text-anchor="middle" dominant-baseline="central" fill="#111"'
        ' stroke-linejoin="round">'
        f'<image href="data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"'
        f' width="{width}" height="{height}"/>{"".join(parts)}</svg>'
    )
