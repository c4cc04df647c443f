"""Public landslide sets: one module for each, all giving the same samples; and samples put together as a scene."""
