"""A customer master in a SQL database: any table or view with a key, as a place to write to.

Importing this opens no database and imports no driver: `npsync --help` stays quick.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Confidence, Connector, Destination, Needs, Provisioner, Tools
from connectors.sql.settings import SqlSettings


def _destination(settings: SqlSettings, tools: Tools) -> Destination:
    from connectors.sql.destination import open_destination

    return open_destination(settings, tools)


def _provisioner(settings: SqlSettings, tools: Tools) -> Provisioner:
    from connectors.sql.destination import Master
    from connectors.sql.provisioning import SqlProvisioner

    return SqlProvisioner(tools.shared.take(lambda: Master(settings, tools)))


def _grants(settings: SqlSettings, needs: Needs) -> Sequence[str]:
    from connectors.sql.access import grants

    return grants(settings, needs)


CONNECTOR = Connector(
    name="sql",
    title="SQL database",
    settings=SqlSettings,
    grants=_grants,
    destination=_destination,
    provisioner=_provisioner,
    objects=("customer",),
    match_fields={"email": "email", "phone": "phone"},
    record_id=lambda text: text.strip() or None,
    limits="500 rows a transaction; four write at a time and four read. A lookup asks for 500 values at a time. "
    "Tried on PostgreSQL and SQLite; for MySQL and MariaDB only the statements are",
    confidence=Confidence.PARTIAL,
    starter="""\
type: sql
url: "postgresql://npsync:${MASTER_PASSWORD}@db.acme.com/crm"   # or sqlite:///customers.db
# naive_times: UTC                      # the zone of columns that hold times without one
tables:
  customer:
    key: customer_key
    # guard: nps_last_response_at       # mapped from answered_at: an older answer never replaces a newer one
""",
)
