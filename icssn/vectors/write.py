"""Write labels and candidates as GeoPackage or GeoJSON, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from icssn.durable import whole_file
from icssn.errors import LabelsRefusedError
from icssn.geo import crs
from icssn.records import Candidate, Label, RasterFacts

_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON"}


def write_labels(path: Path, labels: Sequence[Label], *, facts: RasterFacts) -> int:
    """Write labels in the scene's CRS (GeoJSON: longitude/latitude); gives their count.

    Areas are geodesic on WGS 84, in m². The ending chooses the format: .gpkg, .geojson or .json.
    """
    rows = [
        {
            **{key: value for key, value in label.attributes.items() if key.lower() not in ("fid", "geometry", "geom")},
            "uid": label.uid,
            "class": label.cls.value,
            "source": label.source.value,
            "status": label.status.value,
            "version": label.version,
            "mapper": label.updated_by,
            "updated_at": label.updated_at.isoformat(),
            "area_m2": round(crs.area_m2(label.geometry_lonlat), 1),
        }
        for label in labels
    ]
    return _write(path, rows, [label.geometry_lonlat for label in labels], layer="labels", facts=facts)


def write_candidates(path: Path, candidates: Sequence[Candidate], *, facts: RasterFacts) -> int:
    """Write candidates with their scores in the scene's CRS; gives their count."""
    rows = [
        {
            "id": candidate.id,
            "score": candidate.score,
            "mask_score": candidate.mask_score,
            "classifier_score": candidate.classifier_score,
            "area_m2": round(candidate.area_m2, 1),
            "status": candidate.status.value,
            "look_alike": candidate.look_alike,
        }
        for candidate in candidates
    ]
    outlines = [candidate.geometry_lonlat for candidate in candidates]
    return _write(path, rows, outlines, layer="candidates", facts=facts)


def _write(path: Path, rows: list[dict[str, Any]], geometries: list[Any], *, layer: str, facts: RasterFacts) -> int:
    import geopandas as gpd  # a second to import, and only exports need it

    driver = _DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise LabelsRefusedError(
            path.name,
            found=f"the ending '{path.suffix}'",
            needed="one of " + ", ".join(_DRIVERS),
            remedy="Choose another file name.",
        )
    frame = gpd.GeoDataFrame(rows, geometry=geometries, crs="EPSG:4326")
    if driver == "GPKG":
        frame = frame.to_crs(facts.crs_wkt)
    with whole_file(path) as draft:
        frame.to_file(draft, driver=driver, layer=layer, engine="pyogrio")
    return len(rows)
