"""Answers that people left out, listed to be taken back"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

LEFT_OUT = sa.text("state = 'excluded' AND code = 'ignored'")


def upgrade() -> None:
    op.create_index(
        "ix_answer_state_left_out",
        "answer_state",
        ["response"],
        sqlite_where=LEFT_OUT,
        postgresql_where=LEFT_OUT,
    )
