"""Write the migration that leads from the last one to the models."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

from store.schema import HEAD, alembic_config
from store.sqlite import SQLite


def main(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = SQLite(Path(folder) / "empty.db", lasting=False)
        with database.write() as tx:
            config = alembic_config(tx)
            command.upgrade(config, "head")
            command.revision(config, message, autogenerate=True, rev_id=f"{int(HEAD) + 1:04}")
        database.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('usage: python -m store.migrations "What changed"')
    main(sys.argv[1])
