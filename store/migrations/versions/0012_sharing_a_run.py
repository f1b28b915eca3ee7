"""Several processes work on one run"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("state = 'free' OR state = 'held'")


def upgrade() -> None:
    op.create_table(
        "shard",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("run", BIG, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("low", BIG, nullable=False),
        sa.Column("high", BIG, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("token", BIG, nullable=False),
        sa.Column("until", BIG, nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.CheckConstraint("kind = 'plan' OR kind = 'write'", name=op.f("ck_shard_kind")),
        sa.CheckConstraint(
            "state = 'free' OR state = 'held' OR state = 'done' OR state = 'failed'",
            name=op.f("ck_shard_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shard")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_shard_sync"), "shard", ["sync"])
    op.create_index(op.f("ix_shard_run"), "shard", ["run"])
    op.create_index("ix_shard_open", "shard", ["run", "kind"], sqlite_where=OPEN, postgresql_where=OPEN)
