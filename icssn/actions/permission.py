"""Who may do what."""

from __future__ import annotations

from icssn.errors import NotAllowedError
from icssn.records import (
    Role,
)
from icssn.store.workspace import Workspace


def require(ws: Workspace, needed: Role, verb: str) -> None:
    """Refuse a verb to an actor of a lesser role.

    Raises:
        NotAllowedError: The actor's role does not suffice.
    """
    order = list(Role)
    if order.index(ws.actor.role) < order.index(needed):
        raise NotAllowedError(ws.actor.name, ws.actor.role, verb, needed)
