import numpy as np
import pytest

from icssn.chips.stack import growing


@pytest.mark.parametrize("count", [0, 1, 3, 123])
def test_a_stack_is_the_file_that_numpy_would_have_saved(tmp_path, count):
    arrays = np.random.default_rng(0).integers(0, 256, (count, 2, 5, 4), np.uint8)
    with growing(tmp_path / "grown.npy", (2, 5, 4)) as stack:
        for array in arrays:
            stack.append(array)
    assert stack.count == count
    assert (np.load(tmp_path / "grown.npy") == arrays).all()
    assert np.load(tmp_path / "grown.npy").shape == arrays.shape


def test_a_stack_can_be_mapped_from_disk(tmp_path):
    with growing(tmp_path / "grown.npy", (3,)) as stack:
        stack.append(np.array([1, 2, 3], np.uint8))
    assert np.load(tmp_path / "grown.npy", mmap_mode="r").tolist() == [[1, 2, 3]]


def test_rows_of_an_array_that_is_not_contiguous_are_written_in_order(tmp_path):
    array = np.arange(12, dtype=np.uint8).reshape(3, 4).T
    with growing(tmp_path / "grown.npy", (4, 3)) as stack:
        stack.append(array)
    assert (np.load(tmp_path / "grown.npy")[0] == array).all()


@pytest.mark.parametrize("array", [np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.float32)])
def test_what_does_not_fit_is_refused(tmp_path, array):
    with pytest.raises(ValueError, match="does not fit"), growing(tmp_path / "grown.npy", (3, 2)) as stack:
        stack.append(array)
