"""Who signs in at the dashboard, and who is signed in"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
IN_FORCE = sa.text("revoked_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "local_user",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("signed_in_at", BIG, nullable=True),
        sa.Column("revoked_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_user")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_local_user_in_force",
        "local_user",
        ["name"],
        unique=True,
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    )
    op.create_table(
        "web_session",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("local_user", BIG, nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("terms", sa.String(), nullable=True),
        sa.Column("began_at", BIG, nullable=False),
        sa.Column("seen_at", BIG, nullable=False),
        sa.Column("ends_at", BIG, nullable=False),
        sa.Column("told", sa.String(), nullable=True),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind = 'token' OR kind = 'user' OR kind = 'provider'", name=op.f("ck_web_session_kind")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_web_session")),
    )
    op.create_index(op.f("ix_web_session_kind_name"), "web_session", ["kind", "name"])
    op.create_index(op.f("ix_web_session_ends_at"), "web_session", ["ends_at"])
    op.create_table(
        "sign_in_try",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("free_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sign_in_try")),
    )
    op.create_index(op.f("ix_sign_in_try_free_at"), "sign_in_try", ["free_at"])
