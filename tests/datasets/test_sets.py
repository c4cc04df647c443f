"""Public sets: each read as it is given out, the same samples from all of them, and nothing else opened."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio

from icssn.datasets.bijie import samples as bijie_samples
from icssn.datasets.sets import SETS, by_split, public_set, some
from icssn.errors import DatasetRefusedError, MissingPartError, NotFoundError
from tests.datasets import lookalikes

CASES = {
    "bijie": (lookalikes.bijie, {"": 4}, 3, 0.8, np.uint8),
    "landslide4sense": (lookalikes.landslide4sense, {"train": 11}, 14, 10.0, np.float32),
    "hr-gldd": (lookalikes.hrgldd, {"train": 3, "test": 2}, 4, 3.0, np.float32),
    "gvlm": (lookalikes.gvlm, {"A Luoi_Vietnam": 1, "Shimen_China": 1}, 3, 0.59, np.uint8),
    "cas": (lookalikes.cas, {"Moxi town(UAV-0.6m)": 3, "Palu(SAT-5m)": 2}, 3, 0.6, np.uint8),
}


def test_every_set_has_a_look_alike() -> None:
    assert set(CASES) == set(SETS)


@pytest.mark.parametrize("kind", CASES)
def test_a_set_gives_its_samples_with_bands_masks_and_splits(kind: str, tmp_path: Path) -> None:
    make, splits, bands, pixel_m, dtype = CASES[kind]
    samples = public_set(kind).samples(make(tmp_path / kind))
    assert Counter(sample.split for sample in samples) == splits
    assert [len(of) for of in by_split(samples).values()] == [splits[split] for split in by_split(samples)]
    assert samples[0].pixel_m == pixel_m
    for sample in samples:
        image, mask = sample.read()
        assert image.shape == (bands, *sample.size_px)
        assert image.dtype == dtype
        assert mask.shape == sample.size_px
        assert set(np.unique(mask)) <= {0, 1}
    slides = sum(int(sample.read()[1].sum()) == 100 for sample in samples)
    assert slides == len(samples) - (kind == "bijie")  # which has one sample of ground without any


def test_samples_come_in_the_order_in_which_people_count(tmp_path: Path) -> None:
    samples = public_set("landslide4sense").samples(lookalikes.landslide4sense(tmp_path))
    assert [sample.name for sample in samples] == [f"image_{number}" for number in range(1, 12)]
    seeds = [round(float(sample.read()[0][0, 0, 0]) * 100) for sample in samples]
    assert seeds == list(range(1, 12))


def test_two_flat_folders_are_read_as_well(tmp_path: Path) -> None:
    samples = bijie_samples(lookalikes.flat(tmp_path))
    assert [int(sample.read()[1].sum()) for sample in samples] == [0, 100, 0]


def test_a_share_of_the_samples_is_always_the_same(tmp_path: Path) -> None:
    samples = public_set("landslide4sense").samples(lookalikes.landslide4sense(tmp_path))
    assert some(samples, None) == some(samples, 11) == samples
    few = some(samples, 4)
    assert len(few) == 4
    assert few == some(samples, 4)
    assert [sample.name for sample in few] != [sample.name for sample in samples[:4]]


def test_an_unknown_set_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFoundError, match=r"'bijou'.*bijie.*hr-gldd"):
        public_set("bijou")


@pytest.mark.parametrize("kind", CASES)
def test_a_folder_without_the_set_is_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetRefusedError, match=r"'empty' was refused: no samples were found in it; .* is needed"):
        public_set(kind).samples(tmp_path / "empty")
    with pytest.raises(DatasetRefusedError, match="there is no such folder"):
        public_set(kind).samples(tmp_path / "none")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


@pytest.mark.parametrize(
    ("kind", "file"),
    [("bijie", "landslide/mask/df001.png"), ("gvlm", "Shimen_China/ref.png"), ("hr-gldd", "trainY.npy")],
)
def test_a_file_cut_short_is_named(kind: str, file: str, tmp_path: Path) -> None:
    folder = CASES[kind][0](tmp_path / kind)
    _cut(folder / file)
    with pytest.raises(DatasetRefusedError, match=rf"'{Path(file).name}' was refused: it cannot be read"):
        [sample.read() for sample in public_set(kind).samples(folder)]


def test_an_image_and_a_mask_of_different_sizes_are_refused(tmp_path: Path) -> None:
    folder = lookalikes.flat(tmp_path)
    (folder / "masks/t1.png").unlink()
    lookalikes._png(folder / "masks/t1.png", lookalikes.slide(side=40))
    with pytest.raises(DatasetRefusedError, match=r"arrays of 3×32×32 and 40×40"):
        bijie_samples(folder)[1].read()


def test_arrays_with_python_objects_are_never_unpacked(tmp_path: Path) -> None:
    folder = lookalikes.hrgldd(tmp_path)
    np.save(folder / "trainX.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DatasetRefusedError, match=r"'trainX\.npy' was refused"):
        public_set("hr-gldd").samples(folder)


def _external_link(path: Path, other: Path) -> None:
    with h5py.File(path, "w") as file:
        file["img"] = h5py.ExternalLink(str(other), "img")


def _virtual_array(path: Path, other: Path) -> None:
    layout = h5py.VirtualLayout((32, 32, 14), "f8")
    layout[:] = h5py.VirtualSource(str(other), "img", (32, 32, 14))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("img", layout)


def _values_elsewhere(path: Path, other: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("img", (32, 32, 14), "u1", external=[(str(other), 0, h5py.h5f.UNLIMITED)])


@pytest.mark.parametrize("hostile", [_external_link, _virtual_array, _values_elsewhere])
def test_an_hdf5_file_cannot_make_us_read_another(hostile: Callable[[Path, Path], None], tmp_path: Path) -> None:
    folder = lookalikes.landslide4sense(tmp_path)
    hostile(folder / "TrainData/img/image_1.h5", folder / "TrainData/img/image_2.h5")
    sample = public_set("landslide4sense").samples(folder)[0]
    with pytest.raises(DatasetRefusedError, match=r"'image_1.h5' was refused: it holds no array 'img' of its own"):
        sample.read()


def test_without_h5py_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lookalikes.landslide4sense(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)  # what an installation without it is to the import
    with pytest.raises(MissingPartError, match=r"h5py.*pip install h5py"):
        public_set("landslide4sense").samples(folder)


def test_a_cas_sample_that_is_no_tiff_is_refused_by_the_door_for_rasters(tmp_path: Path) -> None:
    folder = lookalikes.cas(tmp_path)
    (folder / "Palu(SAT-5m)/img/sample2.tif").write_text("<VRTDataset/>")
    with pytest.raises(ValueError, match=r"'sample2.tif' was refused: it is named like a GeoTIFF"):
        [sample.read() for sample in public_set("cas").samples(folder)]


@pytest.mark.real
def test_the_real_bijie_samples_are_read_where_they_stand(real_data: Path) -> None:
    samples = {sample.name: sample for sample in bijie_samples(real_data / "bijie")}
    assert len(samples) == 722
    image, mask = samples["js014"].read()
    assert mask.mean() == pytest.approx(0.1731, abs=1e-4)  # as the set's index says
    with rasterio.open(real_data / "bijie/images/js014.png") as dataset:
        assert np.array_equal(dataset.read(), image)
    assert sum(sample.read()[1].any() for sample in list(samples.values())[:60]) > 0
