"""The only SQL: scenes, labels with append-only history, jobs, runs, checkpoints, predictions, candidates."""
