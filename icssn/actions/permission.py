"""Who may do what."""

from __future__ import annotations

from icssn.errors import NotAllowedError
from icssn.records import (
    Actor,
    Role,
)
from icssn.store.workspace import Workspace


def require(ws: Workspace, needed: Role, verb: str) -> None:
    """Refuse a verb to an actor of a lesser role.

    Raises:
        NotAllowedError: The actor's role does not suffice.
    """
    require_role(ws.actor, needed, verb)


def require_role(actor: Actor, needed: Role, verb: str) -> None:
    """Refuse a verb for which no workspace need be open; raises as `require` does."""
    order = list(Role)
    if order.index(actor.role) < order.index(needed):
        raise NotAllowedError(actor.name, actor.role, verb, needed)
