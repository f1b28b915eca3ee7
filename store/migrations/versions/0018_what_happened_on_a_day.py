"""What happened on a day, found by its times"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_action_wanted_at_id"), "action", ["wanted_at", "id"])
    op.create_index(op.f("ix_audit_at_id"), "audit", ["at", "id"])
    op.create_index(op.f("ix_tick_noted_at_id"), "tick", ["noted_at", "id"])
