"""Eight views are worth more than one: they agree whichever way the scene lies, and say where they do not."""

import numpy as np
import pytest

from icssn.inference.backend import TorchBackend
from icssn.inference.turned import TurnedBackend
from tests.inference.conftest import landscape


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_scene_gives_the_turned_map(backend: TorchBackend, quarters: int, mirrored: bool) -> None:
    image = landscape(96, 128)
    turned = np.ascontiguousarray(np.rot90(image[..., :: -1 if mirrored else 1], quarters, axes=(1, 2)))
    thorough = TurnedBackend(backend)
    plain, other = thorough.map(image[None]), thorough.map(turned[None])
    assert plain.spread is not None
    assert other.spread is not None
    for one, two in ((plain.probability, other.probability), (plain.spread, other.spread), (plain.cells, other.cells)):
        back = np.rot90(two[0], -quarters)[..., :: -1 if mirrored else 1]
        np.testing.assert_allclose(back.astype(float), one[0].astype(float), atol=1.1)


def test_mean_and_spread_are_those_of_the_views(backend: TorchBackend) -> None:
    image = landscape(64, 96, seed=5)
    views = []
    for quarters in range(4):
        for step in (1, -1):
            view = np.ascontiguousarray(np.rot90(image, quarters, axes=(1, 2))[..., ::step])
            views.append(np.rot90(backend.map(view[None]).probability[0][..., ::step], -quarters).astype(float))
    found = TurnedBackend(backend).map(image[None])
    assert found.spread is not None
    assert found.spread.max() > 20
    np.testing.assert_allclose(found.probability[0], np.mean(views, axis=0), atol=0.51)
    np.testing.assert_allclose(found.spread[0], np.std(views, axis=0), atol=0.51)


def test_sizes_that_are_no_multiples_of_a_cell_stay_as_they_are(backend: TorchBackend) -> None:
    found = TurnedBackend(backend).map(np.stack([landscape(50, 75)] * 2))
    assert found.spread is not None
    assert found.probability.shape == found.spread.shape == (2, 50, 75)
    assert found.cells.shape == (2, 2, 3)
