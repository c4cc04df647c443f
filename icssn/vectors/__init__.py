"""The only vector files: hardened reading of label polygons, checks of edits, exports."""
