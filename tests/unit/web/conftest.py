"""Fixtures for pages about people; a module whose pages are about something else brings its own desk."""

from people_pages import desk, full, town

__all__ = ["desk", "full", "town"]
