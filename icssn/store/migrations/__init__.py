"""Alembic's scripts: the environment, and one version for each change of the tables; read by `icssn.store.schema`."""
