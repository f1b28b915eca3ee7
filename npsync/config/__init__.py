"""The YAML file: read, checked, and turned into frozen values that know their line."""
