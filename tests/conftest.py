"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# The same examples on every machine and every run, and no failing because a machine was busy.
settings.register_profile("npsync", deadline=None, derandomize=True)
settings.load_profile("npsync")
