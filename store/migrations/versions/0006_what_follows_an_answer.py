"""What follows an answer"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNSETTLED = sa.text("state = 'wanted' OR state = 'open' OR state = 'unknown'")


def upgrade() -> None:
    op.create_table(
        "hold_decision",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("decided_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("source", "source_id", name=op.f("pk_hold_decision")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "member",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("traits", sa.String(), nullable=False),
        sa.Column("seen_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("sync", "record_id", name=op.f("pk_member")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_member_sync_account"), "member", ["sync", "account"])

    op.create_table(
        "monthly_count",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("survey", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("score", BIG, nullable=False),
        sa.Column("answers", BIG, nullable=False),
        sa.PrimaryKeyConstraint(
            "source", "survey", "channel", "month", "score", name=op.f("pk_monthly_count")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("response", BIG, nullable=True),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("vendor_id", sa.String(), nullable=True),
        sa.Column("digest", BIG, nullable=True),
        sa.Column("run", BIG, nullable=True),
        sa.Column("wanted_at", BIG, nullable=False),
        sa.Column("opened_at", BIG, nullable=True),
        sa.Column("settled_at", BIG, nullable=True),
        sa.Column("closed_at", BIG, nullable=True),
        sa.Column("look_again", BIG, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint(
            "kind = 'history' OR kind = 'task' OR kind = 'alert' OR kind = 'list'",
            name=op.f("ck_outbox_kind"),
        ),
        sa.CheckConstraint(
            "state = 'wanted' OR state = 'open' OR state = 'done' OR state = 'rejected' "
            "OR state = 'unknown' OR state = 'void' OR state = 'removed'",
            name=op.f("ck_outbox_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("sync", "kind", "slot", "subject", name=op.f("uq_outbox_sync_kind_slot_subject")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_record_id"), "outbox", ["record_id"])
    op.create_index(op.f("ix_outbox_response"), "outbox", ["response"])
    op.create_index(
        "ix_outbox_unsettled",
        "outbox",
        ["sync", "kind", "look_again"],
        sqlite_where=UNSETTLED,
        postgresql_where=UNSETTLED,
    )

    op.create_table(
        "published",
        sa.Column("survey", sa.String(), nullable=False),
        sa.Column("response", BIG, nullable=False),
        sa.Column("answers", BIG, nullable=False),
        sa.Column("published_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("survey", name=op.f("pk_published")),
    )
    op.create_table(
        "receipt",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("report", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tombstone",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("erased_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tombstone")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("tombstone", "receipt", "published", "outbox", "monthly_count", "member", "hold_decision"):
        op.drop_table(table)
