"""The evidence about a candidate as JSON on the application's own port, asked for by the review map."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shapely.geometry.base import BaseGeometry
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from icssn import actions
from icssn.errors import IcssnError, NotFoundError
from icssn.geo import measures as outlines
from icssn.store.workspace import Workspace
from icssn.ui import measures
from icssn.ui.addresses import under
from icssn.ui.session import workspace


def routes(base: str = "") -> list[Route]:
    """Give the evidence route under the server's base path."""
    return [Route(under(base, "/evidence/{candidate}.json"), answer, methods=["GET"])]


def answer(request: Request) -> Response:
    """Answer with what is known about a candidate; one and the same 404 for all that is unknown or not allowed.

    Starlette runs it in its thread pool, since it is no coroutine.
    """
    try:
        return JSONResponse(gathered(workspace(), request.path_params["candidate"]))
    except NotFoundError:
        return JSONResponse({"error": "No such candidate."}, status_code=404)


def gathered(ws: Workspace, candidate_id: str) -> dict[str, Any]:
    """Give terrain, calibration and history of a candidate, JSON-ready; words are keys of the catalogue.

    Raises:
        NotFoundError: No such candidate.
    """
    candidate = actions.find_candidate(ws, candidate_id)
    calibration = actions.score_calibration(ws, candidate)
    found: dict[str, Any] = {
        "measures": {},
        "profile": None,
        "checks": [],
        "calibration": asdict(calibration) if calibration else None,
        "history": [
            {
                "when": measures.moment(prediction.created_at)[5:],
                "score": seen.score if seen else None,
                "overlap": seen.overlap if seen else 0.0,
            }
            for prediction, seen in actions.candidate_history(ws, candidate_id)
        ],
    }
    try:
        relief = actions.candidate_terrain(ws, candidate_id)
    except IcssnError:  # the elevation model was moved or is damaged: everything else still counts
        found["measures"] = sizes(candidate.geometry_lonlat, downslope_deg=None)
        return found | {"checks": [{"key": "no_elevation", "values": {}}]}
    found["measures"] = sizes(
        candidate.geometry_lonlat, downslope_deg=relief.measures.get("dip_deg") if relief else None
    )
    if relief:
        found["measures"] |= relief.measures
        found["profile"] = asdict(relief.profile) if relief.profile else None
        found["checks"] = [{"key": key, "values": values} for key, values in relief.checks]
    return found


def sizes(outline_lonlat: BaseGeometry, *, downslope_deg: float | None) -> dict[str, float | None]:
    """Give length and width of an outline in m, and its direction."""
    found = outlines.measures(outline_lonlat, downslope_deg=downslope_deg)
    return {"length_m": found.length_m, "width_m": found.width_m, "azimuth_deg": found.azimuth_deg}
