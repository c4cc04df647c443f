"""Files of labels on their way in and out."""

from __future__ import annotations

from pydantic import Field

from icssn.records.form import Record


class ImportedLabels(Record):
    """The outcome of an import."""

    count: int  # features in the file, each of them a label
    already_there: int = 0  # of them, at the place of a label of the scene; not added again
    updated: int = 0  # of those, edited since we exported them: their labels have taken their fields over
    left: int = 0  # of those, with other fields than the label has, which was left as it is
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
