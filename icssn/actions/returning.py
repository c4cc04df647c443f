"""Labels that come back in a file: which stand already, and which were edited elsewhere since they were written."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from icssn import landslide_record
from icssn.actions.recording import provenance_of
from icssn.errors import AttributeRefusedError
from icssn.records import Label, LabelChange, NewLabel, Scene
from icssn.store import labels
from icssn.store.origins import origins
from icssn.store.workspace import Workspace
from icssn.vectors.features import as_text
from icssn.vectors.mapping import recognised
from icssn.vectors.places import at_places
from icssn.vectors.read import FoundLabels, Stated

EDITED_IN = "edited_in"  # attribute: the file that a label's last change came from
_CUT = 200  # bytes; a text that is longer may have been cut by a Shapefile
_CUT_NAME = range(8, 11)  # bytes of a column's name that was cut by a Shapefile
_ROUNDED = 6e-4  # fields of the record are written with three decimals
_ROUNDED_PLACE = 1e-6  # degrees, a tenth of a metre: corners of which six decimals or centimetres were kept
_DEGREE_M = 111_320
_SECOND = 1.0  # some formats keep no parts of it


@dataclass
class Returned:
    """What the labels of a file are to a scene.

    Attributes:
        new: The scene has none such.
        there: How many lie at the place of a label or have its number; they are not added.
        edited: By its number, what the file says otherwise of a label that stands as it was written there.
        outlines: How many of these have another outline or place.
        left: How many differ from labels that changed here since the file was written, or that have another number:
            those labels stay as they are.
        deleted: How many have the number of a label that was deleted here; it stays deleted.
    """

    new: list[NewLabel] = field(default_factory=list)
    there: int = 0
    edited: dict[str, LabelChange] = field(default_factory=dict)
    left: int = 0
    deleted: int = 0

    @property
    def outlines(self) -> int:
        return sum(change.geometry_lonlat is not None for change in self.edited.values())


def compared(ws: Workspace, scene: Scene, found: FoundLabels, *, file: str) -> Returned:
    """Compare the labels of a file with those of a scene.

    A label is known by its place, in an export of ours also by its number. Where several features have one number, as
    after a split, the one that covers most of the label is the label, and the others are new.

    Args:
        ws: Where.
        scene: The scene.
        found: In the file.
        file: Its name, which a change keeps as `EDITED_IN`.
    """
    standing = labels.current(ws.db, scene.id)
    places = at_places([item.geometry_lonlat for item in found.labels], [label.geometry_lonlat for label in standing])
    made = origins(ws.db, scene.id) if found.ours or any(places) else {}
    known = {label.uid: label for label in standing} if found.ours else {}
    keepers = _keepers(found.labels, places, standing, known)
    columns = set(found.columns.values()) if found.ours else set()
    result = Returned()
    for row, (item, numbers, stated) in enumerate(zip(found.labels, places, found.stated, strict=True)):
        own = known.get(item.uid)
        here = [standing[number] for number in numbers]
        if own is not None and (own in here or (not here and not _is_part(row, own, stated, keepers))):
            here = [own]
        if not here:
            if found.ours and item.uid in made and own is None:
                result.there, result.deleted = result.there + 1, result.deleted + 1
            else:
                result.new.append(item)
            continue
        result.there += 1
        changes = [
            _change(item, label, stated, provenance_of(label, made[label.uid], scene), columns=columns, scene=scene)
            for label in here
        ]
        if None in changes:
            continue
        change = changes[0]
        if change and own is not None and here == [own] and _is_base(stated, own) and own.uid not in result.edited:
            signed = {**(change.attributes or own.attributes), EDITED_IN: file}
            result.edited[own.uid] = change.model_copy(update={"attributes": signed})
        else:
            result.left += 1
    return result


def _keepers(
    found: Sequence[NewLabel], places: Sequence[Sequence[int]], standing: Sequence[Label], known: Mapping[str, Label]
) -> dict[str, int]:
    """Give for each label of which the file has the number the row that is the label."""
    best: dict[str, tuple[bool, float, int]] = {}
    for row, (item, numbers) in enumerate(zip(found, places, strict=True)):
        if own := known.get(item.uid):
            at_place = any(standing[number].uid == item.uid for number in numbers)
            covers = item.geometry_lonlat.intersection(own.geometry_lonlat).area
            best[item.uid] = max(best.get(item.uid, (False, -1.0, row)), (at_place, covers, -row))
    return {uid: -row for uid, (_, _, row) in best.items()}


def _is_part(row: int, own: Label, stated: Stated, keepers: Mapping[str, int]) -> bool:
    """Say whether a row is a new label that another row left its number to."""
    return keepers[own.uid] != row and _is_base(stated, own)


def _is_base(stated: Stated, label: Label) -> bool:
    """Say whether a label stands as it stood when the file was written."""
    moved = stated.at is not None and abs((stated.at - label.updated_at).total_seconds()) > _SECOND
    return stated.version == label.version and not moved


def _change(
    item: NewLabel,
    label: Label,
    stated: Stated,
    provenance: Mapping[str, Any],
    *,
    columns: Collection[str],
    scene: Scene,
) -> LabelChange | None:
    """Give what makes a label what a file says of it, None where it is; what formats cannot keep makes no change."""
    said = dict(_said_otherwise(item.attributes, provenance, label.attributes))
    emptied = {key for key in label.attributes if key in columns and key not in item.attributes}
    cls = stated.cls if stated.cls is not label.cls else None
    status = stated.status if stated.status is not label.status else None
    outline = None if _same_place(item.geometry_lonlat, label.geometry_lonlat, scene) else item.geometry_lonlat
    if outline is not None and (outline.geom_type == "Point") != (label.geometry_lonlat.geom_type == "Point"):
        cls = item.cls
    if not (said or emptied or cls or status or outline is not None):
        return None
    kept = {key: value for key, value in label.attributes.items() if key not in emptied}
    return LabelChange(
        uid=label.uid,
        expected_version=label.version,
        geometry_lonlat=outline,
        cls=cls,
        status=status,
        attributes={**kept, **said},
    )


def _same_place(one: BaseGeometry, other: BaseGeometry, scene: Scene) -> bool:
    """Say whether two geometries differ by less than what formats and programs round, and less than a pixel."""
    near = min(_ROUNDED_PLACE, scene.facts.pixel_size_m / _DEGREE_M)
    return bool(
        shapely.get_dimensions(one) == shapely.get_dimensions(other) and shapely.hausdorff_distance(one, other) <= near
    )


def _said_otherwise(
    said: Mapping[str, Any], provenance: Mapping[str, Any], attributes: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    known = {**provenance, **attributes}
    for key, value in said.items():
        if key in known:
            if not _same(value, known[key], rounded=key in landslide_record.fields()):
                yield key, value
            continue
        own = [name for name in attributes if name not in said and _renamed(key, name)]
        if not own:
            yield key, value
        elif not any(_same(value, attributes[name], rounded=name in landslide_record.fields()) for name in own):
            yield _under(own[0], value) if len(own) == 1 else (key, value)


def _renamed(key: str, own: str) -> bool:
    """Say whether a column may be a label's own under the name that a format gave it: cut, or with a number."""
    stem, number, whole = re.sub(r"_\d*$", "", key).casefold(), key[len(re.sub(r"_\d*$", "", key)) :], own.casefold()
    cut = len(key.encode()) in _CUT_NAME
    return (cut and whole.startswith((key.casefold(), stem))) or (bool(number) and whole == stem)


def _under(name: str, value: Any) -> tuple[str, Any]:
    record = landslide_record.fields()
    try:
        return name, recognised(record[name], value) if name in record else value
    except AttributeRefusedError:
        return f"{name}_as_given", value


def _same(value: Any, known: Any, *, rounded: bool) -> bool:
    if isinstance(value, int | float) and isinstance(known, int | float):
        return value == known or math.isclose(value, known, rel_tol=1e-12, abs_tol=_ROUNDED if rounded else 1e-15)
    text, whole = (" ".join(as_text(item).split()) for item in (value, known))
    return text == whole or (len(text.encode()) > _CUT and whole.startswith(text))
