"""Where the database is: what stands in a secret, as a libpq connection URL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from tillgate.domain.errors import SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

SUPABASE_POOLER = ".pooler.supabase.com"
SUPABASE_TRANSACTION_PORT = "6543"


def owner_url(secret: str) -> str:
    """Read the secret of the database's owner: a URL, or RDS's JSON of its parts.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
    """
    if secret.startswith(("postgresql://", "postgres://")):
        if _parts(secret).get("port") == SUPABASE_TRANSACTION_PORT:
            raise SecretUnavailableError(
                "port 6543 is Supabase's transaction pooler, which keeps no session:"
                " use the session pooler's port, 5432"
            )
        return secret
    try:
        parts = json.loads(secret)
        return _url(
            {
                "user": parts["username"],
                "password": parts["password"],
                "host": parts["host"],
                "port": parts["port"],
                "dbname": parts["dbname"],
                "sslmode": "require",
            }
        )
    except (ValueError, KeyError, TypeError):
        raise SecretUnavailableError(
            "the database secret is neither a URL nor RDS's JSON"
        ) from None


def role_url(secret: str) -> str:
    """Read the secret of a runtime role, which migrate has completed with its ``url``."""
    try:
        return str(json.loads(secret)["url"])
    except (ValueError, KeyError, TypeError):
        raise SecretUnavailableError("the role's secret has no url: run migrate") from None


def url_for_role(url: str, *, username: str, password: str) -> str:
    """Give the same database's URL for another role.

    Supabase's pooler tells projects apart by the user's name, ``role.project``.
    https://supabase.com/docs/guides/database/connecting-to-postgres
    """
    parts = _parts(url)
    if str(parts.get("host", "")).endswith(SUPABASE_POOLER):
        _, dot, project = str(parts.get("user", "")).partition(".")
        username = f"{username}{dot}{project}"
    try:
        return _url({**parts, "user": username, "password": password})
    except ValueError:
        raise _unreadable() from None


def _parts(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url))
    except ProgrammingError:
        # libpq quotes what it could not read, which may be the password.
        raise _unreadable() from None


def _unreadable() -> SecretUnavailableError:
    return SecretUnavailableError(
        "the database secret is not a connection URL; is its password percent-encoded?"
    )


def _url(parts: Mapping[str, object]) -> str:
    rest = dict(parts)
    user, password, host, port, dbname = (
        str(rest.pop(name, default))
        for name, default in (
            ("user", ""),
            ("password", ""),
            ("host", "localhost"),
            ("port", "5432"),
            ("dbname", "postgres"),
        )
    )
    # libpq reads a plus sign as a plus sign, so a space has to be %20.
    query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
    return (
        f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@{_addresses(host, port)}"
        f"/{quote(dbname, safe='')}{query}"
    )


def _addresses(host: str, port: str) -> str:
    """Write libpq's comma-separated hosts with their ports, of which there may be one for all."""
    hosts, ports = host.split(","), port.split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    return ",".join(
        f"[{name}]:{number}" if ":" in name else f"{quote(name, safe='')}:{number}"
        for name, number in zip(hosts, ports, strict=True)
    )
