"""Labels, what is known about them, and how they change."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from pydantic import Field

from icssn.records.form import Geometry, Id, Record, new_id, now


class LabelClass(StrEnum):
    """What a label says about the ground it lies on."""

    landslide = "landslide"
    landslide_point = "landslide_point"  # a Point: there is a landslide here, its boundary is unknown
    hard_negative = (
        "hard_negative"  # looks like a landslide, is none; attribute "look_alike" says what it is, if it was said
    )
    label_area = "label_area"  # every landslide inside has been labelled, so absence is background


class LabelSource(StrEnum):
    drawn = "drawn"
    imported = "imported"
    predicted = "predicted"


class LabelStatus(StrEnum):
    proposed = "proposed"
    accepted = "accepted"
    rejected = "rejected"


class Label(Record):
    """A geometry with class, source, status, attributes and version; EPSG:4326 longitude/latitude."""

    uid: Id
    scene_id: Id
    geometry_lonlat: Geometry  # Polygon or MultiPolygon; of a landslide_point a Point
    cls: LabelClass = LabelClass.landslide
    source: LabelSource = LabelSource.drawn
    status: LabelStatus = LabelStatus.accepted
    attributes: dict[str, Any] = Field(default_factory=dict)
    version: int = 1
    updated_by: str = ""
    updated_at: dt.datetime = Field(default_factory=now)


class NewLabel(Record):
    """A label to create; `uid` is chosen by the caller so that a repeated save stays one label."""

    uid: Id = Field(default_factory=new_id)
    geometry_lonlat: Geometry
    cls: LabelClass = LabelClass.landslide
    source: LabelSource = LabelSource.drawn
    status: LabelStatus = LabelStatus.accepted
    attributes: dict[str, Any] = Field(default_factory=dict)


class LabelChange(Record):
    """A change to one label; fields left None stay as they are."""

    uid: Id
    expected_version: int
    geometry_lonlat: Geometry | None = None
    cls: LabelClass | None = None
    status: LabelStatus | None = None
    attributes: dict[str, Any] | None = None  # replaces all attributes


class LabelDeletion(Record):
    """The removal of one label; its history stays."""

    uid: Id
    expected_version: int


class Edits(Record):
    """One Save: applied whole or not at all. The same `nonce` is applied once only."""

    nonce: str = Field(default_factory=new_id)
    created: tuple[NewLabel, ...] = ()
    changed: tuple[LabelChange, ...] = ()
    deleted: tuple[LabelDeletion, ...] = ()


class SavedEdits(Record):
    """What a Save did: the scene's new revision and the labels as they now stand."""

    revision: int
    labels: tuple[Label, ...]
    repaired: tuple[Id, ...] = ()  # labels whose outline crossed itself and was made valid


class LabelMeasures(Record):
    """What an outline, and the elevation model under it, say of a landslide; None where they cannot."""

    area_m2: float | None = None  # geodesic
    perimeter_m: float | None = None
    length_m: float | None = None  # along the main axis
    width_m: float | None = None  # across it
    azimuth_deg: float | None = None  # clockwise from north: downslope, or of the longer axis (0–180)
    azimuth_basis: str | None = None  # "downslope" | "long_axis"
    size_class: str | None = None  # from the volume
    slope_deg: float | None = None  # mean
    relief_m: float | None = None
    crown_elevation_m: float | None = None  # the highest ground in the outline
    toe_elevation_m: float | None = None  # the lowest


class LabelOrigin(Record):
    """How a label came to be."""

    uid: Id
    mapper: str
    at: dt.datetime
    model_round: str = ""  # "<run>/<round>" where a model proposed it
    proposed_lonlat: Geometry | None = None  # the outline as the model proposed it


class LabelRecord(Record):
    """A label with all that its landslide record says: what was entered, measured and recorded."""

    label: Label
    measures: LabelMeasures
    provenance: dict[str, Any]

    def values(self) -> dict[str, Any]:
        """Give everything by key; what a file brought of its own provenance stands before ours, but not a number.

        Such a number is `uid_as_given`.
        """
        measured = {key: value for key, value in dict(self.measures).items() if value is not None}
        given = {"uid_as_given" if key == "uid" else key: value for key, value in self.label.attributes.items()}
        return {"uid": self.label.uid} | self.provenance | given | measured


class WarningKind(StrEnum):
    """What may be wrong with labels that were saved all the same."""

    overlap = "overlap"
    duplicate = "duplicate"
    sliver = "sliver"
    outside_image = "outside_image"
    on_nodata = "on_nodata"
    unlikely_size = "unlikely_size"
    self_crossing = "self_crossing"
    disputed = "disputed"  # a model that never saw the label does not find it
    overlooked = "overlooked"  # such a model finds a landslide where none is labelled


class LabelWarning(Record):
    """Something to look at before training; nothing is refused for it."""

    kind: WarningKind
    uids: tuple[Id, ...]  # the label, or the two that are in each other's way; empty where there is none
    at_lonlat: tuple[float, float]  # where to look
    text: str  # one sentence
    ground_lonlat: Geometry | None = None  # what is meant where there is no label


class LabelVersion(Record):
    """One row of a label's append-only history."""

    seq: int
    uid: Id
    version: int
    revision: int
    operation: str  # create | update | delete | restore
    geometry_lonlat: Geometry | None  # None for a deletion
    cls: LabelClass
    source: LabelSource
    status: LabelStatus
    attributes: dict[str, Any]
    actor: str
    at: dt.datetime


class LabelConflict(Record):
    """A label that two people changed: what the one wants to save, and what the other saved first."""

    uid: Id
    mine: NewLabel | LabelChange | LabelDeletion
    base: LabelVersion | None  # what my edit began with; None for a label that I create
    theirs: LabelVersion | None  # as it stands now, a deletion without geometry; None: the scene knows no such label


class LabelStep(Record):
    """One version of a label and the version before it."""

    before: LabelVersion | None  # None when the label was created
    after: LabelVersion


class SceneSave(Record):
    """One save of a scene's labels: who, when, and how many labels it touched."""

    revision: int
    actor: str
    at: dt.datetime
    created: int = 0
    changed: int = 0
    deleted: int = 0
    restored: int = 0
