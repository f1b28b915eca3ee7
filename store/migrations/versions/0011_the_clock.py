"""What the clock did about each due time, who ticks, what is paused by whom, and how far a run is"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.add_column("schedule", sa.Column("paused_at", BIG, nullable=True))
    op.add_column("schedule", sa.Column("paused_by", sa.String(), nullable=True))
    op.add_column("schedule", sa.Column("spread", BIG, nullable=False, server_default="0"))
    op.add_column("tick", sa.Column("owner", sa.String(), nullable=True))
    op.add_column("tick", sa.Column("next_at", BIG, nullable=True))
    op.add_column("tick", sa.Column("ended_at", BIG, nullable=True))
    op.execute("UPDATE tick SET ended_at = noted_at")
    op.create_index(op.f("ix_tick_sync_id"), "tick", ["sync", "id"])
    op.create_index("ix_tick_open", "tick", ["id"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_table(
        "serving",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("began_at", BIG, nullable=False),
        sa.Column("seen_at", BIG, nullable=False),
        sa.Column("config_at", BIG, nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_serving")),
    )
    op.create_table(
        "under_way",
        sa.Column("run", BIG, nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("done", BIG, nullable=False),
        sa.Column("total", BIG, nullable=True),
        sa.Column("noted_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_under_way")),
    )
