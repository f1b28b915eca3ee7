"""Ready-made figures"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNASKED = sa.text("invitation IS NULL")


def upgrade() -> None:
    op.create_table(
        "stirred",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stirred")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "figure",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("as_of", BIG, nullable=True),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("asked_at", BIG, nullable=True),
        sa.Column("edition", BIG, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_figure")),
    )
    op.create_table(
        "account_figure",
        sa.Column("edition", BIG, nullable=False),
        sa.Column("worst", BIG, nullable=False),
        sa.Column("best", BIG, nullable=False),
        sa.Column("most", BIG, nullable=False),
        sa.Column("latest", BIG, nullable=False),
        sa.Column("name", BIG, nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("promoters", BIG, nullable=False),
        sa.Column("passives", BIG, nullable=False),
        sa.Column("detractors", BIG, nullable=False),
        sa.Column("answered_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("edition", "worst", name=op.f("pk_account_figure")),
        sqlite_with_rowid=False,
    )
    for order in ("best", "most", "latest", "name"):
        op.create_index(op.f(f"ix_account_figure_edition_{order}"), "account_figure", ["edition", order])

    # What became of invitations is counted from these alone.
    op.drop_index(op.f("ix_invitation_created_at"), "invitation")
    op.create_index("ix_invitation_funnel", "invitation", ["created_at", "trigger", "state"])
    op.create_index(
        "ix_verdict_unasked",
        "verdict",
        ["at", "trigger", "code"],
        sqlite_where=UNASKED,
        postgresql_where=UNASKED,
    )
