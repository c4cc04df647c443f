"""Scenes: added, and shown on the map."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from icssn.actions.assigning import sound_name
from icssn.actions.catalogue import require_free
from icssn.actions.permission import require
from icssn.actions.work import require_room, submit, wake
from icssn.datasets import sets
from icssn.errors import ConfigError, DuplicateError, NotFoundError
from icssn.imagery.elevation import check_elevation
from icssn.imagery.open import inspect_in_child, is_gone, open_raster
from icssn.imagery.sight import open_as_added, require_same_grid
from icssn.imagery.stretch import estimate, percent_of
from icssn.records import TERRAIN_LAYERS, Job, JobKind, Raster, RasterFacts, RemoteRaster, Role, Scene, new_id
from icssn.store import jobs, labels, predictions, scenes
from icssn.store.workspace import Workspace


def add_scene(
    ws: Workspace, raster: Raster, *, name: str = "", dem: Path | None = None, again: bool = False
) -> tuple[Scene, Job]:
    """Register a GeoTIFF and queue its conversion for the map; the file itself is never changed.

    A raster in a store stays there, and is read window by window when it is learned from or predicted. Its version is
    kept: should another file take its place, that is refused.

    Adding the same file under the same name again repeats a conversion that failed, on a full disk for example, or of
    a damaged file. What has been put in the place of that is inspected anew; where labels or predictions lie on the
    scene already, it must have the same grid on the same ground.

    Args:
        ws: Where.
        raster: The image.
        name: How to call it; the file's name by default.
        dem: An elevation raster of the same ground.
        again: Another scene may have the same file, wherever that lies: its labels are then drawn a second time.

    Raises:
        RasterRefusedError: The raster, or the DEM, cannot be used, or they lie apart, or the DEM holds no heights;
            the message says what to do.
        DuplicateError: The name is taken, or a scene has the same file already; that may be one that was removed.
        ConfigError: The name is too long, or holds signs that cannot be seen.
        DiskFullError: The map has no room; nothing was registered.
        QueueFullError: Too many jobs wait already; nothing was registered.
    """
    require(ws, Role.annotator, "add a scene")
    known = _unconverted(ws, raster, name.strip() or raster.stem)
    if known:
        return draw_anew(ws, known, _inspected_anew(ws, known, raster, dem=dem, again=again))
    scene = _inspected(ws, raster, name=name, dem=dem, again=again)
    job = _conversion(ws, scene)
    require_room(ws, job, facts=scene.facts)
    added = scenes.add(ws.db, scene, job=job)
    wake(ws)
    return added, job


def register_scene(
    ws: Workspace, raster: Raster, *, name: str = "", dem: Path | None = None, again: bool = False
) -> Scene:
    """Check a GeoTIFF and enter it in the catalogue, without the conversion for the map; raises as `add_scene`."""
    require(ws, Role.annotator, "add a scene")
    return scenes.add(ws.db, _inspected(ws, raster, name=name, dem=dem, again=again))


def _inspected(ws: Workspace, raster: Raster, *, name: str, dem: Path | None, again: bool) -> Scene:
    """Give a scene that is not in the catalogue yet, if it may be; raises as `add_scene`."""
    wanted = sound_name(name) if name else raster.stem
    require_free(ws, wanted)
    facts = inspect_in_child(raster)
    if not again:
        _require_new(ws, raster, facts)
    if dem is not None:
        check_elevation(dem, facts)
    return Scene(
        id=new_id(),
        name=wanted,
        original=_original(raster),
        facts=facts,
        dem=str(dem.resolve()) if dem else None,
        created_by=ws.actor.name,
    )


def import_dataset(ws: Workspace, kind: str, folder: Path, *, name: str = "", most: int | None = None) -> Job:
    """Queue the composing of scenes, complete with labels, from the samples of a public landslide set.

    Args:
        ws: Where.
        kind: Of the set, a key of `icssn.datasets.sets.SETS`.
        folder: Into which the set was unpacked; nothing in it is changed.
        name: Of the scene, the kind by default. A set that keeps parts apart (training and test, or places) gives a
            scene for each, named after the part as well.
        most: Samples of each scene; a larger part is represented by some of its samples, drawn at random.

    Raises:
        NotFoundError: No such set can be read; the message lists those that can.
        DatasetRefusedError: The folder does not hold this set, or a sample is damaged.
        MissingPartError: What reads this set is not installed.
        DuplicateError: A scene has such a name already.
        ConfigError: `most` is below 1, or the name is too long or holds signs that cannot be seen.
    """
    require(ws, Role.annotator, "add a scene")
    if most is not None and most < 1:
        raise ConfigError("samples", most, "1 or more")
    parts = sets.by_split(sets.public_set(kind).samples(folder))
    stem = sound_name(name) if name else kind
    names = {part: f"{stem} {part}".strip() if len(parts) > 1 else stem for part in parts}
    for wanted in sorted(names.values()):
        require_free(ws, wanted)
    params = {"set": kind, "folder": str(folder.resolve()), "names": names, "most": most}
    return submit(ws, Job(kind=JobKind.dataset, params=params, created_by=ws.actor.name))


def set_stretch(
    ws: Workspace,
    scene_id: str,
    *,
    bands: tuple[int, ...] | None = None,
    percent: tuple[float, float] | None = None,
) -> tuple[Scene, Job]:
    """Choose which bands of a scene are shown and learned from, and between which percentiles; redraws its map.

    Networks see the same values as the map, so one that learned from another stretch should be trained again.

    Args:
        ws: Where.
        scene_id: The scene.
        bands: 1-based, 1 or 3 of them, in the order red, green, blue; for false colour any others. None: as they are.
        percent: Of the values, lowest and highest, that become black and white. None: those that were chosen last.

    Raises:
        NotFoundError: There is no such scene, or it was removed.
        ConfigError: There are no such bands, or the percentiles are not in order.
        RasterRefusedError: The file is gone, damaged or replaced.
        DiskFullError: The map has no room; nothing was changed.
        QueueFullError: Too many jobs wait already; nothing was changed.
    """
    require(ws, Role.annotator, "change how a scene is shown")
    scene = scenes.in_project(ws.db, scene_id)
    wanted = bands or scene.facts.stretch.bands
    if len(wanted) not in (1, 3) or not all(1 <= band <= scene.facts.band_count for band in wanted):
        raise ConfigError("bands", wanted, f"1 or 3 numbers from 1 to {scene.facts.band_count}")
    if percent is not None and not 0 <= percent[0] < percent[1] <= 100:
        raise ConfigError("percent", percent, "two numbers from 0 to 100, the lower first")
    with open_as_added(scene.raster, scene.facts) as dataset:
        stretch = estimate(dataset, bands=wanted, percent=percent or percent_of(scene.facts))
    return draw_anew(ws, scene, {"facts": scene.facts.model_copy(update={"stretch": stretch}), "tiles": None})


def set_elevation(ws: Workspace, scene_id: str, dem: Path) -> tuple[Scene, Job]:
    """Attach an elevation model to a scene, in the place of an earlier one; makes its relief for the map anew.

    Raises:
        NotFoundError: There is no such scene, or it was removed.
        RasterRefusedError: It cannot be used, lies beside the scene, or holds no heights; or the scene's own file is
            gone or replaced.
        DiskFullError: The relief has no room; nothing was changed.
        QueueFullError: Too many jobs wait already; nothing was changed.
    """
    require(ws, Role.annotator, "change how a scene is shown")
    scene = scenes.in_project(ws.db, scene_id)
    with open_as_added(scene.raster, scene.facts):
        pass
    check_elevation(dem, scene.facts)
    return draw_anew(ws, scene, {"dem": str(dem.resolve()), "hillshade": None})


def draw_anew(ws: Workspace, scene: Scene, changes: dict[str, Any]) -> tuple[Scene, Job]:
    """Change fields of a scene and queue the making of its map; where the job is not taken, nothing is changed.

    Raises:
        NotFoundError: The scene was removed.
        DiskFullError: The map has no room.
        QueueFullError: Too many jobs wait already.
        UnwritableError: No worker could be started.
    """
    job = _conversion(ws, scene)
    require_room(ws, job)
    changed = scenes.update(ws.db, scene.id, job=job, **(changes or {"tiles": None}))
    wake(ws)
    return changed, job


def _conversion(ws: Workspace, scene: Scene) -> Job:
    return Job(kind=JobKind.import_scene, params={"scene_id": scene.id}, created_by=ws.actor.name)


def _unconverted(ws: Workspace, raster: Raster, name: str) -> Scene | None:
    """Give the scene of this file and name if its conversion has ended without a result."""
    alike = (scene for scene in scenes.every(ws.db) if (scene.name, scene.original) == (name, _original(raster)))
    scene = next(alike, None)  # a name is given once
    if scene is None or scene.tiles is not None:
        return None
    waits = any(job.kind is JobKind.import_scene and job.params["scene_id"] == scene.id for job in jobs.active(ws.db))
    return None if waits else scene


def _inspected_anew(ws: Workspace, scene: Scene, raster: Raster, *, dem: Path | None, again: bool) -> dict[str, Any]:
    """Give what changes in a scene that has no map yet: the facts of the file as it now is, and `dem` if given."""
    facts, changes = inspect_in_child(raster), dict[str, Any]()
    if _is_same(scene, raster, facts):
        facts = scene.facts  # with the stretch that somebody has chosen
    else:
        if labels.revision(ws.db, scene.id) or predictions.of_scene(ws.db, scene.id):
            with open_raster(raster) as dataset:
                require_same_grid(dataset, scene.facts, name=raster.name)
        if not again:
            _require_new(ws, raster, facts)
        changes["facts"] = facts
    attached = dem or (Path(scene.dem) if scene.dem and changes else None)
    if attached:
        check_elevation(attached, facts)
        changes |= {"dem": str(attached.resolve()), "hillshade": None}
    return changes


def _require_new(ws: Workspace, raster: Raster, facts: RasterFacts) -> None:
    """Refuse a file that a scene has already, in the project or removed from it."""
    for scene in (*scenes.every(ws.db), *scenes.removed(ws.db)):
        if not _is_same(scene, raster, facts):
            continue
        if scene.removed is None and is_gone(scene.raster):
            remedy = (
                "It holds the same image, and its own file is gone: say where it is now, "
                "on the Scenes page or with icssn scene move."
            )
            raise DuplicateError("scene", scene.name, remedy=remedy)
        if scene.removed is None:
            remedy = "It is the same image: go on in that scene, or add it a second time with icssn scene add --again."
            raise DuplicateError("scene", scene.name, remedy=remedy)
        remedy = "It holds the same image: restore it, or add that a second time with icssn scene add --again."
        raise DuplicateError("scene", scene.name, remedy=scene.removed.refusal(remedy))


def _is_same(scene: Scene, raster: Raster, facts: RasterFacts) -> bool:
    """Tell whether a scene has this file: the same bytes, or in a store the same version at the same address."""
    if facts.version is None:
        return scene.facts.sha256 == facts.sha256
    return (scene.original, scene.facts.version) == (_original(raster), facts.version)


def _original(raster: Raster) -> str:
    return raster.address if isinstance(raster, RemoteRaster) else str(raster.resolve())


def map_file(ws: Workspace, kind: str, item_id: str) -> Path:
    """Give the raster of a map layer: ``scene``, ``hillshade``, one of `TERRAIN_LAYERS`; or one of a prediction.

    A prediction has ``probability`` and, in high quality, ``uncertainty``; both are value / 254.

    Raises:
        NotFoundError: There is no such scene or prediction, or the layer is not made yet.
    """
    relative: str | None
    if kind in ("probability", "uncertainty"):
        made = predictions.get(ws.db, item_id)
        relative = made.probability if kind == "probability" else made.uncertainty
    else:
        scene = scenes.get(ws.db, item_id)
        relative = scene.tiles if kind == "scene" else scene.hillshade
        if relative and kind in TERRAIN_LAYERS:
            relative = str(PurePosixPath(relative).with_name(f"{kind}.tif"))
    if not relative:
        raise NotFoundError("map layer", f"{kind} {item_id}")
    return ws.path(relative)
