"""Labels and scenes become training examples: spatial split, chip arrays, manifest. No torch.

`cut` is the story; `ground` knows what is known where on a scene, `split` what is held out, `places` where chips
lie, `stack` how arrays of unknown length reach the disk.
"""
