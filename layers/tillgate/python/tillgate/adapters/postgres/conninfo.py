"""Where the database is: what stands in a secret, as a libpq connection URL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from tillgate.domain.errors import SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMES = ("postgresql://", "postgres://")
SUPABASE_POOLER = ".pooler.supabase.com"
SUPABASE_TRANSACTION_PORT = "6543"


@dataclass(frozen=True, slots=True)
class OwnerAccess:
    """The owner's ``url``, complete but for ``ca``: the CAs as PEM, where the operator gave any."""

    url: str
    ca: str | None

    def whole_url(self) -> str:
        return with_ca(self.url, self.ca) if self.ca else self.url

    def of_role(self, username: str, password: str) -> dict[str, str]:
        """Give what completes a runtime role's secret."""
        url = url_for_role(self.url, username=username, password=password)
        return {"url": url, "ca": self.ca} if self.ca else {"url": url}


def owner_access(secret: str) -> OwnerAccess:
    """Read the secret of the database's owner: a URL, that and a CA, or RDS's JSON of its parts.

    A server that is not on this machine has to prove that it is the one named, whatever the URL
    leaves out. Raises SecretUnavailableError, also when the URL asks for less.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
    """
    from tillgate.adapters.postgres.trust import check_ca, trusted  # noqa: PLC0415  Only migrate asks.

    parts, ca = _owner_parts(secret)
    if ca is not None:
        check_ca(ca)
    try:
        return OwnerAccess(_url(trusted(parts, has_ca=ca is not None)), ca)
    except ValueError:
        raise _unreadable() from None


def _owner_parts(secret: str) -> tuple[dict[str, Any], str | None]:
    if secret.startswith(_SCHEMES):
        return _session_parts(secret), None
    try:
        told = json.loads(secret)
        if "url" in told:
            return _session_parts(str(told["url"])), str(told["ca"])
        names = {"user": "username", "password": "password", "host": "host", "port": "port"}
        return {k: told[name] for k, name in names.items()} | {"dbname": told["dbname"]}, None
    except (ValueError, KeyError, TypeError):
        raise SecretUnavailableError(
            "the database secret is neither a URL, nor that and its CA, nor RDS's JSON"
        ) from None


def _session_parts(url: str) -> dict[str, Any]:
    parts = _parts(url)
    if parts.get("port") == SUPABASE_TRANSACTION_PORT:
        raise SecretUnavailableError(
            "port 6543 is Supabase's transaction pooler, which keeps no session:"
            " use the session pooler's port, 5432"
        )
    return parts


def role_url(secret: str) -> str:
    """Read the secret of a runtime role, which migrate has completed with ``url``, and ``ca``."""
    try:
        told = json.loads(secret)
        url, ca = str(told["url"]), told.get("ca")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SecretUnavailableError("the role's secret has no url: run migrate") from None
    return url if ca is None else with_ca(url, ca)


def with_ca(url: str, ca: str) -> str:
    """Name the file of a CA in a URL of our own making, which has other parameters."""
    from tillgate.adapters.postgres.ca_file import ca_file  # noqa: PLC0415  Few databases need it.

    return f"{url}&sslrootcert={quote(ca_file(ca), safe='')}"


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
