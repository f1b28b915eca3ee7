"""Events, invitations, the ledger and suppressions; tokens of the API"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _one_of(table: str, column: str, words: str) -> sa.CheckConstraint:
    condition = " OR ".join(f"{column} = '{word}'" for word in words.split())
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("used_at", BIG, nullable=True),
        sa.Column("revoked_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_token_digest")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index(
            "uq_api_token_in_force",
            ["name"],
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )

    op.create_table(
        "arrival",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("received_at", BIG, nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("again_at", BIG, nullable=False),
        sa.Column("settled_at", BIG, nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        _one_of("arrival", "state", "new settled refused"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrival")),
        sa.UniqueConstraint("connection", "key", name=op.f("uq_arrival_connection_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("arrival", schema=None) as batch_op:
        batch_op.create_index(
            "ix_arrival_new",
            ["again_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'new'"),
            postgresql_where=sa.text("state = 'new'"),
        )

    op.create_table(
        "event",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("occurred_at", BIG, nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("noted_at", BIG, nullable=False),
        sa.Column("decided_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("connection", "key", name=op.f("uq_event_connection_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_event_connection_object_subject"),
            ["connection", "object", "subject"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_event_occurred_at"), ["occurred_at"], unique=False)
        batch_op.create_index(
            "ix_event_undecided",
            ["id"],
            unique=False,
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        )

    op.create_table(
        "event_cursor",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stored_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_event_cursor")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dedupe", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("survey", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("stale_at", BIG, nullable=True),
        sa.Column("expires_at", BIG, nullable=True),
        sa.Column("sent_at", BIG, nullable=True),
        sa.Column("answered_at", BIG, nullable=True),
        sa.Column("recurring", sa.Boolean(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("event_connection", sa.String(), nullable=True),
        sa.Column("event_kind", sa.String(), nullable=True),
        sa.Column("event_key", sa.String(), nullable=True),
        sa.Column("subject_object", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("via", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        _one_of(
            "invitation", "state", "shadow queued sent answered cancelled suppressed expired failed unknown"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("dedupe", name=op.f("uq_invitation_dedupe")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_invitation_connection_object_record_id"),
            ["connection", "object", "record_id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_invitation_created_at"), ["created_at"], unique=False)
        batch_op.create_index(
            "ix_invitation_account",
            ["account"],
            unique=False,
            sqlite_where=sa.text("state = 'queued' AND account IS NOT NULL"),
            postgresql_where=sa.text("state = 'queued' AND account IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_invitation_expiring",
            ["expires_at"],
            unique=False,
            sqlite_where=sa.text("state = 'sent'"),
            postgresql_where=sa.text("state = 'sent'"),
        )
        batch_op.create_index(
            batch_op.f("ix_invitation_state_created_at"), ["state", "created_at"], unique=False
        )
        batch_op.create_index(
            "ix_invitation_subject",
            ["event_connection", "subject_object", "subject"],
            unique=False,
            sqlite_where=sa.text("subject IS NOT NULL"),
            postgresql_where=sa.text("subject IS NOT NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_invitation_trigger_created_at"), ["trigger", "created_at"], unique=False
        )

    op.create_table(
        "ledger",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("dedupe", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("survey", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("invitation", sa.String(), nullable=True),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("until", BIG, nullable=True),
        sa.Column("entered_at", BIG, nullable=False),
        sa.Column("show_at", BIG, nullable=True),
        _one_of("ledger", "what", "send reserved answer decline"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("dedupe", name=op.f("uq_ledger_dedupe")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ledger_account",
            ["account", "at"],
            unique=False,
            sqlite_where=sa.text("account IS NOT NULL"),
            postgresql_where=sa.text("account IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_ledger_at"), ["at"], unique=False)
        batch_op.create_index(
            "ix_ledger_unshown",
            ["show_at", "id"],
            unique=False,
            sqlite_where=sa.text("show_at IS NOT NULL"),
            postgresql_where=sa.text("show_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_ledger_invitation",
            ["invitation"],
            unique=False,
            sqlite_where=sa.text("invitation IS NOT NULL"),
            postgresql_where=sa.text("invitation IS NOT NULL"),
        )

    op.create_table(
        "ledger_key",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("entry", BIG, nullable=False),
        sa.PrimaryKeyConstraint("key", "entry", name=op.f("pk_ledger_key")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("ledger_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_key_entry"), ["entry"], unique=False)

    op.create_table(
        "step",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("invitation", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("way", sa.Integer(), nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("delivered_at", BIG, nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("via", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("token", BIG, nullable=False),
        sa.Column("free_at", BIG, nullable=False),
        _one_of("step", "kind", "ask fallback reminder"),
        _one_of("step", "state", "queued sending accepted suppressed failed unknown cancelled"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.create_index(
            "ix_step_due",
            ["free_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index(
            "ix_step_held",
            ["owner"],
            unique=False,
            sqlite_where=sa.text("owner IS NOT NULL"),
            postgresql_where=sa.text("owner IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_step_invitation"), ["invitation"], unique=False)
        batch_op.create_index(
            "ix_step_message",
            ["via", "message"],
            unique=False,
            sqlite_where=sa.text("message IS NOT NULL"),
            postgresql_where=sa.text("message IS NOT NULL"),
        )

    op.create_table(
        "suppression",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("lifted_at", BIG, nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.Column("lifted_why", sa.String(), nullable=True),
        _one_of("suppression", "reason", "unsubscribe stop objection bounce complaint crm_opt_out erased"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_suppression_key"), ["key"], unique=False)
        batch_op.create_index(
            "uq_suppression_in_force",
            ["key", "reason", "channel"],
            unique=True,
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        )

    op.create_table(
        "switch",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switch")),
    )
    op.create_table(
        "verdict",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("event", BIG, nullable=True),
        sa.Column("at", BIG, nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("invitation", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_verdict_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_verdict_event"), ["event"], unique=False)
        batch_op.create_index(batch_op.f("ix_verdict_scope_record_id"), ["scope", "record_id"], unique=False)

    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.create_index(
            "ix_response_external_id",
            ["external_id"],
            unique=False,
            sqlite_where=sa.text("external_id IS NOT NULL"),
            postgresql_where=sa.text("external_id IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_response_person"), ["person"], unique=False)
        batch_op.create_index(
            "ix_response_phone",
            ["phone"],
            unique=False,
            sqlite_where=sa.text("phone IS NOT NULL"),
            postgresql_where=sa.text("phone IS NOT NULL"),
        )

    with op.batch_alter_table("work", schema=None) as batch_op:
        batch_op.create_index(
            "ix_work_record_id",
            ["record_id"],
            unique=False,
            sqlite_where=sa.text("record_id IS NOT NULL"),
            postgresql_where=sa.text("record_id IS NOT NULL"),
        )


def downgrade() -> None:
    op.drop_index("ix_work_record_id", table_name="work")
    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_response_phone",
            sqlite_where=sa.text("phone IS NOT NULL"),
            postgresql_where=sa.text("phone IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_response_person"))
        batch_op.drop_index(
            "ix_response_external_id",
            sqlite_where=sa.text("external_id IS NOT NULL"),
            postgresql_where=sa.text("external_id IS NOT NULL"),
        )

    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_verdict_scope_record_id"))
        batch_op.drop_index(batch_op.f("ix_verdict_event"))
        batch_op.drop_index(batch_op.f("ix_verdict_at"))

    op.drop_table("verdict")
    op.drop_table("switch")
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_suppression_in_force",
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_suppression_key"))

    op.drop_table("suppression")
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_step_message",
            sqlite_where=sa.text("message IS NOT NULL"),
            postgresql_where=sa.text("message IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_step_invitation"))
        batch_op.drop_index(
            "ix_step_held",
            sqlite_where=sa.text("owner IS NOT NULL"),
            postgresql_where=sa.text("owner IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_step_due",
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )

    op.drop_table("step")
    with op.batch_alter_table("ledger_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_key_entry"))

    op.drop_table("ledger_key")
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_ledger_invitation",
            sqlite_where=sa.text("invitation IS NOT NULL"),
            postgresql_where=sa.text("invitation IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_ledger_at"))
        batch_op.drop_index(
            "ix_ledger_account",
            sqlite_where=sa.text("account IS NOT NULL"),
            postgresql_where=sa.text("account IS NOT NULL"),
        )

    op.drop_table("ledger")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_trigger_created_at"))
        batch_op.drop_index(
            "ix_invitation_subject",
            sqlite_where=sa.text("subject IS NOT NULL"),
            postgresql_where=sa.text("subject IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_invitation_state_created_at"))
        batch_op.drop_index(
            "ix_invitation_expiring",
            sqlite_where=sa.text("state = 'sent'"),
            postgresql_where=sa.text("state = 'sent'"),
        )
        batch_op.drop_index(
            "ix_invitation_account",
            sqlite_where=sa.text("state = 'queued' AND account IS NOT NULL"),
            postgresql_where=sa.text("state = 'queued' AND account IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_invitation_created_at"))
        batch_op.drop_index(batch_op.f("ix_invitation_connection_object_record_id"))

    op.drop_table("invitation")
    op.drop_table("event_cursor")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_event_undecided",
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_event_occurred_at"))
        batch_op.drop_index(batch_op.f("ix_event_connection_object_subject"))

    op.drop_table("event")
    with op.batch_alter_table("arrival", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_arrival_new", sqlite_where=sa.text("state = 'new'"), postgresql_where=sa.text("state = 'new'")
        )

    op.drop_table("arrival")
    op.drop_table("api_token")
