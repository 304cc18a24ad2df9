"""The admin page's HTML: templates, and what each is shown with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from tillgate.services.status import Status

_TEMPLATES = Path(__file__).parent
# As the alert partitions-ahead.
_MIN_DAYS_AHEAD = 7


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is as it should be, or is not; ``good`` says what it should be."""

    name: str
    value: str
    good: str
    is_good: bool


def render(template: str, **values: object) -> str:
    """Give the page; every value is shown as text, whatever stands in it."""
    return _environment().get_template(template).render(**values)


def status_rows(status: Status) -> list[Row]:
    """Give the overview's rows."""
    store, kids = status.store, status.kids
    reached = f"answers in {status.latency_ms} ms" if store else "gives no answer"
    migration = store.migration if store else None
    days, dead = (store.days_ahead, store.dead_letters) if store else (None, None)
    breakers = store.open_breakers if store else None
    return [
        Row("Database", reached, "answers", store is not None),
        Row(
            "Schema",
            _shown(migration),
            f"{status.expected_migration} or later",
            migration is not None and migration >= status.expected_migration,
        ),
        Row(
            "Days of partitions ahead",
            _shown(days),
            f"{_MIN_DAYS_AHEAD} or more",
            days is not None and days >= _MIN_DAYS_AHEAD,
        ),
        Row("Dead letters", _shown(dead), "0", dead == 0),
        Row("Destinations given a rest", _shown(breakers), "0", breakers == 0),
        Row("Key ring", kids[-1] if kids else "unreadable", "readable", kids is not None),
        Row("Tenants", _shown(store.tenants if store else None), "", store is not None),
    ]


def _shown(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
