"""Labels that come back in a file: which stand already, and which were edited elsewhere since they were written."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from icssn import landslide_record
from icssn.actions.recording import provenance_of
from icssn.records import Label, LabelChange, NewLabel, Scene
from icssn.store import labels
from icssn.store.origins import origins
from icssn.store.workspace import Workspace
from icssn.vectors.features import as_text
from icssn.vectors.places import at_places

_CUT = 200  # bytes; a text that is longer may have been cut by a Shapefile
_ROUNDED = 6e-4  # fields of the record are written with three decimals


@dataclass
class Returned:
    """What the labels of a file are to a scene.

    Attributes:
        new: They lie where none was.
        there: How many lie at the place of a label.
        edited: By the number of a label of the scene that lies there, what the file says otherwise.
        others: How many lie at the place of labels of other numbers that say otherwise.
    """

    new: list[NewLabel] = field(default_factory=list)
    there: int = 0
    edited: dict[str, LabelChange] = field(default_factory=dict)
    others: int = 0


def compared(
    ws: Workspace, scene: Scene, found: Sequence[NewLabel], *, columns: Collection[str], ours: bool
) -> Returned:
    """Compare the labels of a file with those of a scene; a label is known by its place.

    Args:
        ws: Where.
        scene: The scene.
        found: Of the file.
        columns: Fields of the record that the file has a column for.
        ours: The file is an export of ours: its classes, states and empty cells count.
    """
    standing = labels.current(ws.db, scene.id)
    places = at_places([item.geometry_lonlat for item in found], [label.geometry_lonlat for label in standing])
    made = origins(ws.db, scene.id) if any(places) else {}
    result = Returned()
    for item, numbers in zip(found, places, strict=True):
        if not numbers:
            result.new.append(item)
            continue
        result.there += 1
        changes = {
            label.uid: _change(item, label, provenance_of(label, made[label.uid], scene), columns=columns, ours=ours)
            for label in (standing[number] for number in numbers)
        }
        if None in changes.values():
            continue
        if changed := changes.get(item.uid):
            result.edited[item.uid] = changed
        else:
            result.others += 1
    return result


def _change(
    item: NewLabel, label: Label, provenance: Mapping[str, Any], *, columns: Collection[str], ours: bool
) -> LabelChange | None:
    """Give what makes a label what a file says of it, None where it is; what formats cannot keep makes no change."""
    said = dict(_said_otherwise(item.attributes, provenance, label.attributes))
    emptied = {key for key in label.attributes if key in columns and key not in item.attributes} if ours else set()
    cls = item.cls if ours and item.cls is not label.cls else None
    status = item.status if ours and item.status is not label.status else None
    if not (said or emptied or cls or status):
        return None
    kept = {key: value for key, value in label.attributes.items() if key not in emptied}
    return LabelChange(
        uid=label.uid, expected_version=label.version, cls=cls, status=status, attributes={**kept, **said}
    )


def _said_otherwise(
    said: Mapping[str, Any], provenance: Mapping[str, Any], attributes: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    known = {**provenance, **attributes}
    for key, value in said.items():
        if key in known:
            if not _same(value, known[key], rounded=key in landslide_record.fields()):
                yield key, value
        elif not _renamed(key, said, attributes):
            yield key, value


def _renamed(key: str, said: Mapping[str, Any], attributes: Mapping[str, Any]) -> bool:
    """Say whether a column is one of the label's own under the name that a format gave it."""
    stem = re.sub(r"_\d*$", "", key).casefold()
    return any(own.casefold().startswith(stem) for own in attributes if own not in said)


def _same(value: Any, known: Any, *, rounded: bool) -> bool:
    if isinstance(value, int | float) and isinstance(known, int | float):
        return value == known or math.isclose(value, known, rel_tol=1e-12, abs_tol=_ROUNDED if rounded else 1e-15)
    text, whole = (" ".join(as_text(item).split()) for item in (value, known))
    return text == whole or (len(text.encode()) > _CUT and whole.startswith(text))
