"""What followed answers and was refused, and the tasks that nobody has closed, found without looking through all"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, column, where in (
        ("ix_outbox_refused", "id", "(state = 'rejected' OR state = 'unknown')"),
        ("ix_outbox_open_task", "settled_at", "kind = 'task' AND state = 'done' AND closed_at IS NULL"),
    ):
        op.create_index(
            name, "outbox", [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )
