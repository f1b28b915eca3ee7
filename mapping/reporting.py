"""What a report groups answers by: the `report:` part of the YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from mapping.names import problem_of_name, root_of

OWNER = "owner"
AMOUNT = "amount"  # the trait that `report.amount` is kept under
BUILT_IN = ("segment", "channel", "source", "survey")
"""What every answer can be grouped by, whatever the YAML says. `owner` is known wherever `people.*.owner` is."""

OF_RECORDS = (
    "record",
    "account",
)  # roots of what is kept as a trait of the record; the rest came with the answer

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,40}")


def _dimension(name: str) -> str:
    if name in (*BUILT_IN, AMOUNT):
        raise ValueError(f'"{name}" has a meaning of its own in a report; choose another name')
    if not _NAME.fullmatch(name):
        raise ValueError(f'"{name}" is no name for a group; take letters, digits, - and _, like plan')
    return name


def _path(path: object) -> object:
    if not isinstance(path, str):
        raise ValueError(
            "has to be a name, like account.Plan__c, record.OwnerId or properties.product, "
            "or one of them for each connection"
        )
    if root_of(path) not in (*OF_RECORDS, "properties"):
        raise ValueError(
            f'"{path}" cannot be reported by; take account.FIELD, record.FIELD or properties.NAME'
        )
    if problem := problem_of_name(path):
        raise ValueError(problem)
    return path


def _of_record(path: str) -> str:
    if root_of(path) not in OF_RECORDS:
        raise ValueError(f'"{path}" is no field of a customer; take account.FIELD or record.FIELD')
    return path


def _each(given: object) -> object:
    if not given:
        raise ValueError("names no connection; write {crm: account.Plan__c}")
    return given


def _kind(given: object) -> str:
    return "each" if isinstance(given, Mapping) else "one"


def _target(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("has to be a number from -100 to 100, like 40")
    target = Decimal(str(value))
    if not -100 <= target <= 100:
        raise ValueError(f"{target} is no NPS: a target lies between -100 and 100")
    return target


_PATH = {"type": "string", "pattern": r"^(account|record|properties)\."}

Path = Annotated[str, BeforeValidator(_path), WithJsonSchema(_PATH)]
OfRecord = Annotated[
    str,
    BeforeValidator(_path),
    AfterValidator(_of_record),
    WithJsonSchema({"type": "string", "pattern": r"^(account|record)\."}),
]
PathOrEach = Annotated[
    Annotated[Path, Tag("one")] | Annotated[Mapping[str, OfRecord], BeforeValidator(_each), Tag("each")],
    Discriminator(_kind),
]
AmountOrEach = Annotated[
    Annotated[OfRecord, Tag("one")] | Annotated[Mapping[str, OfRecord], BeforeValidator(_each), Tag("each")],
    Discriminator(_kind),
]
"""One name for all connections, or one for each: CRMs call the same thing differently."""

Target = Annotated[
    Decimal, BeforeValidator(_target), WithJsonSchema({"type": "number", "minimum": -100, "maximum": 100})
]


class ReportSpec(BaseModel):
    """What `npsync report` and the dashboard group answers by, what is at stake, and what is aimed at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Mapping[Annotated[str, AfterValidator(_dimension)], PathOrEach] = Field(
        default={},
        description="Groups by a name of your own: a field of the account or record, or a property of the answer. "
        "segment, channel, source and survey are there by themselves, owner where people.*.owner is. Where connections "
        "call it differently, a name for each: {crm: account.Plan__c, marketing: account.plan}.",
        examples=[{"plan": "account.Plan__c", "product": "properties.product"}],
    )
    amount: AmountOrEach | None = Field(
        default=None,
        description="What an account is worth, for revenue at risk and weights: account.AnnualRevenue, or a name for "
        "each connection.",
    )
    targets: Mapping[str, Target] = Field(
        default={}, description="The NPS aimed at, by survey.", examples=[{"relationship": 40}]
    )

    def traits(self, connection: str, owner: str | None = None) -> dict[str, str]:
        """What is remembered of a record of this connection, by the name it is kept under: its groups and its amount,
        as names of the mapping (`account.Plan__c`). `owner` is the field `people.*.owner`."""
        found = {} if owner is None else {OWNER: f"record.{owner}"}
        found |= {
            name: path
            for name, given in self.by.items()
            if (path := named(given, connection)) and root_of(path) in OF_RECORDS
        }
        amount = None if self.amount is None else named(self.amount, connection)
        return found if amount is None else found | {AMOUNT: amount}

    @property
    def properties(self) -> frozenset[str]:
        """The answers' properties that groups need."""
        return frozenset(
            path.removeprefix("properties.")
            for path in self.by.values()
            if isinstance(path, str) and root_of(path) == "properties"
        )


def named(given: str | Mapping[str, str], connection: str) -> str | None:
    """What a group is called in this connection; None where it has none."""
    return given if isinstance(given, str) else given.get(connection)
