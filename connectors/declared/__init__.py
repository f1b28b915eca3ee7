"""Survey tools whose HTTP API is described in YAML instead of in code: `type: http`, and the presets."""
