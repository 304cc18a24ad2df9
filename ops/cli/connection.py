"""Which Tillgate a command talks to, and with which token.

Address and token come from one place: options and environment together, or the local
stack's file. A token for one platform is therefore never sent to another by accident.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from ops.cli.errors import UsageError
from ops.cli.stack_file import LocalStack, find_local_stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

URL_VARIABLE = "TILLGATE_URL"
TOKEN_VARIABLE = "TILLGATE_OPERATOR_TOKEN"  # noqa: S105  The variable's name, not a token.
# Who acts, as the audit trail has it: a claim. Else the login name.
OPERATOR_VARIABLES = ("TILLGATE_OPERATOR", "LOGNAME", "USER", "USERNAME")
GIVE_A_TOKEN = f"export {TOKEN_VARIABLE}=..., or add --token-file PATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """``token`` is None where an address was given without one; ``stack`` is set if it was used."""

    url: str
    token: str | None = field(repr=False)
    stack: LocalStack | None = None

    @property
    def is_local(self) -> bool:
        return is_loopback(urlsplit(self.url).hostname or "")


def choose_connection(
    *, url: str | None, token_file: Path | None, environ: Mapping[str, str], folder: Path
) -> Connection:
    """Settle address and token: options before environment, both before the stack file.

    Raises UsageError, which never repeats a token.
    """
    address = url or environ.get(URL_VARIABLE) or None
    token = _given_token(token_file, environ)
    if address:
        checked = check_url(address)
        return Connection(url=checked, token=token or _stack_token(checked, folder))
    stack = find_local_stack(folder)
    if token:
        raise UsageError(
            "There is an operator token but no address, so it is not clear whose token it is.",
            next_step=f"export {URL_VARIABLE}=https://..., or add --url"
            + (f"; or unset {TOKEN_VARIABLE} to use the local stack" if stack else ""),
        )
    if stack is None:
        raise UsageError(
            "No Tillgate is known here: no --url, no "
            f"{URL_VARIABLE}, and no .local/stack.json from {folder} upwards.",
            next_step=f"make demo (a local stack), or export {URL_VARIABLE} and {TOKEN_VARIABLE}",
        )
    return Connection(
        url=check_url(stack.api_url),
        token=_check_token(stack.admin_token, origin=str(stack.path)),
        stack=stack,
    )


def operator_name(environ: Mapping[str, str]) -> str | None:
    """Give the name of who types, as a header can carry it; None where nothing tells."""
    given = next((environ[name] for name in OPERATOR_VARIABLES if environ.get(name)), "")
    return re.sub(r"[^A-Za-z0-9._@+-]", "_", given.strip()[:64]) or None


def check_url(url: str, *, carries_token: bool = True) -> str:
    """Give the address without its last slash. Raises UsageError when no token may go there."""
    bad = UsageError(
        "The address is not one that Tillgate is called at.",
        details=("It reads https://host, with a path if need be; no user, query or fragment.",),
        next_step=f"mend --url or {URL_VARIABLE}",
    )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise bad from None
    if not host or parts.scheme not in {"http", "https"} or not url.isprintable() or " " in url:
        raise bad
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise bad
    if carries_token and parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"http://{host} would send the operator token unencrypted.",
            next_step=f"use https:// in --url or {URL_VARIABLE}",
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _stack_token(url: str, folder: Path) -> str | None:
    """Find the token of an address that is the local stack's own."""
    if not is_loopback(urlsplit(url).hostname or ""):
        return None
    stack = find_local_stack(folder)
    if stack is None or stack.api_url.rstrip("/") != url:
        return None
    return _check_token(stack.admin_token, origin=str(stack.path))


def _given_token(token_file: Path | None, environ: Mapping[str, str]) -> str | None:
    if token_file is not None:
        try:
            text = token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise UsageError(
                f"The token file {token_file} cannot be read: {reason}.", next_step=GIVE_A_TOKEN
            ) from error
        return _check_token(text, origin=str(token_file))
    if text := environ.get(TOKEN_VARIABLE, ""):
        return _check_token(text, origin=TOKEN_VARIABLE)
    return None


def _check_token(text: str, *, origin: str) -> str:
    """Refuse what cannot stand in a header, without repeating it."""
    token = text.strip()
    if not token or not all("!" <= char <= "~" for char in token):
        raise UsageError(
            f"{origin} does not hold a token: one line of visible ASCII.", next_step=GIVE_A_TOKEN
        )
    return token
