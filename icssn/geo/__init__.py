"""Pure geometry: windows, CRS gates, polygon ⇄ mask, boundary bands. Knows no files and no database."""
