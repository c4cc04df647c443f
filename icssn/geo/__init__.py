"""Pure geometry: windows, CRS gates, polygon ⇄ mask. Knows no files and no database."""
