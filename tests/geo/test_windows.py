import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window

from icssn.geo.windows import even_windows, with_halo

lengths, cores, halos = st.integers(1, 700), st.integers(1, 300), st.integers(0, 130)


@given(width=lengths, height=lengths, core_px=cores, halo_px=halos)
def test_cores_cover_every_pixel_exactly_once(width: int, height: int, core_px: int, halo_px: int) -> None:
    seen = np.zeros((height, width), int)
    for core, _ in itertools.chain(*even_windows(width, height, core_px=core_px, halo_px=halo_px)):
        assert core.width > 0
        assert core.height > 0
        seen[core.row_off : core.row_off + core.height, core.col_off : core.col_off + core.width] += 1
    assert (seen == 1).all()


@given(width=st.integers(1, 5000), core_px=st.integers(1, 1200), halo_px=halos)
def test_every_core_has_its_halo_or_reaches_the_border(width: int, core_px: int, halo_px: int) -> None:
    (row,) = even_windows(width, 10, core_px=core_px, halo_px=halo_px)
    for core, window in row:
        left, right = core.col_off - window.col_off, window.width - core.width - (core.col_off - window.col_off)
        assert left >= halo_px or core.col_off == window.col_off == 0
        assert right >= halo_px or core.col_off + core.width == window.col_off + window.width == width


@given(width=st.integers(1, 5000), core_px=st.integers(1, 1200), halo_px=halos)
def test_windows_are_of_one_size_and_start_at_the_stride(width: int, core_px: int, halo_px: int) -> None:
    (row,) = even_windows(width, 10, core_px=core_px, halo_px=halo_px)
    sides = [window.width for _, window in row]
    assert len(set(sides[:-1])) <= 1
    assert 0 <= sides[0] - sides[-1] < 32
    assert all(window.col_off % 32 == 0 for _, window in row)
    assert sides[0] <= -(-core_px // 32) * 32 + 2 * -(-halo_px // 32) * 32


def test_windows_are_even_instead_of_leaving_a_sliver() -> None:
    (row,) = even_windows(1040, 32, core_px=1024, halo_px=0)
    assert [core.width for core, _ in row] == [512, 528]
    (row,) = even_windows(4096, 32, core_px=1024, halo_px=128)
    assert [window.width for _, window in row] == [1216] * 4


def test_a_raster_that_fits_is_one_window() -> None:
    assert even_windows(500, 400, core_px=300, halo_px=128) == [[(Window(0, 0, 500, 400), Window(0, 0, 500, 400))]]


def test_a_halo_may_reach_outside_the_raster() -> None:
    assert with_halo(Window(0, 32, 64, 32), 8) == Window(-8, 24, 80, 48)
