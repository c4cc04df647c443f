"""The inventory of a scene written: labels, rasters, sheets, and a manifest that says where each came from."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from icssn import __version__, landslide_record
from icssn.actions import envelopes
from icssn.actions.evidence import relief_under
from icssn.actions.recording import label_records
from icssn.actions.whereabouts import elevation_gone, heights_of
from icssn.durable import whole_file, write_text
from icssn.export import stac, summary
from icssn.export.sheet import View, index, sheet
from icssn.imagery.picture import picture
from icssn.phrases import catalogue
from icssn.records import (
    Bounds,
    Job,
    LabelClass,
    LabelRecord,
    LabelSource,
    LabelStatus,
    Prediction,
    Progress,
    Scene,
    now,
)
from icssn.store import checkpoints, labels, predictions, scenes
from icssn.store.workspace import Workspace
from icssn.vectors import write

_MARGIN = 0.5  # of a landslide's size, shown around it on its sheet


def inventories_folder(ws: Workspace, scene_id: str) -> Path:
    """Give the folder of a scene's inventories, each a ZIP file that has the name of its job."""
    return ws.folder / "exports" / scene_id


def packed_at(ws: Workspace, job: Job) -> Path:
    """Give where the ZIP file of an export stands, or will."""
    return inventories_folder(ws, str(job.params["scene_id"])) / f"{job.id}.zip"


def make_inventory(ws: Workspace, job: Job, *, report: Callable[[Progress], None]) -> dict[str, Any]:
    """Write the ZIP file that an export asked for, in the place of the scene's earlier ones; gives the job's result.

    Raises:
        NotFoundError: The scene has gone.
        RasterRefusedError: A raster of the scene is gone or damaged.
        DiskFullError: The disk is full.
    """
    scene_id, path = str(job.params["scene_id"]), packed_at(ws, job)
    path.parent.mkdir(parents=True, exist_ok=True)
    revision = labels.revision(ws.db, scene_id)
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        folder = Path(name)
        files = _write_files(
            ws, job, folder, report=lambda done: report(Progress(fraction=0.9 * done, message="writing the files"))
        )
        report(Progress(fraction=0.9, message="packing them"))
        with whole_file(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in files:
                packed.write(file, file.relative_to(folder).as_posix())
    for other in path.parent.glob("*.zip"):
        if other != path:
            other.unlink()
    return {"scene_id": scene_id, "revision": revision, "files": len(files)}


def _write_files(ws: Workspace, job: Job, folder: Path, *, report: Callable[[float], None]) -> list[Path]:
    """Write all files of an inventory into a folder.

    ``inventory.gpkg`` (all labels with their records) and its style ``inventory.qml``, the labels as
    ``inventory.coco.json``, the newest prediction's
    ``probability.tif``, ``mask.tif`` and ``candidates.gpkg``, ``summary.csv``, a sheet for each accepted landslide in
    ``sheets/``, a STAC ``item.json``, and ``manifest.json`` last.

    Args:
        report: Told the share that is written, 0..1, often.
    """
    scene_id, words = str(job.params["scene_id"]), catalogue(str(job.params["language"]))
    scene = scenes.get(ws.db, scene_id)
    prediction = predictions.latest(ws.db, scene_id)
    report(0.0)
    records = label_records(ws, scene_id)
    report(0.1)
    files = {
        "inventory": folder / "inventory.gpkg",
        "style": folder / "inventory.qml",
        "coco": folder / "inventory.coco.json",
    }
    for key in ("inventory", "coco"):
        write.write_labels(files[key], records, facts=scene.facts, scene_name=scene.name)
    report(0.2)
    if prediction:
        files |= _prediction_files(ws, scene, prediction, folder)
    report(0.3)
    files["summary"] = folder / "summary.csv"
    write_text(files["summary"], summary.as_csv(summary.rows(records, _envelopes(ws, scene_id))))
    slides = [record for record in records if _is_landslide(record)]
    told = lambda done: report(0.3 + 0.6 * done)  # noqa: E731
    sheets = _write_sheets(ws, scene, slides, prediction, folder / "sheets", words=words, report=told)
    files["sheets"] = sheets[-1]
    files["item"] = folder / "item.json"
    methods = {"automated" if record.label.source is LabelSource.predicted else "manual" for record in slides}
    assets = {key: path.relative_to(folder) for key, path in files.items() if key not in ("item", "style")}
    item = stac.item(scene, assets, at=now(), methods=sorted(methods))
    write_text(files["item"], json.dumps(item, indent=1))
    written = [*(path for key, path in files.items() if key != "sheets"), *sheets]
    manifest = _manifest(ws, scene, prediction, made_by=job.created_by, records=records, written=written, folder=folder)
    write_text(folder / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False))
    report(1.0)
    return [*written, folder / "manifest.json"]


def _is_landslide(record: LabelRecord) -> bool:
    label = record.label
    return label.status is LabelStatus.accepted and label.cls in (LabelClass.landslide, LabelClass.landslide_point)


def _envelopes(ws: Workspace, scene_id: str) -> dict[str, Any]:
    """Give the envelopes of all candidates of a scene by id: a label from a candidate carries that id as its uid."""
    facts = scenes.get(ws.db, scene_id).facts
    found: dict[str, Any] = {}
    for prediction in reversed(predictions.of_scene(ws.db, scene_id)):
        found |= envelopes.of_prediction(ws, prediction, predictions.candidates(ws.db, prediction.id), facts=facts)
    return found


def _rasters(prediction: Prediction) -> dict[str, str]:
    """Give the paths of a prediction's rasters in the workspace, by the names that they have in an inventory."""
    every = {"probability": prediction.probability, "mask": prediction.mask, "uncertainty": prediction.uncertainty}
    return {name: path for name, path in every.items() if path}


def _prediction_files(ws: Workspace, scene: Scene, prediction: Prediction, folder: Path) -> dict[str, Path]:
    files = {}
    for name, source in _rasters(prediction).items():
        if ws.path(source).is_file():
            files[name] = Path(shutil.copyfile(ws.path(source), folder / f"{name}.tif"))
    found = predictions.candidates(ws.db, prediction.id)
    if found:
        files["candidates"] = folder / "candidates.gpkg"
        write.write_candidates(files["candidates"], found, facts=scene.facts)
    return files


def _write_sheets(
    ws: Workspace,
    scene: Scene,
    slides: Sequence[LabelRecord],
    prediction: Prediction | None,
    folder: Path,
    *,
    words: Mapping[str, str],
    report: Callable[[float], None],
) -> list[Path]:
    folder.mkdir(exist_ok=True)
    written, entries, dem = [], [], heights_of(scene)
    for number, record in enumerate(slides, start=1):
        title = words["sheet.title"].format(scene=scene.name, number=record.label.attributes.get("name") or number)
        outline = record.label.geometry_lonlat
        page = sheet(
            record,
            title=title,
            views=_views(ws, scene, prediction, _around(outline.bounds)),
            relief=relief_under(dem, outline) if dem and outline.area else None,
            values={key: _readable(key, value, words) for key, value in record.values().items()},
            words=words,
        )
        written.append(folder / f"{number:04}.html")
        write_text(written[-1], page)
        entries.append((written[-1].name, title))
        report(number / len(slides))
    write_text(folder / "index.html", index(entries, title=words["sheet.list"].format(scene=scene.name)))
    return [*written, folder / "index.html"]


def _views(ws: Workspace, scene: Scene, prediction: Prediction | None, bounds: Bounds) -> list[View]:
    wanted = [
        ("map.image", scene.tiles, None),
        ("map.hillshade", scene.hillshade, None),
        ("map.probability", prediction.probability if prediction else None, "probability"),
    ]
    return [
        View(name, *picture(ws.path(path), bounds, colormap=colormap))
        for name, path, colormap in wanted
        if path and ws.path(path).is_file()
    ]


def _around(bounds: Bounds) -> Bounds:
    west, south, east, north = bounds
    margin = _MARGIN * max(east - west, north - south, 1e-4)
    return west - margin, south - margin, east + margin, north + margin


def _readable(key: str, value: Any, words: Mapping[str, str]) -> str:
    if isinstance(value, float):
        field = landslide_record.fields().get(key)
        number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
        return f"{number} {field.unit}".strip() if field else number
    values = value if isinstance(value, list | tuple) else [value]
    return ", ".join(words.get(f"record_code.{key}.{item}", str(item)) for item in values)


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _manifest(
    ws: Workspace,
    scene: Scene,
    prediction: Prediction | None,
    *,
    made_by: str,
    records: Sequence[LabelRecord],
    written: Sequence[Path],
    folder: Path,
) -> dict[str, Any]:
    model: dict[str, Any] | None = None
    if prediction:
        model = {
            "prediction": prediction.id,
            "checkpoint": prediction.checkpoint_id,
            "threshold": prediction.threshold,
            "rasters_gone": [name for name in _rasters(prediction) if folder / f"{name}.tif" not in written],
        }
        known = {checkpoint.id: checkpoint for checkpoint in checkpoints.every(ws.db)}.get(prediction.checkpoint_id)
        if known:
            model |= {"run": known.run_id, "round": known.round, "weights_sha256": known.sha256}
    return {
        "made_at": now().isoformat(),
        "made_by": made_by,
        "icssn": __version__,
        "scene": {
            "name": scene.name,
            "id": scene.id,
            "crs": scene.facts.crs_name,
            "pixel_m": scene.facts.pixel_size_m,
            "sha256": scene.facts.sha256,
            "version": scene.facts.version,
            "elevation": "gone" if elevation_gone(scene) else "used" if scene.dem else "none",
        },
        "labels": {"revision": labels.revision(ws.db, scene.id), "count": len(records)},
        "model": model,
        "landslides": [
            {"uid": record.label.uid, "version": record.label.version, **record.provenance}
            for record in records
            if _is_landslide(record)
        ],
        "files": [
            {
                "path": path.relative_to(folder).as_posix(),
                "bytes": path.stat().st_size,
                "sha256": _sha256(path),
            }
            for path in written
        ],
    }
