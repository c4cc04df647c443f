import numpy as np

from icssn.imagery.colours import MASK_COLOUR, mask_colours, probability_colours


def test_the_likelier_the_more_opaque_and_the_lighter() -> None:
    colours = probability_colours().astype(int)
    assert colours.shape == (256, 4)
    assert colours[0, 3] == 0
    assert (np.diff(colours[:, 3]) >= 0).all()
    lightness = colours[:, :3] @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness[::16]) > 0).all()


def test_one_colour_from_the_threshold_up() -> None:
    colours = mask_colours(100)
    assert not colours[:100].any()
    assert (colours[100:] == MASK_COLOUR).all()
