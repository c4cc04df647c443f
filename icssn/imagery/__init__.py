"""The only raster files: hardened opening, stretch, web-optimised COGs, tiles, rasters written whole.

What has no place on the Earth is refused in our own words, so rasterio's warning of it is switched off here, once and
for good. rasterio switches it off around every warp as well, which is not safe in threads: it then comes through.
"""

import warnings

from rasterio.errors import NotGeoreferencedWarning

warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
