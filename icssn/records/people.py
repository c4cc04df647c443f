"""Who works here: people, what they may do, and what they have not saved yet."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from icssn.records.form import Id, Record


class Role(StrEnum):
    """What a user may do; each role includes those before it."""

    viewer = "viewer"
    annotator = "annotator"
    reviewer = "reviewer"
    admin = "admin"


class Actor(Record):
    """Who does something."""

    name: str
    role: Role = Role.admin


class Draft(Record):
    """Unsaved edits of one browser tab, kept so that no crash loses them."""

    session_id: Id  # of the tab
    body: str  # JSON text that only the browser writes and reads
    kept_at: dt.datetime
    is_open: bool  # the tab gave a sign of life lately, so the draft is still in somebody's hands


class Present(Record):
    """Somebody who has a scene open for editing now."""

    person: str
    tabs: int
