"""The changes of the tables, in order: ``v`` and the revision, then what it does."""
