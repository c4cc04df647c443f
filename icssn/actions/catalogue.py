"""The catalogue of scenes: listed, found, renamed, removed from the project and restored."""

from __future__ import annotations

from icssn.actions.assigning import sound_name
from icssn.actions.permission import require
from icssn.errors import BusyError, DuplicateError
from icssn.imagery.open import is_gone
from icssn.records import Job, JobKind, Removal, Role, Scene
from icssn.store import jobs, runs, scenes
from icssn.store.workspace import Workspace


def list_scenes(ws: Workspace, *, removed: bool = False) -> list[Scene]:
    """Give the scenes of the project, or those that were removed from it, in the order in which they were added."""
    return scenes.removed(ws.db) if removed else scenes.every(ws.db)


def find_scene(ws: Workspace, name: str, *, removed: bool = False) -> Scene:
    """Give the scene with this name.

    Args:
        ws: Where.
        name: Of the scene.
        removed: One that was removed will do as well.

    Raises:
        NotFoundError: There is none, and the message lists those there are; or it was removed, and the message says
            how to restore it.
    """
    return scenes.named(ws.db, name, removed=removed)


def rename_scene(ws: Workspace, scene_id: str, name: str) -> Scene:
    """Give a scene another name; everything else stays as it is.

    Raises:
        NotFoundError: There is no such scene.
        ConfigError: The name is empty, too long, or holds signs that cannot be seen.
        DuplicateError: Another scene has it; one that was removed keeps its name.
    """
    require(ws, Role.annotator, "rename a scene")
    wanted = sound_name(name)
    if wanted != scenes.get(ws.db, scene_id).name:
        require_free(ws, wanted)
    return scenes.update(ws.db, scene_id, name=wanted)


def remove_scene(ws: Workspace, scene_id: str) -> Scene:
    """Take a scene out of the project until somebody restores it.

    It is no longer listed, counted, learned from or predicted. Nothing is deleted: labels with their history,
    predictions, inventories and the file stay, models that learned from it go on, and unsaved edits may still be saved.

    Raises:
        NotFoundError: There is no such scene.
        BusyError: A job of this scene waits or runs.
    """
    require(ws, Role.annotator, "remove a scene")
    scene = scenes.get(ws.db, scene_id)
    for job in jobs.active(ws.db):
        if _is_of(ws, job, scene):
            raise BusyError(job.kind, job.id, job.state)
    return scene if scene.removed else scenes.update(ws.db, scene_id, removed=Removal(by=ws.actor.name))


def restore_scene(ws: Workspace, scene_id: str) -> Scene:
    """Bring a scene that was removed back into the project, as it was.

    Raises:
        NotFoundError: There is no such scene.
    """
    require(ws, Role.annotator, "restore a scene")
    return scenes.update(ws.db, scene_id, removed=None)


def require_free(ws: Workspace, name: str) -> None:
    """Make sure that no scene has a name, not even one that was removed.

    Raises:
        DuplicateError: One has it.
    """
    scene = next((scene for scene in scenes.known(ws.db) if scene.name == name), None)
    if scene is None:
        return
    if scene.removed is None and is_gone(scene.raster):
        remedy = (
            "Its own file is gone: say where it is now, on the Scenes page or with icssn scene move, "
            "or choose another name."
        )
        raise DuplicateError("scene", name, remedy=remedy)
    if scene.removed is None:
        raise DuplicateError("scene", name)
    remedy = "Restore it on the Scenes page or with icssn scene restore, or choose another name."
    raise DuplicateError("scene", name, remedy=scene.removed.refusal(remedy))


def _is_of(ws: Workspace, job: Job, scene: Scene) -> bool:
    """Tell whether a job works on a scene, learns from it or makes it."""
    if job.kind is JobKind.demo:
        return scene.name == "demo"
    if job.kind is JobKind.train:
        learned_from = runs.get(ws.db, str(job.params["run_id"])).scene_ids
        return scene.id in (*learned_from, *job.params.get("then_predict", ()))
    return scene.id == job.params.get("scene_id") or scene.name in job.params.get("names", {}).values()
