"""Read labels from vector files: carried to longitude/latitude, repaired with notice, mapped to the record."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from icssn import landslide_record
from icssn.errors import AttributeRefusedError, LabelsRefusedError
from icssn.records import (
    ColumnPreview,
    ImportPreview,
    LabelClass,
    LabelSource,
    LabelStatus,
    NewLabel,
    RasterFacts,
    new_id,
)
from icssn.vectors import check, mapping
from icssn.vectors.features import LONLAT, Features, as_text, refused
from icssn.vectors.source import features

_SAMPLES = 3  # values of a column shown in a preview
_MOST_PROBLEMS = 10  # told in a preview
_DIGITS = re.compile(r"[0-9]{1,9}")
_UID = re.compile(r"[0-9a-zA-Z_-]{1,64}")


@dataclass(frozen=True)
class Stated:
    """What an export of ours says of one label beside its record; of another file nothing.

    Attributes:
        cls: Its class, None where the cell is empty: a feature that was added elsewhere.
        status: Its status, None where the cell is empty.
        version: The label's when it was written.
        at: Since when the label was as it was written; None also where the file gives no time zone.
    """

    cls: LabelClass | None = None
    status: LabelStatus | None = None
    version: int | None = None
    at: dt.datetime | None = None


@dataclass(frozen=True)
class FoundLabels:
    """What a vector file held.

    Attributes:
        labels: One per feature, longitude/latitude, attributes of the record and others.
        repaired: How many geometries had to be made valid.
        off_scene: How many do not touch the scene.
        crs_name: The coordinate system that the file declares.
        columns: Column of the file → field of the record, "" where it was left out.
        strange: Column → how many of its values its field does not know; they are kept under the column's name.
        ours: The file is an export of ours: what it says of numbers, classes and states can be believed.
        stated: What it says of each label.
    """

    labels: tuple[NewLabel, ...]
    repaired: int
    off_scene: int
    crs_name: str
    columns: dict[str, str]
    strange: dict[str, int] = field(default_factory=dict)
    ours: bool = False
    stated: tuple[Stated, ...] = ()


def read_labels(
    path: Path,
    *,
    facts: RasterFacts,
    scene_name: str,
    points: bool = False,
    wish: Mapping[str, str | None] | None = None,
    layer: str = "",
) -> FoundLabels:
    """Read every feature of a file as a label: landslides, or what an export of ours says.

    Args:
        path: Of the file; see `icssn.vectors.source`.
        facts: Of the scene.
        scene_name: For messages.
        points: Points are wanted: each becomes a landslide whose boundary is unknown.
        wish: What columns become where it differs from the suggestion; see `icssn.vectors.mapping.understood`.
        layer: Where the file has several.

    Raises:
        LabelsRefusedError: The file cannot be read, declares no CRS, holds other geometries than wanted, or none of
            them touches the scene.
    """
    found = features(path, layer=layer, facts=facts, scene_name=scene_name)

    def stop(refusal: LabelsRefusedError) -> None:
        raise refusal

    result = _labels(path, found, facts=facts, points=points, wish=wish or {}, tell=stop)
    if result.off_scene == len(result.labels):
        raise _beside(path, result, facts, scene_name)
    return result


def preview(
    path: Path,
    *,
    facts: RasterFacts,
    scene_name: str,
    points: bool = False,
    wish: Mapping[str, str | None] | None = None,
    layer: str = "",
) -> ImportPreview:
    """Look at a file before it is imported: what it holds, how its columns are understood, what stands in the way.

    Raises:
        LabelsRefusedError: The file as a whole cannot be read.
    """
    found = features(path, layer=layer, facts=facts, scene_name=scene_name)
    problems: list[str] = []
    result = _labels(
        path, found, facts=facts, points=points, wish=wish or {}, tell=lambda refusal: problems.append(str(refusal))
    )
    if result.labels and result.off_scene == len(result.labels):
        problems.append(str(_beside(path, result, facts, scene_name)))
    return ImportPreview(
        count=len(found.rows),
        kinds=dict(Counter(geometry.geom_type for geometry in found.geometries if geometry is not None)),
        crs_name=result.crs_name,
        repaired=result.repaired,
        off_scene=result.off_scene,
        columns=tuple(_column(name, found, result) for name in found.columns),
        problems=tuple(problems[:_MOST_PROBLEMS]),
        refused=len(problems),
    )


def _labels(
    path: Path,
    found: Features,
    *,
    facts: RasterFacts,
    points: bool,
    wish: Mapping[str, str | None],
    tell: Callable[[LabelsRefusedError], None],
) -> FoundLabels:
    """Give the labels of all features; what one cannot be used for is told, and it is passed over."""
    if not found.rows:
        raise nothing(path)
    ours = mapping.is_ours(found.columns, found.rows)
    columns = mapping.understood(found.columns, wish)
    columns |= mapping.left_out(found.columns) if ours else {}
    marks = mapping.column_marks(found.rows, columns)
    to_lonlat = Transformer.from_crs(found.crs, LONLAT, always_xy=True)
    scene = check.scene_outline(facts)
    labels: list[NewLabel] = []
    stated: list[Stated] = []
    strange: Counter[str] = Counter()
    repaired = off_scene = 0
    for number, (row, geometry) in enumerate(zip(found.rows, found.geometries, strict=True), start=1):
        try:
            lonlat = carried(path, number, geometry, to_lonlat)
            said = _stated(row) if ours else Stated()
            cls = said.cls or _class_of(lonlat, points or ours)
            sound, was_repaired = _sound(lonlat, cls, name=f"{path.name}, feature {number}")
            attributes, unknown = mapping.converted(row, columns, marks)
            label = NewLabel(
                uid=_uid(row.get("uid")) if ours else new_id(),
                geometry_lonlat=sound,
                cls=cls,
                source=LabelSource.imported,
                status=said.status or LabelStatus.accepted,
                attributes=landslide_record.checked(attributes),
            )
        except LabelsRefusedError as refusal:
            tell(refusal)
            continue
        except AttributeRefusedError as err:
            tell(refused(path, f"feature {number}: {err}", "fields that fit the record", "Correct the file."))
            continue
        labels.append(label)
        stated.append(said)
        strange.update(unknown)
        repaired += was_repaired
        off_scene += not sound.intersects(scene)
    return FoundLabels(
        labels=tuple(labels),
        repaired=repaired,
        off_scene=off_scene,
        crs_name=found.crs.name,
        columns=columns,
        strange=dict(strange),
        ours=ours,
        stated=tuple(stated),
    )


def carried(path: Path, number: int, geometry: BaseGeometry | None, transformer: Transformer) -> BaseGeometry:
    """Give the geometry of a feature in another CRS, without heights.

    Raises:
        LabelsRefusedError: The feature has none.
    """
    if geometry is None:
        raise refused(
            path,
            f"feature {number} has no geometry",
            "a geometry in every feature",
            "Delete the empty features in your GIS.",
        )
    return shapely.transform(shapely.force_2d(geometry), transformer.transform, interleaved=False)


def _class_of(geometry: BaseGeometry, points: bool) -> LabelClass:
    is_point = geometry.geom_type in ("Point", "MultiPoint")
    return LabelClass.landslide_point if points and is_point else LabelClass.landslide


def _sound(lonlat: BaseGeometry, cls: LabelClass, *, name: str) -> tuple[BaseGeometry, bool]:
    if cls is LabelClass.landslide_point:
        return check.sound_point(lonlat, name=name), False
    polygon, repaired = check.repaired_polygon(lonlat, name=name)
    parts = shapely.get_parts(polygon)
    return (parts[0] if len(parts) == 1 else polygon), repaired


def _stated(row: Mapping[str, Any]) -> Stated:
    status = row.get("status")
    version = as_text(row.get("version")).removesuffix(".0")  # a table that knows only floats
    at = None
    with contextlib.suppress(ValueError):
        at = dt.datetime.fromisoformat(as_text(row.get("updated_at")))
    return Stated(
        cls=mapping.class_of(row),
        status=None if status in (None, "") else status_of(status),
        version=int(version) if _DIGITS.fullmatch(version) else None,
        at=at if at and at.tzinfo else None,
    )


def _uid(value: Any) -> str:
    text = str(value) if isinstance(value, int) else value
    return text if isinstance(text, str) and _UID.fullmatch(text) else new_id()


def status_of(text: Any) -> LabelStatus:
    """Give the status that an export of ours names, accepted where it names none."""
    return LabelStatus(text) if text in list(LabelStatus) else LabelStatus.accepted


def _column(name: str, found: Features, result: FoundLabels) -> ColumnPreview:
    values = [row[name] for row in found.rows if row.get(name) not in (None, "")]
    return ColumnPreview(
        name=name,
        key=result.columns.get(name),
        filled=len(values),
        strange=result.strange.get(name, 0),
        samples=tuple(dict.fromkeys(as_text(value)[:60] for value in values[:200]))[:_SAMPLES],
    )


def nothing(path: Path) -> LabelsRefusedError:
    """Build the refusal of a file without features."""
    return refused(path, "no features", "at least one polygon", "Choose the layer that holds the landslides.")


def _beside(path: Path, result: FoundLabels, facts: RasterFacts, scene_name: str) -> LabelsRefusedError:
    west, south, east, north = shapely.total_bounds([label.geometry_lonlat for label in result.labels])
    left, bottom, right, top = facts.bounds_lonlat
    exchanged = max(left, south) <= min(right, north) and max(bottom, west) <= min(top, east)
    return refused(
        path,
        f"its features lie at {west:.3f}–{east:.3f}° E, {south:.3f}–{north:.3f}° N, none on scene '{scene_name}'",
        f"at least one within {left:.3f}–{right:.3f}° E, {bottom:.3f}–{top:.3f}° N",
        "Longitude and latitude are exchanged: write longitude first, and export it again."
        if exchanged
        else "Choose the scene they belong to, or check the CRS that the file declares.",
    )
