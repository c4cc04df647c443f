import math
from pathlib import Path

import numpy as np
import pytest

from icssn.metrics.pixels import confusion
from icssn.metrics.trivial import all_background, all_landslide, grid_blobs, strongest

BIJIE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "bijie_scenes"


def test_all_landslide_has_the_prevalence_as_iou_and_all_background_its_rest_as_accuracy():
    truth = np.zeros((50, 40), np.uint8)
    truth[:10, :12] = 1
    truth[40:] = 255
    prevalence = 120 / 1600
    assert all_landslide(truth).iou == pytest.approx(prevalence)
    assert all_landslide(truth).recall == 1
    assert all_background(truth).accuracy == pytest.approx(1 - prevalence)
    assert all_background(truth).f1 == 0


def test_blobs_stand_on_a_grid_and_cover_what_discs_would():
    blobs = grid_blobs((600, 900), 100, 20)
    assert blobs[50, 50]
    assert blobs[550, 850]
    assert not blobs[0, 0]
    assert not blobs[50, 71]
    assert blobs.mean() == pytest.approx(math.pi * 20**2 / 100**2, rel=0.02)
    assert (blobs == blobs[::-1, ::-1]).all()


def test_blobs_are_drawn_as_measuring_every_pixel_would():
    blobs = grid_blobs((37, 53), 17.5, 6.2)
    for y in range(37):
        for x in range(53):
            near = min(
                math.hypot(y + 0.5 - (i + 0.5) * 17.5, x + 0.5 - (j + 0.5) * 17.5) for i in range(4) for j in range(5)
            )
            assert blobs[y, x] == (near <= 6.2)


def test_the_strongest_control_finds_centred_tiles_and_is_never_weaker_than_all_landslide():
    centred = grid_blobs((400, 400), 100, 22).astype(np.uint8)
    assert strongest(centred, tile_px=100).f1 > 0.9
    assert strongest(centred).f1 > 0.9  # 16 landslides: the same grid
    odd = np.zeros((400, 400), np.uint8)
    odd[:, :150] = 1
    assert strongest(odd).f1 >= all_landslide(odd).f1


@pytest.mark.real
def test_the_centre_blob_scores_on_the_real_scene_what_its_readme_says():
    if not BIJIE.exists():
        pytest.skip(f"the real scenes are not there ({BIJIE.name}); they are not part of the project")
    import rasterio

    with rasterio.open(BIJIE / "test_scene_mask.tif") as dataset:
        truth = dataset.read(1)
    assert strongest(truth, tile_px=168).iou == pytest.approx(0.17, abs=0.01)
    assert confusion(truth, grid_blobs(truth.shape, 168, 40)).f1 == pytest.approx(0.29, abs=0.01)
