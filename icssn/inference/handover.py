"""A place in a store where workers find the checkpoint and leave parts, when they share no folder with who asks."""

from __future__ import annotations

import functools
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from icssn import stores
from icssn.config import InferenceConfig
from icssn.durable import whole_file
from icssn.errors import StoreError
from icssn.inference.parts import Part, part_file
from icssn.nets.checkpoint import CARD_NAME, WEIGHTS_NAME


@dataclass(frozen=True)
class Handover:
    """The files of one prediction in a store. All methods but `clear` raise as `icssn.stores.look_up`.

    Attributes:
        address: Beneath which they lie, without a slash at its end.
    """

    address: str

    def give_checkpoint(self, folder: Path) -> None:
        """Put weights and card where every worker finds them."""
        for name in (WEIGHTS_NAME, CARD_NAME):
            stores.put(f"{self.address}/{name}", (folder / name).read_bytes())

    def checkpoint(self) -> Path:
        """Give a folder of this machine with weights and card, the same one for the same card."""
        card = self._fetched(CARD_NAME)
        with _one_at_a_time:
            folder = _folder_of(card)
            if not (folder / WEIGHTS_NAME).exists():
                (folder / CARD_NAME).write_bytes(card)
                (folder / WEIGHTS_NAME).write_bytes(self._fetched(WEIGHTS_NAME))
        return folder

    def leave(self, part: Part, folder: Path) -> None:
        """Put the file of a part that was predicted; it appears whole or not at all."""
        stores.put(self._of(part), part_file(folder, part).read_bytes())

    def collect(self, part: Part, folder: Path) -> None:
        """Take the file of a part into the folder, if it was left."""
        left = stores.fetch(self._of(part))
        if left is not None:
            with whole_file(part_file(folder, part)) as draft:
                draft.write_bytes(left)

    def clear(self) -> None:
        """Remove everything, unless the store does not answer: then it stays, and harms nothing."""
        with suppress(StoreError):
            stores.remove_beneath(self.address)

    def _of(self, part: Part) -> str:
        return f"{self.address}/{part_file(Path(), part).name}"

    def _fetched(self, name: str) -> bytes:
        found = stores.fetch(f"{self.address}/{name}")
        if found is None:
            raise StoreError(f"{self.address}/{name}", found="it is not there any more", remedy="Predict again.")
        return found


@contextmanager
def handed_over(config: InferenceConfig, name: str) -> Iterator[Handover | None]:
    """Give the place of this name that the settings allow, if any; only a killed process leaves something there."""
    if config.scheduler is None or config.handover is None:
        yield None
        return
    handover = Handover(f"{config.handover.rstrip('/')}/{name}")
    try:
        yield handover
    finally:
        handover.clear()


_one_at_a_time = threading.Lock()  # a Dask worker may have several threads


@functools.cache
def _folder_of(card: bytes) -> Path:
    """Give the folder of a checkpoint, and of what is compiled from it; it goes when the process ends."""
    return Path(tempfile.mkdtemp(dir=_scratch().name))


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="icssn-")
