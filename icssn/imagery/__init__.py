"""The only raster files: hardened opening, stretch, web-optimised COGs, tiles, rasters written whole."""
