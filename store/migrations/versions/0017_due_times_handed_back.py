"""Due times that were handed back are told from those that were kept"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OUTCOMES = ("started", "caught_up", "skipped_overlap", "skipped_paused", "handed_back")


def upgrade() -> None:
    is_one = " OR ".join(f"outcome = '{one}'" for one in OUTCOMES)
    with op.batch_alter_table("tick", table_kwargs={"sqlite_autoincrement": True}) as tick:
        tick.drop_constraint(op.f("ck_tick_outcome"), type_="check")
        tick.create_check_constraint(op.f("ck_tick_outcome"), is_one)
