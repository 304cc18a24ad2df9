"""Where the database is: what stands in a secret, as a libpq connection URL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from tillgate.domain.errors import SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping


def owner_url(secret: str) -> str:
    """Read the secret of the database's owner: a URL, or RDS's JSON of its parts.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
    """
    if secret.startswith(("postgresql://", "postgres://")):
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
    except (ValueError, KeyError, TypeError) as error:
        raise SecretUnavailableError(
            "the database secret is neither a URL nor RDS's JSON"
        ) from error


def role_url(secret: str) -> str:
    """Read the secret of a runtime role, which migrate has completed with its ``url``."""
    try:
        return str(json.loads(secret)["url"])
    except (ValueError, KeyError, TypeError) as error:
        raise SecretUnavailableError("the role's secret has no url: run migrate") from error


def url_for_role(url: str, *, username: str, password: str) -> str:
    """Give the same database's URL for another role."""
    try:
        return _url({**conninfo_to_dict(url), "user": username, "password": password})
    except (ProgrammingError, ValueError) as error:
        raise SecretUnavailableError("the database secret is not a connection URL") from error


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
