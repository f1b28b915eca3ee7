"""The YAML's syncs at work: wired to their connections, run, verified, taken back, told about."""
