"""Remember clearings; find answers dated in the future by when they came"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clearing",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sync", "record_id", name=op.f("pk_clearing")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_response_future",
        "response",
        ["source", "received_at"],
        unique=False,
        sqlite_where=sa.text("answered_at - received_at > 300000"),
        postgresql_where=sa.text("answered_at - received_at > 300000"),
    )


def downgrade() -> None:
    op.drop_index("ix_response_future", table_name="response")
    op.drop_table("clearing")
