"""How often an action was begun without a word of how it went"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("action", sa.Column("starts", BIG, nullable=False, server_default="0"))
