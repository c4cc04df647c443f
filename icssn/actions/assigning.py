"""Candidates given to mappers: who is known, who has what."""

from __future__ import annotations

from collections.abc import Iterable

from icssn.actions.permission import require
from icssn.errors import ConfigError
from icssn.records import Role
from icssn.store import assignments, scenes
from icssn.store.workspace import Workspace

_LONGEST_NAME = 80


def people(ws: Workspace) -> list[str]:
    """Give the names of all who have worked in this workspace or were given something, the actor's among them."""
    return sorted({*assignments.people(ws.db), ws.actor.name})


def assign(ws: Workspace, scene_id: str, candidate_ids: Iterable[str], *, person: str) -> int:
    """Give candidates to a mapper, or to nobody again (an empty name); gives how many changed hands.

    Whoever may annotate may take candidates and give them back; to give them to others takes a reviewer.

    Raises:
        NotAllowedError: The actor's role does not suffice.
        NotFoundError: There is no such scene, or a candidate is not one of its; nothing was changed.
        ConfigError: The name is too long, or cannot be read.
    """
    name = person.strip()
    require(ws, Role.annotator if name in ("", ws.actor.name) else Role.reviewer, "give candidates to others")
    name = sound_name(name) if name else ""
    return assignments.give(ws.db, scenes.get(ws.db, scene_id).id, list(candidate_ids), person=name, by=ws.actor.name)


def list_assignments(ws: Workspace, prediction_id: str) -> dict[str, str]:
    """Give who has the candidates of a prediction, by candidate id; nobody's are left out."""
    return assignments.standing(ws.db, prediction_id)


def sound_name(name: str) -> str:
    """Give a person's name as it is written down.

    Raises:
        ConfigError: It is empty, too long, or holds signs that cannot be seen.
    """
    trimmed = name.strip()
    if not trimmed or len(trimmed) > _LONGEST_NAME or not trimmed.isprintable():
        raise ConfigError("name", trimmed[:_LONGEST_NAME], f"a name of 1 to {_LONGEST_NAME} characters on one line")
    return trimmed
