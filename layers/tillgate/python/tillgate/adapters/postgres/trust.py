"""How a database proves that it is the one meant: a certificate for its name, from a known CA.

A server on this machine proves nothing, and need not. Any other is verified in full; a URL that
asks for less is refused, since what is sent to whoever answers begins with a password.
https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
"""

from __future__ import annotations

import re
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from tillgate.domain.errors import SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERIFIED = "verify-full"
# The CAs that ship with us. ops/rds_roots.py makes the regions' from AWS' bundle.
ROOTS = Path(__file__).parent / "roots"
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
_RDS = re.compile(r"(?:[a-z0-9-]+\.)+(?P<region>[a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?")
# A proxy's certificate is of ACM, not of RDS.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.howitworks.html
_PROXY = re.compile(r"\.proxy-[a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com")
# What a sandbox has no file for, or what would let the server off.
_REFUSED = ("sslcert", "sslkey", "sslcrl", "sslcrldir", "service", "requiressl")
_OLD_TLS = {"TLSv1", "TLSv1.1"}


def check_ca(ca: str) -> None:
    """Raise SecretUnavailableError when what an operator gave for a CA is none."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=ca)
    except (ssl.SSLError, ValueError):
        raise SecretUnavailableError(
            "the database secret's ca is no certificate as PEM, from its BEGIN to its END"
        ) from None


def trusted(parts: Mapping[str, object], *, has_ca: bool) -> dict[str, object]:
    """Complete a connection's parameters by what the server must prove.

    With ``has_ca`` the CA is added where the connection is made. Raises SecretUnavailableError
    with a sentence when the parameters ask for less, or when no CA is known for the server.
    """
    given = dict(parts)
    if is_here(given):
        return given
    _refuse(given)
    given |= {
        "sslmode": VERIFIED,
        # Else libpq would first look whether it can encrypt by Kerberos, and ask no certificate.
        "gssencmode": "disable",
    }
    root = given.pop("sslrootcert", None)
    if has_ca:
        if root is not None:
            raise SecretUnavailableError("the database secret has a ca, and an sslrootcert too")
        return given
    return given | {"sslrootcert": _roots(str(given.get("host", "")))}


def is_here(parts: Mapping[str, object]) -> bool:
    """Tell whether all the servers named are on this machine."""
    hosts = str(parts.get("host") or "localhost").split(",")
    addresses = [a for a in str(parts.get("hostaddr") or "").split(",") if a]
    return all(map(_is_loopback, (*hosts, *addresses)))


def _is_loopback(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse(parts: Mapping[str, object]) -> None:
    mode = parts.get("sslmode", VERIFIED)
    if mode != VERIFIED:
        raise SecretUnavailableError(
            f"the database's URL says sslmode={mode}, by which anybody may be the database:"
            " say sslmode=verify-full"
        )
    if parts.get("sslrootcert", "system") != "system":
        raise SecretUnavailableError(
            "the database's URL names a file in sslrootcert, which functions do not have: say"
            ' sslrootcert=system, or make the secret {"url": "...", "ca": "-----BEGIN ..."}'
        )
    if parts.get("ssl_min_protocol_version") in _OLD_TLS:
        raise SecretUnavailableError("the database's URL lets in TLS below 1.2")
    for name in _REFUSED:
        if name in parts:
            raise SecretUnavailableError(f"the database's URL may not have {name}")


def _roots(hosts: str) -> str:
    files = {_roots_of(host.lower()) for host in hosts.split(",")}
    if len(files) > 1:
        raise SecretUnavailableError("the database's hosts have different CAs: name one of them")
    return files.pop()


def _roots_of(host: str) -> str:
    rds = _RDS.fullmatch(host)
    if rds is None:
        return public_roots()
    path = ROOTS / ("proxy.pem" if _PROXY.search(host) else f"{rds['region']}.pem")
    if not path.is_file():
        raise SecretUnavailableError(
            f"no CA of RDS is known for {rds['region']}: see ops/rds_roots.py"
        )
    return str(path)


def public_roots() -> str:
    """Give the file of the CAs that browsers trust, where this machine's Python has it.

    libpq's own ``system`` is a folder of the machine that psycopg's wheel was built on.
    """
    path = ssl.get_default_verify_paths().cafile
    if path is None:
        raise SecretUnavailableError("this machine has no file of public CAs")
    return path
