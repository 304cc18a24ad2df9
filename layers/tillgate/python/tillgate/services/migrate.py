"""Bringing the schema up to date, and giving every runtime role its way in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import SecretUnavailableError
from tillgate.domain.migration import Migration, to_apply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tillgate.domain.ports import Schema, SecretStore

# What a role's secret says of the database; the rest of it is the role's.
_OF_DATABASE = {"url", "ca"}


@dataclass(frozen=True, slots=True)
class MigrateReport:
    """``applied`` are the numbers applied now; ``current`` is the last one there is."""

    applied: tuple[int, ...]
    current: int


class Migrate:
    """Runs on every deploy; a second run changes nothing."""

    def __init__(
        self,
        *,
        migrations: Sequence[Migration],
        schema: Schema,
        secrets: SecretStore,
        role_secret_ids: Sequence[str],
        role_access: Callable[[str, str], Mapping[str, str]],
    ) -> None:
        """``role_access`` gives what a role's secret says of the database, by name and password."""
        self._migrations = migrations
        self._schema = schema
        self._secrets = secrets
        self._role_secret_ids = role_secret_ids
        self._role_access = role_access

    def run(self) -> MigrateReport:
        """Apply what is missing, set the roles' passwords, complete their secrets.

        Raises MigrationError, StoreUnavailableError, SecretUnavailableError.
        """
        with self._schema.locked():
            missing = to_apply(self._migrations, self._schema.applied())
            for migration in missing:
                self._schema.apply(migration)
            for secret_id in self._role_secret_ids:
                self._let_in(secret_id)
            current = max(self._schema.applied())
        return MigrateReport(tuple(migration.number for migration in missing), current)

    def _let_in(self, secret_id: str) -> None:
        text = self._secrets.read(secret_id)
        try:
            secret = json.loads(text)
            role, password = str(secret["username"]), str(secret["password"])
        except (ValueError, KeyError, TypeError) as error:
            raise SecretUnavailableError("a role's secret has no username and password") from error
        self._schema.set_password(role, password)
        kept = {name: value for name, value in secret.items() if name not in _OF_DATABASE}
        completed = {**kept, **self._role_access(role, password)}
        if completed != secret:
            self._secrets.write(secret_id, json.dumps(completed))
