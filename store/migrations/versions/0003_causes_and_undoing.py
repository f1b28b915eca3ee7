"""Say what stands behind a refusal, what a change takes back, and what is to be taken up again"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("change", sa.Column("undoes", number, nullable=True))
    op.add_column("change", sa.Column("holds", sa.String(), nullable=True))
    op.add_column("change", sa.Column("person", number, nullable=True))
    op.drop_index("ix_change_run_batch", table_name="change")
    op.create_index("ix_change_run_batch", "change", ["run", "batch", "outcome", "person", "response"])
    op.create_index(
        op.f("ix_change_undoes"),
        "change",
        ["undoes"],
        sqlite_where=sa.text("undoes IS NOT NULL"),
        postgresql_where=sa.text("undoes IS NOT NULL"),
    )
    op.add_column("dead_letter", sa.Column("cause", sa.String(), nullable=False, server_default="unknown"))
    op.add_column("dead_letter", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "again",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("response", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("sync", "response", name=op.f("pk_again")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("again")
    op.drop_column("dead_letter", "attempts")
    op.drop_column("dead_letter", "cause")
    op.drop_index(op.f("ix_change_undoes"), table_name="change")
    op.drop_index("ix_change_run_batch", table_name="change")
    op.create_index("ix_change_run_batch", "change", ["run", "batch"])
    op.drop_column("change", "person")
    op.drop_column("change", "holds")
    op.drop_column("change", "undoes")
