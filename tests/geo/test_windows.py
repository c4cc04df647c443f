import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window

from icssn.geo.windows import even_cores, with_halo


@given(width=st.integers(1, 700), height=st.integers(1, 700), core_px=st.integers(1, 300))
def test_cores_cover_every_pixel_exactly_once(width: int, height: int, core_px: int) -> None:
    seen = np.zeros((height, width), int)
    for core in even_cores(width, height, core_px):
        assert core.width > 0
        assert core.height > 0
        seen[core.row_off : core.row_off + core.height, core.col_off : core.col_off + core.width] += 1
    assert (seen == 1).all()


@given(width=st.integers(1, 5000), core_px=st.integers(1, 1200))
def test_cores_are_no_larger_than_wished_rounded_up_to_the_stride(width: int, core_px: int) -> None:
    sides = [core.width for core in even_cores(width, 10, core_px)]
    assert max(sides) <= -(-core_px // 32) * 32
    assert all(side % 32 == 0 for side in sides[:-1])


def test_cores_are_even_instead_of_leaving_a_sliver() -> None:
    assert [core.width for core in even_cores(1040, 32, 1024)] == [544, 496]


def test_a_halo_may_reach_outside_the_raster() -> None:
    assert with_halo(Window(0, 32, 64, 32), 8) == Window(-8, 24, 80, 48)
