"""Create the tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN_STATES = " AND ".join(
    f"state <> '{state}'" for state in ("written", "unchanged", "superseded", "excluded", "planned")
)


def one_of(column: str, *words: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(" OR ".join(f"{column} = '{word}'" for word in words), name=name)


def upgrade() -> None:
    op.create_table(
        "answer_state",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("person", BIG, nullable=False),
        sa.Column("response", BIG, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=True),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("run", BIG, nullable=False),
        sa.Column("look_again", BIG, nullable=True),
        sa.Column("candidates", sa.String(), nullable=True),
        one_of(
            "state",
            "written",
            "unchanged",
            "superseded",
            "waiting",
            "review",
            "held",
            "rejected",
            "excluded",
            "pending",
            "planned",
            name=op.f("ck_answer_state_state"),
        ),
        sa.PrimaryKeyConstraint("sync", "person", "response", name=op.f("pk_answer_state")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("answer_state", schema=None) as batch_op:
        batch_op.create_index(
            "ix_answer_state_open",
            ["sync", "state", "look_again"],
            unique=False,
            sqlite_where=sa.text(OPEN_STATES),
            postgresql_where=sa.text(OPEN_STATES),
        )
        batch_op.create_index(
            batch_op.f("ix_answer_state_sync_record_id"), ["sync", "record_id"], unique=False
        )

    op.create_table(
        "calls",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("count", BIG, nullable=False),
        sa.PrimaryKeyConstraint("connection", "day", name=op.f("pk_calls")),
    )
    op.create_table(
        "change",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("run", BIG, nullable=False),
        sa.Column("batch", BIG, nullable=True),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("response", BIG, nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        one_of("outcome", "rejected", "deferred", "unknown", name=op.f("ck_change_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_change_record_id"), ["record_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_change_run_batch"), ["run", "batch"], unique=False)

    op.create_table(
        "cursor",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stored_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_cursor")),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("run", BIG, nullable=False),
        sa.Column("response", BIG, nullable=True),
        sa.Column("record_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        one_of("status", "open", "retried", "discarded", "resolved", name=op.f("ck_dead_letter_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.create_index(
            "ix_dead_letter_open",
            ["sync", "response"],
            unique=False,
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        )

    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("token", BIG, nullable=False),
        sa.Column("until", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "manual_link",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("linked_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("scope", "value", name=op.f("pk_manual_link")),
    )
    op.create_table(
        "memory",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "key", name=op.f("pk_memory")),
    )
    op.create_table(
        "progress",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("expired_before", BIG, nullable=True),
        sa.Column("abandoned_run", BIG, nullable=True),
        sa.PrimaryKeyConstraint("sync", name=op.f("pk_progress")),
    )
    op.create_table(
        "response",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("newest", sa.Boolean(), nullable=False),
        sa.Column("person", BIG, nullable=False),
        sa.Column("survey", sa.String(), nullable=True),
        sa.Column("score", BIG, nullable=True),
        sa.Column("raw_score", sa.String(), nullable=True),
        sa.Column("answered_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=True),
        sa.Column("invited_at", BIG, nullable=True),
        sa.Column("received_at", BIG, nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("properties", sa.String(), nullable=False),
        sa.Column("digest", BIG, nullable=False),
        one_of("status", "complete", "partial", "excluded", "withdrawn", name=op.f("ck_response_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response")),
        sa.UniqueConstraint(
            "source", "source_id", "version", name=op.f("uq_response_source_source_id_version")
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_response_source_answered_at"), ["source", "answered_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_response_source_id"), ["source", "id"], unique=False)

    op.create_table(
        "run",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("started_at", BIG, nullable=False),
        sa.Column("ended_at", BIG, nullable=True),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("report", sa.String(), nullable=False),
        one_of("status", "running", "succeeded", "partial", "failed", "stopped", name=op.f("ck_run_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_run_sync_id"), ["sync", "id"], unique=False)

    op.create_table(
        "schedule",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sync", name=op.f("pk_schedule")),
    )
    op.create_table(
        "tick",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("noted_at", BIG, nullable=False),
        one_of(
            "outcome",
            "started",
            "caught_up",
            "skipped_overlap",
            "skipped_paused",
            name=op.f("ck_tick_outcome"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tick")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "watermark",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("response", BIG, nullable=False),
        sa.PrimaryKeyConstraint("sync", "source", name=op.f("pk_watermark")),
    )
    op.create_table(
        "work",
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("person", BIG, nullable=False),
        sa.Column("response", BIG, nullable=False),
        sa.Column("record_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("sync", "person", "response", name=op.f("pk_work")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "batch",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("run", BIG, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sync", sa.String(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("api", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("handle", sa.String(), nullable=True),
        sa.Column("settled_at", BIG, nullable=True),
        one_of("state", "planned", "open", "answered", "settled", name=op.f("ck_batch_state")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_batch_run_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("run", "position", name=op.f("uq_batch_run_position")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index(
            "ix_batch_unsettled",
            ["sync", "state"],
            unique=False,
            sqlite_where=sa.text("state <> 'settled'"),
            postgresql_where=sa.text("state <> 'settled'"),
        )


def downgrade() -> None:
    for table in (
        "batch",
        "work",
        "watermark",
        "tick",
        "schedule",
        "run",
        "response",
        "progress",
        "memory",
        "manual_link",
        "lease",
        "dead_letter",
        "cursor",
        "change",
        "calls",
        "answer_state",
    ):
        op.drop_table(table)
