"""Close GDAL's side doors: virtual and remote drivers, sidecar files, network reads.

The list of skipped drivers is one of two locks. GDAL registers its VRT driver again whenever a process makes a
virtual dataset (rasterio's WarpedVRT, and through it rio-tiler and rio-cogeo), so nothing here uses these: pixels are
warped as arrays. The other lock holds in any case: rasters are opened by `icssn.imagery.open.open_raster`, which
reads the magic bytes and allows the GeoTIFF driver alone; vectors by `icssn.vectors.read`, which reads them too.
"""

from __future__ import annotations

import os

# Drivers that can reach other files or hosts from inside a small text or XML file, as far as the packages of rasterio
# and pyogrio carry them (GDAL complains aloud about a name it does not know).
_FORBIDDEN_RASTER = (
    "VRT GTI WMS WMTS WCS STACIT STACTA MRF DERIVED HTTP EEDA EEDAI PLMOSAIC DAAS NGW OGCAPI Zarr PDF "
    "SENTINEL2 SAFE DIMAP GTX"
)
_FORBIDDEN_VECTOR = "OGR_VRT WFS OAPIF CSW Elasticsearch Carto GPX GTFS"

_ENVIRONMENT = {
    "GDAL_SKIP": _FORBIDDEN_RASTER.replace(" ", ","),
    "OGR_SKIP": _FORBIDDEN_VECTOR.replace(" ", ","),
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "none-is-allowed",
    "GDAL_MAX_DATASET_POOL_SIZE": "50",
    "GDAL_CACHEMAX": "384",  # MB of unpacked blocks; the default, a twentieth of the memory, would not be bounded
    "OGR_GEOJSON_MAX_OBJ_SIZE": "50",
}


def close_doors() -> None:
    """Set GDAL's environment; must run before rasterio or pyogrio is imported for the first time."""
    os.environ.update(_ENVIRONMENT)
