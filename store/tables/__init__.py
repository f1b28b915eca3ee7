"""The schema: every table of the memory, as SQLModel classes. Migrations are compared with it by a test.

The hot statements are SQL text over these names. Times are integer milliseconds UTC: smaller and quicker than text, and
the same on both databases. JSON is text, so that the order of keys survives. Enumerations are strings with a CHECK.
The large tables carry no foreign keys: they are filled by thousands of rows per statement, and the conservation check
sees what a key would see.
"""

from __future__ import annotations

from store.tables import access, acting, after, answers, asking, clock, figures, sharing, signing
from store.tables.columns import metadata

__all__ = [
    "access",
    "acting",
    "after",
    "answers",
    "asking",
    "clock",
    "figures",
    "metadata",
    "sharing",
    "signing",
]
