"""The changes of a run, in their order: a page of a long journal does not read what came before it"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_change_run_id"), "change", ["run", "id"])
