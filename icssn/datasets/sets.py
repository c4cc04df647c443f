"""Which public sets can be read, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from icssn.datasets import bijie, cas, gvlm, hrgldd, landslide4sense
from icssn.datasets.sample import Sample
from icssn.errors import NotFoundError


@dataclass(frozen=True)
class PublicSet:
    """A public set.

    Attributes:
        title: Its own name.
        samples: Lists its samples from the folder into which it was unpacked.
        colours: Bands, from 1, that are red, green and blue.
    """

    title: str
    samples: Callable[[Path], list[Sample]]
    colours: tuple[int, int, int] = (1, 2, 3)


SETS: dict[str, PublicSet] = {
    "bijie": PublicSet("Bijie", bijie.samples),
    "landslide4sense": PublicSet("Landslide4Sense", landslide4sense.samples, colours=(4, 3, 2)),
    "hr-gldd": PublicSet("HR-GLDD", hrgldd.samples),
    "gvlm": PublicSet("GVLM", gvlm.samples),
    "cas": PublicSet("CAS Landslide", cas.samples),
}


def public_set(name: str) -> PublicSet:
    """Give the set of this name.

    Raises:
        NotFoundError: There is none; the message lists those there are.
    """
    if name not in SETS:
        raise NotFoundError("public set", name, known=SETS)
    return SETS[name]


def by_split(samples: list[Sample]) -> dict[str, list[Sample]]:
    """Give samples by what their set keeps apart, in the set's order."""
    return {
        split: [sample for sample in samples if sample.split == split]
        for split in dict.fromkeys(t.split for t in samples)
    }


def some(samples: list[Sample], most: int | None) -> list[Sample]:
    """Give at most so many samples, always the same ones, in their order."""
    if most is None or most >= len(samples):
        return samples
    return [samples[number] for number in sorted(np.random.default_rng(0).permutation(len(samples))[:most])]
