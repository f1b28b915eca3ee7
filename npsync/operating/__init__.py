"""What keeps an installation well: health and figures, the budget of calls, retention, a backup that is restored."""
