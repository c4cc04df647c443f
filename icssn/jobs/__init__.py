"""The engine that runs queued work in child processes; used by actions (submit, cancel) and the worker."""
