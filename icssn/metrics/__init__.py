"""How good a result is, as functions of arrays: pixels, objects, boundaries, calibration, intervals. No torch.

`report.judge` gathers all figures. Masks are uint8 (H, W): 0 background, 1 landslide, 255 ignore. Probabilities are
floats in [0, 1], NaN where there are none, or uint8 as stored: value / 254, 255 where there are none.
"""
