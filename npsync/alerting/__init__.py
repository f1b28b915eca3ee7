"""Telling people what happened: alerts about runs and figures, and digests on a schedule."""
