"""Train ICSSN on chips: dataset, augmentation, the two stages, the rounds. No database.

Checkpoints and devices, which inference needs as well, live in `icssn.nets.checkpoint` and `icssn.nets.device`.
"""
