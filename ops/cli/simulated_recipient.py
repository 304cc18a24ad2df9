"""Whom ``tillgate simulate`` sends to, and with which secret.

The local stack's file knows its endpoints' secrets. Of any other the admin API tells the URL
and the merchants, and the person the secret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ops.cli.connection import is_loopback
from ops.cli.errors import NoSuchThingError, UsageError
from ops.cli.exact_json import JsonValue, record_in, records_in
from ops.cli.references import check_id
from ops.cli.stack_file import MAKE_IT_AGAIN, find_local_stack
from ops.cli.vendor_secret import ask_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ops.cli.session import Session
    from ops.cli.stack_file import LocalStack

LIST_THEM = "tillgate source list TENANT, or tillgate app list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for; ids are None where any endpoint of the provider will do."""

    provider: str
    source_id: str | None
    app_id: str | None

    @property
    def endpoint_id(self) -> str | None:
        return self.source_id or self.app_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A source or an app. ``tokens``: an API token of each tenant behind it, where known."""

    noun: str
    endpoint_id: str
    notification_url: str
    secret: str = field(repr=False)
    merchants: tuple[str, ...]
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_local(self) -> bool:
        return is_loopback(urlsplit(self.notification_url).hostname or "")


def checked(provider: str, *, source_id: str | None, app_id: str | None) -> Wanted:
    """Read the command line's ids. Raises UsageError for both, or what is no id."""
    if source_id and app_id:
        raise UsageError("It is a --source or an --app, not both.", next_step=LIST_THEM)
    return Wanted(
        provider=provider,
        source_id=source_id and check_id(source_id, argument="--source", next_step=LIST_THEM),
        app_id=app_id and check_id(app_id, argument="--app", next_step=LIST_THEM),
    )


def find_endpoint(session: Session, wanted: Wanted, *, secret_stdin: bool) -> Endpoint:
    """Find it in the local stack's file, else ask the admin API, and for the secret.

    Raises NoSuchThingError or UsageError when there is none to send to.
    """
    stack = _own_stack(session)
    if stack is not None and not secret_stdin:
        for provider, endpoint in _in_file(stack):
            if provider == wanted.provider and wanted.endpoint_id in {None, endpoint.endpoint_id}:
                if wanted.endpoint_id is None and endpoint.noun == "app":
                    continue
                return endpoint
    if wanted.endpoint_id is None:
        raise UsageError(
            f"The local stack has no source of {wanted.provider}."
            if stack is not None
            else f"Which source or app of {wanted.provider} is meant is not known here.",
            next_step=f"add --source ID or --app ID ({LIST_THEM})",
        )
    url, merchants = _app(session, wanted) if wanted.app_id else _source(session, wanted)
    secret = ask_secret(session.surroundings, from_stdin=secret_stdin)
    return Endpoint(
        noun="app" if wanted.app_id else "source",
        endpoint_id=wanted.endpoint_id,
        notification_url=url,
        secret=secret,
        merchants=merchants,
    )


def _own_stack(session: Session) -> LocalStack | None:
    """Give the local stack, if that is what is called."""
    if session.connection.stack is not None or not session.connection.is_local:
        return session.connection.stack
    stack = find_local_stack(session.surroundings.folder)
    is_called = stack is not None and stack.api_url.rstrip("/") == session.connection.url
    return stack if is_called else None


def _in_file(stack: LocalStack) -> Iterator[tuple[str, Endpoint]]:
    """Give the stack's sources, then its apps, by provider. Raises UsageError for another file."""
    try:
        document: JsonValue = json.loads(stack.path.read_text(encoding="utf-8"))
        tenants = records_in(record_in(document).get("tenants"))
        tokens = {str(tenant["slug"]): str(tenant["api_token"]) for tenant in tenants}
        for tenant in tenants:
            slug = str(tenant["slug"])
            for source in records_in(tenant["sources"]):
                merchant = source["merchant_id"]
                yield (
                    str(source["provider"]),
                    Endpoint(
                        noun="source",
                        endpoint_id=str(source["source_id"]),
                        notification_url=str(source["notification_url"]),
                        secret=str(source["secret"]),
                        merchants=(str(merchant),) if merchant else (),
                        tokens={slug: tokens[slug]},
                    ),
                )
        for app in records_in(record_in(document).get("apps")):
            merchants = record_in(app["merchants"])
            slugs = {str(slug) for slug in merchants.values()}
            yield (
                str(app["provider"]),
                Endpoint(
                    noun="app",
                    endpoint_id=str(app["app_id"]),
                    notification_url=str(app["notification_url"]),
                    secret=str(app["secret"]),
                    merchants=tuple(merchants),
                    tokens={slug: tokens[slug] for slug in sorted(slugs)},
                ),
            )
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"{stack.path} does not say what a local stack's file does.", next_step=MAKE_IT_AGAIN
        ) from error


def _source(session: Session, wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    for source in _every_source(session):
        if source.get("source_id") != wanted.source_id:
            continue
        if source.get("app_id"):
            raise UsageError(
                "This source's events come in at its app's URL.",
                next_step=f"tillgate simulate {wanted.provider} --app {source['app_id']}",
            )
        merchant = source.get("merchant_id")
        return _url(source, wanted), (str(merchant),) if merchant else ()
    raise NoSuchThingError("There is no such source.", next_step=LIST_THEM)


def _app(session: Session, wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    for app in session.client.get("/apps").records("apps"):
        if app.get("app_id") == wanted.app_id:
            bound = [s for s in _every_source(session) if s.get("app_id") == wanted.app_id]
            return _url(app, wanted), tuple(str(source["merchant_id"]) for source in bound)
    raise NoSuchThingError("There is no such app.", next_step=LIST_THEM)


def _url(endpoint: Mapping[str, JsonValue], wanted: Wanted) -> str:
    if endpoint.get("provider") != wanted.provider:
        raise UsageError(
            f"That is {endpoint.get('provider')}'s, not {wanted.provider}'s.",
            next_step=f"tillgate simulate {endpoint.get('provider')} ...",
        )
    return str(endpoint["notification_url"])


def _every_source(session: Session) -> Iterator[dict[str, JsonValue]]:
    for tenant in session.client.get("/tenants").records("tenants"):
        yield from session.client.get(f"/tenants/{tenant['tenant_id']}/sources").records("sources")
