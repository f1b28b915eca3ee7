"""Fixtures for stories about a few people."""

from town_fixtures import npsync, sandbox, town

__all__ = ["npsync", "sandbox", "town"]
