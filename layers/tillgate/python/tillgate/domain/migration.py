"""Numbered changes to the schema: forward only, each applied once, none edited afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import TillgateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class MigrationError(TillgateError):
    """The migrations here and those that were applied do not fit together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; ``sha256`` is of its bytes, in hex."""

    number: int
    name: str
    sql: bytes
    sha256: str


def check_numbering(migrations: Sequence[Migration]) -> None:
    """Raise MigrationError unless they are numbered 1, 2, 3, ... without a gap."""
    for expected, migration in enumerate(migrations, start=1):
        if migration.number != expected:
            raise MigrationError(f"{migration.name} should have number {expected:04}")


def to_apply(migrations: Sequence[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """Give the migrations that are still to be applied, in order.

    ``applied`` is number -> sha256. Numbers beyond the known ones are a newer version's,
    on whose schema this version runs too. Raises MigrationError when one that was applied
    has been edited since.
    """
    check_numbering(migrations)
    for migration in migrations:
        if applied.get(migration.number, migration.sha256) != migration.sha256:
            raise MigrationError(
                f"{migration.name} was edited after it had been applied; write a new migration"
            )
    return [migration for migration in migrations if migration.number not in applied]
