import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from icssn.geo.boundary import boundary_band


@settings(max_examples=60)
@given(
    mask=arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.sampled_from([0, 1, 255])),
    radius_px=st.floats(0.5, 5),
)
def test_the_band_equals_a_search_over_all_pairs_of_pixels(mask: np.ndarray, radius_px: float) -> None:
    expected = np.zeros(mask.shape, bool)
    places = [(row, col) for row in range(mask.shape[0]) for col in range(mask.shape[1])]
    for here in places:
        for there in places:
            distance = np.hypot(here[0] - there[0], here[1] - there[1])
            if {mask[here], mask[there]} == {0, 1} and distance <= radius_px:
                expected[here] = True
    np.testing.assert_array_equal(boundary_band(mask, radius_px), expected)


def test_a_mask_of_one_class_has_no_boundary() -> None:
    assert not boundary_band(np.ones((4, 4), np.uint8), 3).any()
