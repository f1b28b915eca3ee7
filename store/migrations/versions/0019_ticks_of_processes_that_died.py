"""Which due times were taken by a process that died with them"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tick", sa.Column("died", sa.Boolean(), nullable=False, server_default=sa.text("false")))
