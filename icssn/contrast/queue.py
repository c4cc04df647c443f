"""Keys of past steps, first in first out; batches of any size."""

from __future__ import annotations

import torch
from torch import Tensor


class KeyQueue:
    """The last `size` keys with their classes.

    Attributes:
        keys: Unit length, oldest first, shape (Q, D) with Q ≤ size, float32, without gradient.
        labels: Class of each, shape (Q,), int64.
    """

    def __init__(self, size: int, dimensions: int, *, device: torch.device) -> None:
        self.size = size
        self.keys = torch.zeros(0, dimensions, device=device)
        self.labels = torch.zeros(0, dtype=torch.int64, device=device)

    def push(self, keys: Tensor, labels: Tensor) -> None:
        """Append keys (B, D) with their classes (B,) and forget the oldest beyond `size`."""
        self.keys = torch.cat([self.keys, keys.detach().float()])[-self.size :]
        self.labels = torch.cat([self.labels, labels.to(torch.int64)])[-self.size :]

    def state(self) -> dict[str, Tensor]:
        """Give all that is needed to go on exactly."""
        return {"keys": self.keys, "labels": self.labels}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` gave."""
        self.keys, self.labels = state["keys"].to(self.keys), state["labels"].to(self.labels)
