"""Model cards: the JSON beside a checkpoint's weights, read without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from icssn.errors import CheckpointRefusedError


def read(folder: Path) -> dict[str, Any]:
    """Give the card of the checkpoint in `folder`.

    Raises:
        CheckpointRefusedError: There is no card, or it is no JSON object.
    """
    try:
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise CheckpointRefusedError(
            folder.name, found="its card cannot be read", remedy="Restore the models folder, or train again."
        ) from err
    if not isinstance(card, dict):
        raise CheckpointRefusedError(folder.name, found="its card is no JSON object", remedy="Train again.")
    return card
