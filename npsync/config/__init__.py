"""The YAML file: read, checked, and turned into frozen values that know their line."""

from npsync.config.load import load
from npsync.config.model import Config, Connection
from npsync.config.problems import ConfigProblems, Place, Problem

__all__ = ["Config", "ConfigProblems", "Connection", "Place", "Problem", "load"]
