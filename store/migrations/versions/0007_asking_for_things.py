"""What people ask for at a page or through the API, and who did what"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNFINISHED = sa.text("state = 'wanted' OR state = 'doing'")


def upgrade() -> None:
    op.create_table(
        "action",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("arguments", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("wanted_at", BIG, nullable=False),
        sa.Column("free_at", BIG, nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("token", BIG, nullable=False),
        sa.Column("began_at", BIG, nullable=True),
        sa.Column("ended_at", BIG, nullable=True),
        sa.Column("run", BIG, nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state = 'wanted' OR state = 'doing' OR state = 'done' OR state = 'failed'",
            name=op.f("ck_action_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action")),
        sa.UniqueConstraint("who", "key", name=op.f("uq_action_who_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_action_unfinished",
        "action",
        ["free_at"],
        sqlite_where=UNFINISHED,
        postgresql_where=UNFINISHED,
    )
    op.create_table(
        "audit",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_about_id"), "audit", ["about", "id"])
    op.create_index(op.f("ix_audit_who_id"), "audit", ["who", "id"])
