"""Names of people whose records do not show yet why they are not asked"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "reason_due",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("times", BIG, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_reason_due")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_reason_due_due_at"), "reason_due", ["due_at"])
    # Who was suppressed before there was such a field is shown once there is one.
    op.execute(
        "INSERT INTO reason_due (key, due_at, times) "
        "SELECT DISTINCT key, 0, 1 FROM suppression WHERE lifted_at IS NULL"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_reason_due_due_at"), table_name="reason_due")
    op.drop_table("reason_due")
