"""Train ICSSN on chips: dataset, augmentation, the two stages, the rounds, checkpoints. No database."""
