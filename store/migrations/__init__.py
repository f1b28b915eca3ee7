"""Alembic's scripts. `store.schema` runs them; new ones are written with `python -m store.migrations "what changed"`."""
