"""The stack's database on the embedded server, as a hosted Postgres would give it."""

from __future__ import annotations

import hashlib
import json
import secrets as random
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from ops.local.processes import read_json, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres

DATABASE = "tillgate"
# No superuser: neither RDS nor Supabase gives one, so migrations must do without.
OWNER = "tillgate_deployer"


def ensure_database(server: EmbeddedPostgres, *, record: Path) -> str:
    """Create the database and its owner where they are missing; give the owner's URL.

    The owner's password is kept in ``record`` (mode 0600), and set again if lost.
    """
    password = read_json(record).get("password") or random.token_urlsafe(24)
    write_private(record, json.dumps({"password": password}))
    role, name = sql.Identifier(OWNER), sql.Identifier(DATABASE)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER])
        verb = sql.SQL("ALTER" if found.fetchone() else "CREATE")
        connection.execute(
            sql.SQL("{} ROLE {} LOGIN CREATEROLE CREATEDB PASSWORD {}").format(
                verb, role, sql.Literal(password)
            )
        )
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if found.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, role))
    return server.url(user=OWNER, password=password, database=DATABASE)


def database_identity(server: EmbeddedPostgres, *, boot: str) -> str:
    """Name the database cluster and where it is, together with the emulator's ``boot``.

    Either may be replaced by a fresh one, and then the other's idea of role
    passwords and tables is wrong: migrate must run again.
    """
    with psycopg.connect(server.url(database=DATABASE)) as connection:
        row = connection.execute(
            "SELECT system_identifier FROM pg_catalog.pg_control_system()"
        ).fetchone()
    return hashlib.sha256(f"{row}|{server.port}|{boot}".encode()).hexdigest()[:16]
