"""How good a result is, as functions of arrays: pixels, objects, classes, calibration. No torch."""
