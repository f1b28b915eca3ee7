"""What fields hold: the neutral values every room speaks, and their JSON at the vendor's edge."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

# A JSON value as a vendor sends it and shows it again.
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

# A typed value between reading and writing. Datetimes are aware; a tuple is a multi-select.
Value = str | int | float | Decimal | bool | date | datetime | tuple[str, ...] | None

Fields = Mapping[str, Value]
JsonFields = Mapping[str, Json]
