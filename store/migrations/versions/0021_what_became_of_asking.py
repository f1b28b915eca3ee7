"""Figures of what became of asking, with notes of their own"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # They are counted again; nothing that is not derived is in them.
    op.drop_table("figure")
    op.drop_table("stirred")
    op.create_table(
        "stirred",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stirred")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "figure",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("as_of", BIG, nullable=True),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("asked_at", BIG, nullable=True),
        sa.Column("edition", BIG, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_figure")),
    )
