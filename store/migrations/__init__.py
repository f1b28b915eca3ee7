"""Alembic's scripts, run by `store.schema`. After a change of `store.tables`, write the next one with
`python -m store.migrations "What changed"`, read it, and raise `store.schema.HEAD`."""
