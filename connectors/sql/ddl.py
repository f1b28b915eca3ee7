"""What an administrator would have to run. npsync prints it and runs none of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Column, Index, MetaData, Table
from sqlalchemy import types as sql
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from connectors.sql.tables import AnyColumn
from nps.schema import FieldType

_TYPES: Mapping[FieldType, Any] = {
    FieldType.INTEGER: sql.Integer(),
    FieldType.NUMBER: sql.Numeric(12, 2),
    FieldType.BOOLEAN: sql.Boolean(),
    FieldType.DATE: sql.Date(),
    FieldType.DATETIME: sql.DateTime(timezone=True),
}


def column_type(type: FieldType | None) -> Any:
    return _TYPES.get(type, sql.Text()) if type is not None else sql.Text()


def add_column(dialect: Dialect, table: Table, name: str, type: FieldType | None) -> str:
    quote = dialect.identifier_preparer
    return (
        f"ALTER TABLE {quote.format_table(table)} ADD COLUMN {quote.quote(name)} "
        f"{column_type(type).compile(dialect=dialect)}"
    )


def create_satellite(
    dialect: Dialect, name: str, schema: str | None, key: AnyColumn, columns: Mapping[str, FieldType | None]
) -> str:
    """Our own table: the customer's key, and what is written."""
    bare = key.type.copy() if hasattr(key.type, "copy") else key.type
    kept = [Column(key.name, bare, primary_key=True, autoincrement=False)]
    table = Table(
        name,
        MetaData(),
        *kept,
        *(Column(each, column_type(columns[each])) for each in sorted(columns)),
        schema=schema,
    )
    return one_line(str(CreateTable(table).compile(dialect=dialect)))


def unique_index(dialect: Dialect, column: AnyColumn) -> str:
    table = Table(column.table.name, MetaData(), Column(column.name, column.type), schema=column.table.schema)
    made = Index(f"ix_{table.name}_{column.name}", table.c[column.name], unique=True)
    return one_line(str(CreateIndex(made).compile(dialect=dialect)))


def one_line(statement: str) -> str:
    return " ".join(statement.split())


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
