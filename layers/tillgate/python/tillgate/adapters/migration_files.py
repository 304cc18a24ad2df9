"""The migrations that this version ships, from ``tillgate/migrations``."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tillgate.domain.migration import Migration

FOLDER = Path(__file__).parent.parent / "migrations"


def shipped_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Read them in the order of their numbers."""
    return [_migration(path) for path in sorted(folder.glob("*.sql"))]


def latest_number(folder: Path = FOLDER) -> int:
    """Give the highest number without reading any file's content."""
    return max(int(path.name[:4]) for path in folder.glob("*.sql"))


def _migration(path: Path) -> Migration:
    sql = path.read_bytes()
    return Migration(int(path.name[:4]), path.name, sql, hashlib.sha256(sql).hexdigest())
