"""The memory: inbox, states, spooled plan and journal, cursors, runs. Its rows never leave it."""
