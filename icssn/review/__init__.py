"""What makes a geologist's minute count: which candidate first, how sure its outline is, what its ground says.

Pure functions of arrays and geometries, without torch, files or SQL; the actions read the rasters.
"""
