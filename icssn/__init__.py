"""ICSSN: map old landslides from few labels.

The GDAL environment is closed here, before any module can import rasterio or pyogrio.
"""

from icssn.gdal_environment import close_doors

close_doors()
__version__ = "0.1.0"
