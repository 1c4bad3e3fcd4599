"""Rows that the program gives a statement, as a table that others can be joined with: one statement for thousands of rows.

They travel as one JSON document, alike on SQLite and PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, FromClause, LargeBinary, Text, cast, column, func, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine


def given(session: Session, name: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, TypeEngine[Any]]) -> FromClause:
    """`rows` as a table called `name` with `columns`. Values are numbers, texts, booleans or None; bytes come as text in ASCII."""
    text = literal(json.dumps(rows), Text())
    if session.get_bind().dialect.name == "postgresql":
        found = func.json_to_recordset(cast(text, JSON)).table_valued(*(column(key, type_) for key, type_ in columns.items()))
        return found.alias(name).render_derived(with_types=True)
    each = func.json_each(text).table_valued("value").alias(f"{name}_rows")
    return select(*(_value(each, key, type_).label(key) for key, type_ in columns.items())).subquery(name)


def _value(each: FromClause, key: str, type_: TypeEngine[Any]) -> Any:
    value: Any = func.json_extract(each.c.value, f"$.{key}", type_=type_)
    return cast(value, type_) if isinstance(type_, LargeBinary) else value
