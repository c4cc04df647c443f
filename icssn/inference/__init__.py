"""Apply a checkpoint to a scene: windows, probability and mask rasters, candidates. No database."""
