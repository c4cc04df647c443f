"""A workspace: one folder with its database, its files and the person who works in it."""

from __future__ import annotations

from pathlib import Path

from icssn.durable import make_folder
from icssn.environment import database_place, models_folder
from icssn.records import Actor
from icssn.store import geopackage
from icssn.store.database import Database, gone, open_database


class Workspace:
    """Where everything of one project lives.

    Attributes:
        folder: Absolute path of the workspace.
        models: Where checkpoints live, ``<id>/{model.safetensors, card.json, item.json}``.
        db: The open database.
        actor: Who acts; every change is signed with this name and checked against this role.
    """

    def __init__(self, folder: Path, *, actor: Actor) -> None:
        make_folder(folder)
        self.folder = folder
        self.models = models_folder(folder)
        self.actor = actor
        place = database_place(folder)
        if isinstance(place, Path) and geopackage.is_empty(str(place)) and _is_lived_in(folder):
            raise gone(str(place))
        self.db: Database = open_database(place)
        self.db.home = folder.resolve()

    def scene_folder(self, scene_id: str) -> Path:
        """Give the folder for what is derived from a scene."""
        return self.folder / "scenes" / scene_id

    def run_folder(self, run_id: str) -> Path:
        """Give the folder that explains a run."""
        return self.folder / "runs" / run_id

    def prediction_folder(self, prediction_id: str) -> Path:
        """Give the folder of a prediction's rasters."""
        return self.folder / "predictions" / prediction_id

    def scratch_folder(self, job_id: str) -> Path:
        """Give the folder of what a job needs only to go on where it stopped; it is removed when the job is over."""
        return self.folder / "scratch" / job_id

    def log_file(self, job_id: str) -> Path:
        """Give the log of a job."""
        return self.folder / "logs" / f"{job_id}.log"

    def path(self, relative: str) -> Path:
        """Give the absolute path of a file that a row names relative to the workspace."""
        return self.folder / relative

    def close(self) -> None:
        """Release the database."""
        self.db.close()


def _is_lived_in(folder: Path) -> bool:
    """Say whether files of a project are there, which no project has before it has a database."""
    return any(any((folder / name).glob("*")) for name in ("scenes", "runs", "models"))
