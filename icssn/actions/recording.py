"""What can be said about labels: their whole landslide record, and what looks wrong with them."""

from __future__ import annotations

from collections.abc import Sequence

from shapely.geometry.base import BaseGeometry

from icssn.actions.disputes import dispute_warnings, open_disputes
from icssn.actions.whereabouts import heights_of
from icssn.errors import NotFoundError
from icssn.geo import measures
from icssn.imagery.terrain import Terrain, terrain
from icssn.imagery.valid import nodata_lonlat
from icssn.records import (
    Edits,
    Label,
    LabelMeasures,
    LabelOrigin,
    LabelRecord,
    LabelSource,
    LabelWarning,
    Scene,
)
from icssn.store import labels, scenes
from icssn.store.origins import origins
from icssn.store.workspace import Workspace
from icssn.vectors import warn


def label_records(ws: Workspace, scene_id: str, *, uids: Sequence[str] | None = None) -> list[LabelRecord]:
    """Give the whole landslide record of labels: entered, measured on outline and terrain, recorded.

    Where the scene's elevation model is gone, nothing is measured on terrain.

    Args:
        uids: Of the labels wanted; all of the scene's without.

    Raises:
        NotFoundError: There is no such scene.
        RasterRefusedError: The scene's elevation model is damaged.
    """
    scene = scenes.get(ws.db, scene_id)
    wanted = labels.current(ws.db, scene_id)
    if uids is not None:
        wanted = [label for label in wanted if label.uid in set(uids)]
    made = origins(ws.db, scene_id)
    return [
        LabelRecord(label=label, measures=measured, provenance=provenance_of(label, made[label.uid], scene))
        for label, measured in zip(wanted, _measures(wanted, scene), strict=True)
    ]


def measure_label(ws: Workspace, scene_id: str, uid: str) -> LabelMeasures:
    """Give what the outline of one label and the terrain under it measure; raises as `label_records`.

    Raises:
        NotFoundError: The scene has no such label.
    """
    found = label_records(ws, scene_id, uids=[uid])
    if not found:
        raise NotFoundError("label", uid)
    return found[0].measures


def measure_outline(
    ws: Workspace, scene_id: str, geometry_lonlat: BaseGeometry, *, volume_m3: float | None = None
) -> LabelMeasures:
    """Give what an outline that need not be saved and the terrain under it measure.

    Args:
        ws: The workspace.
        scene_id: The scene it is drawn on.
        geometry_lonlat: Polygon, MultiPolygon or Point in EPSG:4326.
        volume_m3: Where it is known, for the size class.

    Raises:
        NotFoundError: There is no such scene.
        RasterRefusedError: The scene's elevation model is damaged.
    """
    attributes = {} if volume_m3 is None else {"volume_m3": volume_m3}
    drawn = Label(uid="drawn", scene_id=scene_id, geometry_lonlat=geometry_lonlat, attributes=attributes)
    return _measures([drawn], scenes.get(ws.db, scene_id))[0]


def check_labels(ws: Workspace, scene_id: str, drafts: Edits | None = None) -> list[LabelWarning]:
    """Give what looks wrong with a scene's labels: overlaps, slivers, outlines off the image, unlikely sizes.

    What the last cross-validation disputes (`disputed_labels`) stands at the end.

    Args:
        ws: The workspace.
        scene_id: The scene.
        drafts: Edits that are not saved yet; the labels are looked at as if they were, whatever their versions.

    Raises:
        NotFoundError: There is no such scene.
        RasterRefusedError: The scene's file is gone or damaged.
    """
    scene = scenes.get(ws.db, scene_id)
    image = ws.path(scene.tiles) if scene.tiles else scene.raster  # the copy for the map has overviews
    standing = _with_drafts(labels.current(ws.db, scene_id), drafts or Edits(), scene_id)
    slips = warn.warnings_about(standing, facts=scene.facts, nodata_lonlat=nodata_lonlat(image))
    return [*slips, *dispute_warnings(open_disputes(ws, scene_id, {label.uid: label for label in standing}))]


def _with_drafts(saved: list[Label], drafts: Edits, scene_id: str) -> list[Label]:
    standing = {label.uid: label for label in saved}
    for gone in drafts.deleted:
        standing.pop(gone.uid, None)
    for change in drafts.changed:
        if change.uid in standing:
            values = change.model_dump(include={"cls", "status", "attributes"}, exclude_none=True)
            outline = {} if change.geometry_lonlat is None else {"geometry_lonlat": change.geometry_lonlat}
            values["version"] = standing[change.uid].version + 1  # as it will be
            standing[change.uid] = standing[change.uid].model_copy(update=values | outline)
    for new in drafts.created:
        standing[new.uid] = Label(scene_id=scene_id, **dict(new))
    return list(standing.values())


def _measures(wanted: Sequence[Label], scene: Scene) -> list[LabelMeasures]:
    outlines = [label.geometry_lonlat for label in wanted]
    dem = heights_of(scene)
    grounds = terrain(dem, outlines) if dem else [None] * len(wanted)
    return [_measured(label, ground) for label, ground in zip(wanted, grounds, strict=True)]


def _measured(label: Label, ground: Terrain | None) -> LabelMeasures:
    on_map = measures.measures(
        label.geometry_lonlat,
        downslope_deg=ground.downslope_deg if ground else None,
        volume_m3=label.attributes.get("volume_m3"),
    )
    if ground is None:
        return on_map
    return on_map.model_copy(
        update={
            "slope_deg": ground.slope_deg,
            "relief_m": ground.highest_m - ground.lowest_m,
            "crown_elevation_m": ground.highest_m,
            "toe_elevation_m": ground.lowest_m,
        }
    )


def provenance_of(label: Label, origin: LabelOrigin, scene: Scene) -> dict[str, str]:
    """Give the recorded fields of a label's landslide record: who made it, when, from what, and how."""
    if label.source is LabelSource.predicted:
        untouched = origin.proposed_lonlat is not None and origin.proposed_lonlat.equals(label.geometry_lonlat)
        method = "model" if untouched else "model_edited"
    else:
        method = "imported" if label.source is LabelSource.imported else "manual"
    known = {
        "mapper": origin.mapper,
        "mapped_on": origin.at.date().isoformat(),
        "source_image": scene.name,
        "method": method,
        "model_round": origin.model_round,
    }
    return {key: value for key, value in known.items() if value}
