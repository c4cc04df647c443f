"""The pixel grid of the image: brings the coarse terrain to it, burns shapes into it, makes noise on it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage, sparse
from shapely.geometry.base import BaseGeometry

from icssn.demo.noise import Field, band_noise, fractal_noise
from icssn.demo.terrain import CELL_M, SIDE_M


class Canvas:
    """A square of pixels over the whole scene; lengths are metres, `x_m` east and `y_m` south of its corner."""

    def __init__(self, rng: np.random.Generator, size_px: int) -> None:
        """Take the source of all randomness and the number of pixels per side."""
        self.rng = rng
        self.size_px = size_px
        self.shape = (size_px, size_px)
        self.pixel_m = SIDE_M / size_px
        middle = (np.arange(size_px, dtype=np.float32) + 0.5) * np.float32(self.pixel_m)
        self.x_m, self.y_m = middle[None, :], middle[:, None]

    def fine(self, coarse: Field, *, blur_m: float = 0.0) -> Field:
        """Bring a field of the 4 m grid to the pixels with a cubic spline, blurred first where wished."""
        if blur_m:
            coarse = ndimage.gaussian_filter(coarse, blur_m / CELL_M)
        weights = _spline(coarse.shape[0], self.size_px)
        middle = coarse.mean()  # taken out so that the weights' cut tails do not show
        fine: Field = np.ascontiguousarray((weights @ (weights @ (coarse - middle)).T).T) + middle
        return fine

    def fine_share(self, coarse: Field, *, blur_m: float = 0.0) -> Field:
        """Do the same for a field of 0–1, which the spline would overshoot."""
        return np.clip(self.fine(coarse, blur_m=blur_m), 0, 1)

    def drawn(self, shapes: Iterable[BaseGeometry], *, blur_m: float = 0.7) -> Field:
        """Draw shapes with soft edges, 0–1."""
        return self.blurred(self.burnt((shape, 1) for shape in shapes).astype(np.float32), blur_m)

    def burnt(self, shapes: Iterable[tuple[BaseGeometry, int]]) -> NDArray[np.uint8]:
        """Write a number into the pixels of every shape, 0 elsewhere."""
        mask = np.zeros(self.shape, np.uint8)
        filled = [item for item in shapes if not item[0].is_empty]
        if filled:
            rasterize(filled, out=mask, transform=Affine(self.pixel_m, 0, 0, 0, self.pixel_m, 0))
        return mask

    def blurred(self, layer: Field, blur_m: float) -> Field:
        """Blur with a Gaussian of standard deviation `blur_m`."""
        soft: Field = ndimage.gaussian_filter(layer, blur_m / self.pixel_m)
        return soft

    def band(self, wavelength_m: float) -> Field:
        """Give noise around one wavelength, standard deviation 1."""
        return band_noise(self.rng, self.shape, cell_m=self.pixel_m, wavelength_m=wavelength_m)

    def fractal(self, longest_m: float, *, slope: float) -> Field:
        """Give fractal noise, standard deviation 1."""
        return fractal_noise(self.rng, self.shape, cell_m=self.pixel_m, longest_m=longest_m, slope=slope)


@cache
def _spline(cells: int, size_px: int) -> sparse.csr_matrix:
    """Weights (pixels, cells) of a cubic spline through cell centres that runs straight on at the border."""
    beyond = 12  # cells; the spline has forgotten its end by then
    padded = np.pad(np.eye(cells), ((beyond, beyond), (0, 0)), mode="reflect", reflect_type="odd")
    at = (np.arange(size_px) + 0.5) * cells / size_px - 0.5 + beyond
    weights = ndimage.map_coordinates(padded, np.meshgrid(at, np.arange(cells), indexing="ij"), order=3, mode="nearest")
    return sparse.csr_matrix(np.where(np.abs(weights) > 1e-6, weights, 0).astype(np.float32))
