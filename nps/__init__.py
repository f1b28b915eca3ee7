"""The ground: the words and the arithmetic of surveys and records. Frozen values, no I/O."""
