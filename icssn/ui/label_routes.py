"""What the label editor asks of the server while it is used: labels, a Save, a change of outlines, a label's past.

None of it runs the page again. Every request carries the header ``X-ICSSN`` (see `posted`); geometries are GeoJSON in
longitude/latitude.

- ``GET labels/{scene}`` answers ``{revision, labels}``.
- ``POST labels/{scene}`` takes a Save (see `payload.edits`) and answers ``{revision, labels}`` with those it left.
- ``GET labels/{scene}/{uid}`` answers ``{versions}``, oldest first.
- ``GET deleted/{scene}`` answers ``{labels: [{before, deleted}]}``, versions of labels that are deleted, newest first.
- ``POST labels/{scene}/measures`` takes ``{geometry, volume_m3, uid}``, answers the measured and recorded fields.
- ``POST labels/{scene}/warnings`` takes a Save that is not made, answers
  ``{warnings: [{kind, uids, at, text, ground}]}``.
- ``POST outlines/{verb}`` takes ``{polygons, line, reach_m}``, answers ``{polygons, areas}`` (m²) and stores nothing.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from icssn import actions
from icssn.ui import as_json, outline_verbs, payload, posted, sharing, wording
from icssn.ui.addresses import under
from icssn.ui.session import workspace


def routes(base: str = "") -> list[Route]:
    """Give the editor's routes under the server's base path."""
    return [
        Route(under(base, "/labels/{scene}"), labels, methods=["GET"]),
        Route(under(base, "/labels/{scene}"), save, methods=["POST"]),
        Route(under(base, "/labels/{scene}/{uid}"), history, methods=["GET"]),
        Route(under(base, "/deleted/{scene}"), deleted, methods=["GET"]),
        Route(under(base, "/labels/{scene}/measures"), measures, methods=["POST"]),
        Route(under(base, "/labels/{scene}/warnings"), warnings, methods=["POST"]),
        Route(under(base, "/outlines/{verb}"), outline, methods=["POST"]),
    ]


async def labels(request: Request) -> Response:
    """Answer with all labels of a scene."""
    return await posted.answered(request, lambda: current(request.path_params["scene"]))


async def save(request: Request) -> Response:
    """Apply one Save."""
    return await posted.answered(request, lambda message: saved(request.path_params["scene"], message))


async def history(request: Request) -> Response:
    """Answer with every version of a label."""
    return await posted.answered(request, lambda: versions(request.path_params["uid"]))


async def deleted(request: Request) -> Response:
    """Answer with the labels that are deleted now."""
    return await posted.answered(request, lambda: gone(request.path_params["scene"]))


async def measures(request: Request) -> Response:
    """Answer with what an outline measures."""
    return await posted.answered(request, lambda message: measured(request.path_params["scene"], message))


async def warnings(request: Request) -> Response:
    """Answer with what looks wrong, unsaved edits included."""
    speech = posted.language(request)
    return await posted.answered(request, lambda message: warned(request.path_params["scene"], message, speech))


async def outline(request: Request) -> Response:
    """Change outlines by a verb of `outline_verbs`."""
    return await posted.answered(request, lambda message: outline_verbs.changed(request.path_params["verb"], message))


def current(scene_id: str) -> dict[str, Any]:
    """Give a scene's labels and their revision; a save in between makes the revision the older one, never the newer.

    What would tell a second reader how others decided is left out, here and in what is deleted and warned of.
    """
    ws = workspace()
    revision = actions.label_revision(ws, scene_id)
    return {"revision": revision, "labels": as_json.labels(sharing.open_labels(ws, scene_id), points=True)}


def saved(scene_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Apply one Save, whole or not at all, and give what it left."""
    done = actions.save_edits(workspace(), scene_id, payload.edits(message))
    return {"revision": done.revision, "labels": as_json.labels(done.labels, points=True)}


def versions(uid: str) -> dict[str, Any]:
    """Give the past of a label, oldest first."""
    return {"versions": [as_json.version(version) for version in actions.label_history(workspace(), uid)]}


def gone(scene_id: str) -> dict[str, Any]:
    """Give the labels of a scene that are deleted now, each as it was and who deleted it when."""
    ws = workspace()
    kept = actions.kept_from(ws, scene_id)
    return {
        "labels": [
            {"before": as_json.version(step.before), "deleted": as_json.version(step.after)}
            for step in actions.deleted_labels(ws, scene_id)
            if step.before and step.before.uid not in kept
        ]
    }


def measured(scene_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Give what is measured of an outline, and what was recorded when its label, where it has one, was made."""
    geometry, volume_m3, uid = payload.measurable(message)
    recorded = actions.label_records(workspace(), scene_id, uids=[uid]) if uid else []
    found = actions.measure_outline(workspace(), scene_id, geometry, volume_m3=volume_m3)
    return found.model_dump(exclude_none=True) | (recorded[0].provenance if recorded else {})


def warned(scene_id: str, message: dict[str, Any], language: str) -> dict[str, Any]:
    """Give what looks wrong with the labels as they would be after a Save, told in a language."""
    ws = workspace()
    kept = actions.kept_from(ws, scene_id)
    found = [w for w in actions.check_labels(ws, scene_id, payload.edits(message)) if kept.isdisjoint(w.uids)]
    return {"warnings": [as_json.warning(w) | {"text": wording.told(w.text, language=language)} for w in found]}
