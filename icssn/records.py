"""The records that pass between packages: frozen, validated, JSON-ready."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry


def new_id() -> str:
    """Give a fresh identifier: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def now() -> dt.datetime:
    """Give the present moment in UTC, to the millisecond (what a GeoPackage can keep)."""
    moment = dt.datetime.now(dt.UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Geometry = Annotated[
    BaseGeometry,
    BeforeValidator(lambda value: shape(value) if isinstance(value, dict) else value),
    PlainSerializer(mapping, return_type=dict[str, Any]),
]
Id = Annotated[str, Field(pattern=r"^[0-9a-zA-Z_-]{1,64}$")]
Bounds = tuple[float, float, float, float]  # (west, south, east, north)
Affine6 = tuple[float, float, float, float, float, float]  # a, b, c, d, e, f as in affine.Affine


class Record(BaseModel):
    """A frozen value; unknown fields are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        ser_json_inf_nan="strings",  # a nodata value of NaN survives JSON, and the JSON stays valid
    )


# ---- people -------------------------------------------------------------------------------------------------


class Role(StrEnum):
    """What a user may do; each role includes those before it."""

    viewer = "viewer"
    annotator = "annotator"
    reviewer = "reviewer"
    admin = "admin"


class Actor(Record):
    """Who does something."""

    name: str
    role: Role = Role.admin


# ---- scenes -------------------------------------------------------------------------------------------------


class Stretch(Record):
    """How stored values become 0–255, band by band: clip to [low, high], scale linearly."""

    bands: tuple[int, ...]  # 1-based band numbers shown and learned from, in order
    low: tuple[float, ...]
    high: tuple[float, ...]


class RasterFacts(Record):
    """What one raster file is, found by the hardened inspection."""

    width: int
    height: int
    band_count: int
    dtype: str
    crs_wkt: str
    crs_name: str  # e.g. "EPSG:32648 · WGS 84 / UTM zone 48N"
    transform: Affine6
    nodata: float | None
    bounds_lonlat: Bounds
    pixel_size_m: float  # geometric mean of both axes at the centre
    sha256: str
    size_bytes: int
    stretch: Stretch


class Scene(Record):
    """One georeferenced image and its row in the catalogue."""

    id: Id
    name: str
    original: str  # absolute path; never changed by us
    facts: RasterFacts
    tiles: str | None = None  # web-optimised COG, relative to the workspace; None until imported
    dem: str | None = None  # absolute path of the attached elevation raster
    hillshade: str | None = None  # web-optimised COG of its hillshade, relative to the workspace
    validation_bounds_px: tuple[int, int, int, int] | None = None  # (col, row, width, height), fixed at first training
    created_at: dt.datetime = Field(default_factory=now)
    created_by: str = ""


# ---- labels -------------------------------------------------------------------------------------------------


class LabelClass(StrEnum):
    """What a label says about the ground it lies on."""

    landslide = "landslide"
    landslide_point = "landslide_point"  # a Point: there is a landslide here, its boundary is unknown
    hard_negative = "hard_negative"  # looks like a landslide, is none; attribute "look_alike" says what it is
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
        """Give everything by key; what a file brought of its own provenance stands before ours."""
        measured = {key: value for key, value in dict(self.measures).items() if value is not None}
        return {"uid": self.label.uid} | self.provenance | self.label.attributes | measured


class WarningKind(StrEnum):
    """What may be wrong with labels that were saved all the same."""

    overlap = "overlap"
    duplicate = "duplicate"
    sliver = "sliver"
    outside_image = "outside_image"
    on_nodata = "on_nodata"
    unlikely_size = "unlikely_size"
    self_crossing = "self_crossing"


class LabelWarning(Record):
    """Something to look at before training; nothing is refused for it."""

    kind: WarningKind
    uids: tuple[Id, ...]  # the label, or the two that are in each other's way
    at_lonlat: tuple[float, float]  # where to look
    text: str  # one sentence


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


class Draft(Record):
    """Unsaved edits of one browser tab, kept so that no crash loses them."""

    session_id: Id  # of the tab
    body: str  # JSON text that only the browser writes and reads
    kept_at: dt.datetime
    is_open: bool  # the tab gave a sign of life lately, so the draft is still in somebody's hands


class Present(Record):
    """Somebody who has a scene open for editing now."""

    person: str
    tabs: int


class ImportedLabels(Record):
    """The outcome of an import."""

    count: int  # features in the file, each of them a label
    already_there: int = 0  # of them, equal to a label of the scene; not added again
    repaired: int  # invalid geometries that were made valid
    off_scene: int = 0  # of them, beside the image
    crs_name: str  # the CRS found in the file
    columns: dict[str, str] = Field(default_factory=dict)  # column of the file → field of the landslide record
    strange: dict[str, int] = Field(default_factory=dict)  # column → values its field does not know, kept as they came
    revision: int


class ColumnPreview(Record):
    """A column of a file that may be imported."""

    name: str
    key: str | None  # field of the landslide record; "" left out; None: kept under its own name
    filled: int  # features that have a value
    strange: int = 0  # of them, values that the field does not know; they are kept under the column's name
    samples: tuple[str, ...] = ()


class ImportPreview(Record):
    """What a file holds, before it is imported."""

    count: int  # features
    kinds: dict[str, int]  # type of geometry → features
    crs_name: str
    repaired: int
    off_scene: int
    columns: tuple[ColumnPreview, ...]
    problems: tuple[str, ...]  # sentences; an import refuses the whole file for any of them
    refused: int = 0  # how many there are


class ExportedLabels(Record):
    """The outcome of an export."""

    count: int
    files: tuple[str, ...]  # absolute paths, the one asked for first
    crs_name: str  # of the files
    notices: tuple[str, ...] = ()  # what the format could not keep


# ---- jobs ---------------------------------------------------------------------------------------------------


class JobKind(StrEnum):
    demo = "demo"
    import_scene = "import"
    train = "train"
    predict = "predict"
    evaluate = "evaluate"
    crossval = "crossval"


class JobState(StrEnum):
    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"

    @property
    def is_over(self) -> bool:
        """True when nothing more will happen to the job."""
        return self in (JobState.done, JobState.failed, JobState.cancelled)


class Progress(Record):
    """How far a piece of work is, as shown to the user."""

    fraction: float = Field(ge=0, le=1)
    message: str = ""
    remaining_s: float | None = None
    figures: dict[str, float] = Field(default_factory=dict)  # e.g. {"loss": .31, "validation_f1": .62}


class Job(Record):
    """A queued piece of work for the worker."""

    id: Id = Field(default_factory=new_id)
    kind: JobKind
    params: dict[str, Any] = Field(default_factory=dict)
    state: JobState = JobState.queued
    progress: Progress = Progress(fraction=0.0)
    result: dict[str, Any] = Field(default_factory=dict)
    error: str = ""  # one sentence for the user
    cancel_requested: bool = False
    attempts: int = 0  # how often it was started; of several holders the one with the highest number counts
    deaths: tuple[float, ...] = ()  # how far it was (fraction) each time its process died
    worker: str = ""
    created_at: dt.datetime = Field(default_factory=now)
    created_by: str = ""
    started_at: dt.datetime | None = None
    heartbeat_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None


# ---- learning -----------------------------------------------------------------------------------------------


class Chip(Record):
    """A square cut from a scene, with its mask; row `index` of the chip arrays."""

    index: int
    scene_id: Id
    col: int
    row: int
    size_px: int
    split: str  # "train" | "validation"
    kind: str  # "landslide" | "landslide_point" | "background" | "hard_negative" | "unknown"
    label_uid: str = ""  # the label it was centred on, if any
    landslide_fraction: float  # of the chip's known pixels
    known_fraction: float  # pixels that are not ignored


class Manifest(Record):
    """What a run learned from; `fingerprint` is the SHA-256 of chips, masks and split."""

    chips: tuple[Chip, ...]
    revisions: dict[str, int]  # scene id → label revision
    validation_bounds_px: dict[str, tuple[int, int, int, int]]  # scene id → (col, row, width, height)
    buffer_px: int
    bands: int
    seed: int
    fingerprint: str


class Run(Record):
    """One press of Retrain."""

    id: Id = Field(default_factory=new_id)
    scene_ids: tuple[Id, ...]
    revisions: dict[str, int]
    tier: str = "full"  # "full" | "quick"
    seed: int = 0
    config: dict[str, Any] = Field(default_factory=dict)
    parent_checkpoint: str = ""
    job_id: str = ""
    device: str = ""
    code_version: str = ""
    folder: str = ""  # relative to the workspace
    created_at: dt.datetime = Field(default_factory=now)
    created_by: str = ""
    ended_at: dt.datetime | None = None
    checkpoint_id: str = ""  # the best of the run
    summary: dict[str, Any] = Field(default_factory=dict)


class Readiness(Record):
    """Whether a run can start, and if not, why."""

    ready: bool
    reasons: tuple[str, ...] = ()  # sentences, empty when ready
    landslides: int = 0
    landslide_points: int = 0  # teach the classifier only, so they do not count towards what is needed
    hard_negatives: int = 0
    label_areas: int = 0
    estimate_full_s: float | None = None  # from this machine's own earlier runs, None before the first
    estimate_quick_s: float | None = None


class Round(Record):
    """One classify + segment pair of a run, judged on validation blocks."""

    run_id: Id
    number: int  # from 1
    metrics: dict[str, float]
    seconds: float = 0.0
    at: dt.datetime = Field(default_factory=now)


class Comparison(Record):
    """How one run's model does beside another's on the same held-out chips, each at its own threshold."""

    f1: float  # difference of pooled pixel F1
    low: float  # interval of 95 % of the difference, drawn over chips in pairs
    high: float
    chips: int
    better: int  # chips with fewer wrong pixels than before
    worse: int  # chips with more


class CheckpointState(StrEnum):
    candidate = "candidate"
    active = "active"
    retired = "retired"


class Checkpoint(Record):
    """Weights and card at the end of a round: `models/<id>/{model.safetensors, card.json}`."""

    id: Id
    run_id: str
    round: int
    state: CheckpointState = CheckpointState.candidate
    sha256: str
    metrics: dict[str, float] = Field(default_factory=dict)
    threshold: float = 0.5  # chosen on validation
    parent: str = ""
    created_at: dt.datetime = Field(default_factory=now)


class Prediction(Record):
    """One checkpoint applied to one scene; paths relative to the workspace."""

    id: Id = Field(default_factory=new_id)
    scene_id: Id
    checkpoint_id: Id
    probability: str  # uint8 COG on the scene's grid: value / 254 is the probability, 255 is nodata
    mask: str  # uint8 COG: 0 background, 1 landslide, 255 nodata
    uncertainty: str | None = None  # uint8 COG: value / 254 is the spread over eight views; in high quality only
    computed_by: str = ""  # library, processor and arithmetic
    threshold: float
    seconds: float = 0.0
    candidate_count: int = 0
    created_at: dt.datetime = Field(default_factory=now)


class CandidateStatus(StrEnum):
    open = "open"
    accepted = "accepted"
    rejected = "rejected"
    unsure = "unsure"
    known = "known"  # overlaps a landslide that was already labelled


class Candidate(Record):
    """An object that a model proposes; a landslide only after acceptance."""

    id: Id
    prediction_id: Id
    scene_id: Id
    geometry_lonlat: Geometry
    score: float  # object score: classifier and mask together, in [0, 1]
    mask_score: float  # mean probability inside
    classifier_score: float  # classifier's probability for the object-centred chip
    area_m2: float
    status: CandidateStatus = CandidateStatus.open
    look_alike: str = ""  # why it was rejected: terrace, quarry, gully …
    label_uid: str = ""  # the label that acceptance or rejection made
    decided_by: str = ""
    decided_at: dt.datetime | None = None


class Decision(Record):
    """A geologist's word on one candidate."""

    candidate_id: Id
    status: CandidateStatus
    look_alike: str = ""
    geometry_lonlat: Geometry | None = None  # accept with edit
