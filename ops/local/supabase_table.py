"""What PostgREST and the table of ops/supabase/schema.sql say to what they are sent and asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

from ops.cli.exact_json import JsonValue, UnreadableJsonError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ops.local.supabase_store import Row

COLUMNS = frozenset(
    {
        "event_id",
        "tenant_id",
        "type",
        "source",
        "idempotency_key",
        "data",
        "occurred_at",
        "entity_id",
        "entity_version",
        "received_at",
        "stored_at",
        "delivered_at",
        "object",
        "enrichment",
        "enrichment_reason",
    }
)
NOT_NULL = ("tenant_id", "type", "source", "idempotency_key", "data", "received_at", "stored_at")
_IN = re.compile(r"in\.\((.*)\)")


class RefusedError(Exception):
    """What was sent is not taken; ``rows`` are those of it that name an event."""

    def __init__(self, status: int, code: str, message: str, *, rows: Iterable[Row] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.document = {"code": code, "message": message, "details": None, "hint": None}
        self.rows = list(rows)


def rows_in(body: bytes) -> list[Row]:
    """Read the rows of an insert. Raises RefusedError as PostgREST and PostgreSQL refuse them."""
    try:
        value = parse(body.decode())
    except (UnreadableJsonError, UnicodeDecodeError) as error:
        raise RefusedError(400, "PGRST102", "Empty or invalid json") from error
    items = value if isinstance(value, list) else [value]
    rows = [item for item in items if isinstance(item, dict)]
    named = [row for row in rows if _is_uuid(row.get("event_id"))]
    if len(rows) < len(items) or len({frozenset(row) for row in rows}) > 1:
        raise RefusedError(400, "PGRST102", "All object keys must match", rows=named)
    unknown = sorted({name for row in rows for name in row} - COLUMNS)
    if unknown:
        message = f"Could not find the '{unknown[0]}' column of 'tillgate_event'"
        raise RefusedError(400, "PGRST204", message, rows=named)
    if len(named) < len(rows):
        raise RefusedError(400, "22P02", "invalid input syntax for type uuid", rows=named)
    missing = [name for name in NOT_NULL if any(row.get(name) is None for row in rows)]
    if missing:
        raise RefusedError(400, "23502", f'null value in column "{missing[0]}"', rows=named)
    # The column is json, which takes a NUL; but PostgREST takes the rows apart by
    # json_to_recordset, which does not, wherever in a row it stands (seen on Postgres 16 and 18).
    if any(_holds_nul(row) for row in rows):
        raise RefusedError(400, "22P05", "unsupported Unicode escape sequence", rows=named)
    return rows


def select(rows: Iterable[Row], query: dict[str, str]) -> Iterator[Row]:
    """Give the rows that a query asks for: select, limit, and column=eq.x or =in.(x,y)."""
    columns = query.get("select", "*").split(",")
    limit = int(query["limit"]) if query.get("limit", "").isdigit() else None
    wanted = {k: _values(v) for k, v in query.items() if k not in ("select", "limit", "order")}
    given = 0
    for row in rows:
        if given == limit:
            return
        if all(str(row.get(column)) in values for column, values in wanted.items()):
            yield row if columns == ["*"] else {name: row.get(name) for name in columns}
            given += 1


def entity_state(rows: Iterable[Row]) -> list[Row]:
    """Give each entity's event with the highest version, of those the last that occurred."""
    newest: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        entity = row.get("entity_id")
        if entity is None:
            continue
        of = (str(row["tenant_id"]), str(row["source"]), str(entity))
        if of not in newest or _age(row) >= _age(newest[of]):
            newest[of] = row
    return [newest[of] for of in sorted(newest)]


def _age(row: Row) -> tuple[int, str, str, str]:
    """Order an entity's events; instants are compared as text, since all are sent in UTC."""
    version = row.get("entity_version")
    return (
        -1 if version is None else int(str(version)),
        str(row.get("occurred_at") or ""),
        str(row["stored_at"]),
        str(row["event_id"]),
    )


def _values(condition: str) -> set[str]:
    """Read eq.x and in.(x,y). Raises RefusedError for any other operator."""
    if condition.startswith("eq."):
        return {condition[3:]}
    found = _IN.fullmatch(condition)
    if found is None:
        raise RefusedError(400, "PGRST100", f"failed to parse filter ({condition})")
    return {value.strip('"') for value in found[1].split(",")}


def _is_uuid(value: JsonValue) -> bool:
    try:
        return isinstance(value, str) and UUID(value) is not None
    except ValueError:
        return False


def _holds_nul(value: JsonValue) -> bool:
    match value:
        case str():
            return "\x00" in value
        case list():
            return any(map(_holds_nul, value))
        case dict():
            return any("\x00" in name or _holds_nul(item) for name, item in value.items())
    return False
