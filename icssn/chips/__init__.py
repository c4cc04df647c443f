"""Labels and scenes become training examples: spatial split, chip arrays, manifest. No torch."""
