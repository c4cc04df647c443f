"""Results as files that other programs read: the inventory of a scene with everything that backs it."""
