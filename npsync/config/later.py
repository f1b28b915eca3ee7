"""Keys the language keeps for what a later version brings: refused by name, so that nobody wonders."""

from __future__ import annotations

from npsync.config.problems import Path

_LATER: dict[Path, str] = {
    ("secret_key",): "signed links",
}

TOP_LEVEL = frozenset(str(path[0]) for path in _LATER if len(path) == 1)


def comes_later(path: Path) -> str | None:
    """What to say about a key that is kept for later; None for any other key."""
    pattern = tuple("*" if at == 1 and len(path) == 3 else step for at, step in enumerate(path))
    what = _LATER.get(pattern)
    return (
        f'"{path[-1]}" ({what}) comes later; this version does not know it yet, remove it' if what else None
    )
