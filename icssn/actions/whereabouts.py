"""The files of scenes and predictions: whether they are still there, and where a scene's are now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from icssn.actions.permission import require
from icssn.actions.scenes import draw_anew
from icssn.errors import RasterRefusedError
from icssn.imagery.elevation import check_elevation
from icssn.imagery.open import inspect_in_child, is_gone, open_raster
from icssn.imagery.sight import require_same_grid
from icssn.records import Job, Prediction, RasterFacts, Role, Scene
from icssn.store import scenes
from icssn.store.workspace import Workspace

NO_HEIGHTS = "The elevation model of the scene is gone, so heights and slopes are not given."

_OF_FILE = ("sha256", "size_bytes", "modified_ns", "sample_sha256")  # facts that a copy may have otherwise


def image_gone(scene: Scene) -> bool:
    """Say whether a scene's file is not where it was; a file in a store is not asked for."""
    return is_gone(scene.raster)


def elevation_gone(scene: Scene) -> bool:
    """Say whether a scene has an elevation model whose file is not where it was."""
    return scene.dem is not None and is_gone(Path(scene.dem))


def prediction_gone(ws: Workspace, prediction: Prediction) -> bool:
    """Say whether rasters of a prediction are not where they were; its candidates and the decisions are kept."""
    rasters = (prediction.probability, prediction.mask, prediction.uncertainty)
    return not all(ws.path(raster).is_file() for raster in rasters if raster)


def heights_of(scene: Scene) -> Path | None:
    """Give the elevation raster of a scene, None where it has none or the file is gone."""
    return None if scene.dem is None or elevation_gone(scene) else Path(scene.dem)


def move_scene(ws: Workspace, scene_id: str, raster: Path, *, dem: Path | None = None) -> tuple[Scene, Job | None]:
    """Say where the file of a scene is now; no file is moved or changed, and all that was made on the scene stays.

    The file must show the image that the scene was added with, on the same grid; it may be stored otherwise. Of a scene
    that an earlier ICSSN added the pixels are not known: it must be the same file byte by byte.

    Args:
        ws: Where.
        scene_id: The scene.
        raster: Where its file is now.
        dem: Where its elevation model is now, if that is elsewhere, too; the map's relief is then made anew. Without
            one, a model that is gone is looked for beside the file, under its own name.

    Returns:
        The scene as it now stands, and the job that makes its map, None where there is nothing to make.

    Raises:
        NotFoundError: There is no such scene, or it was removed.
        RasterRefusedError: One of the files cannot be used, or is another one.
        DiskFullError: The map has no room; nothing was changed.
        QueueFullError: Too many jobs wait already; nothing was changed.
    """
    require(ws, Role.annotator, "say where a scene's file is")
    scene = scenes.in_project(ws.db, scene_id)
    facts = inspect_in_child(raster)
    with open_raster(raster) as dataset:
        require_same_grid(dataset, scene.facts, name=raster.name)
    _require_same_image(scene.facts, facts, name=raster.name)
    told = {name: getattr(facts, name) for name in _OF_FILE}
    changes: dict[str, Any] = {"original": str(raster.resolve()), "facts": scene.facts.model_copy(update=told)}
    beside = raster.resolve().with_name(Path(scene.dem).name) if scene.dem and elevation_gone(scene) else None
    attached = dem or (beside if beside and not is_gone(beside) else None)
    if attached:
        check_elevation(attached, scene.facts)
        changes |= {"dem": str(attached.resolve()), "hillshade": None}
    if scene.tiles and ws.path(scene.tiles).is_file() and not attached:
        return scenes.update(ws.db, scene_id, **changes), None
    return draw_anew(ws, scene, changes)


def _require_same_image(known: RasterFacts, found: RasterFacts, *, name: str) -> None:
    same_pixels = known.sample_sha256 is not None and known.sample_sha256 == found.sample_sha256
    if same_pixels or (known.sha256 is not None and known.sha256 == found.sha256):
        return
    if known.version is not None:
        said = "the scene's image lies in a store, and nothing is known to compare this one with"
    else:
        said = "it shows another image" if known.sample_sha256 else "it is not the same file byte by byte"
    raise RasterRefusedError(
        name,
        found=said,
        needed="the one that the scene was added with",
        remedy="Give that file, or add this one as another scene.",
    )
