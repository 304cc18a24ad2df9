"""The audit trail: who did what to which tenant, and when. An entry is written, never changed."""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tillgate.domain.tenant import TenantId

# So many whole years after its own an entry is kept; then its year is dropped.
KEPT_YEARS = 7

# What stands in an entry beside its columns: numbers, flags, and words of our own.
Detail = str | int | bool | None
_NAME = re.compile(r"[a-z][a-z_]{0,39}\Z")
_MAX_WORD = 128
_WORD = re.compile(rf"[A-Za-z0-9._:-]{{0,{_MAX_WORD}}}\Z")
_UNFIT_IN_WORD = re.compile(r"[^A-Za-z0-9._:-]")
_MAX_DETAILS = 16

# What a caller says its name is. Whatever else stands there is written as "_".
_UNFIT_IN_NAME = re.compile(r"[^A-Za-z0-9._@+-]")
MAX_CLAIMED_NAME = 64

# Sixteen bytes in base64url are 22 characters, the last of which carries two bits only.
CURSOR_PATTERN = r"a1_[A-Za-z0-9_-]{21}[AQgw]"
_CURSOR = re.compile(CURSOR_PATTERN)
_CURSOR_PREFIX = "a1_"


class Action(StrEnum):
    """What leaves an entry: every change that somebody asks for, every look at a payload.

    Accepting events leaves none.
    """

    OPERATOR_SIGNED_IN = "operator.signed_in"
    OPERATOR_SIGNED_OUT = "operator.signed_out"
    TENANT_CREATED = "tenant.created"
    TENANT_SUSPENDED = "tenant.suspended"
    TENANT_RESUMED = "tenant.resumed"
    TENANT_LIMIT_SET = "tenant.limit_set"
    TENANT_RETENTION_SET = "tenant.retention_set"
    TENANT_ERASED = "tenant.erased"
    TENANT_HOURS_SET = "tenant.hours_set"
    TENANT_HOURS_REMOVED = "tenant.hours_removed"
    TOKEN_CREATED = "token.created"  # noqa: S105  An action's name.
    TOKEN_ROTATED = "token.rotated"  # noqa: S105  An action's name.
    TOKEN_REVOKED = "token.revoked"  # noqa: S105  An action's name.
    APP_CREATED = "app.created"
    APP_SECRET_SET = "app.secret_set"  # noqa: S105  An action's name.
    APP_SECRET_ROTATED = "app.secret_rotated"  # noqa: S105  An action's name.
    APP_SECRET_RETIRED = "app.secret_retired"  # noqa: S105  An action's name.
    SOURCE_CREATED = "source.created"
    SOURCE_SECRET_SET = "source.secret_set"  # noqa: S105  An action's name.
    SOURCE_SECRET_ROTATED = "source.secret_rotated"  # noqa: S105  An action's name.
    SOURCE_SECRET_RETIRED = "source.secret_retired"  # noqa: S105  An action's name.
    SOURCE_CREDENTIAL_SET = "source.credential_set"
    SOURCE_CREDENTIAL_REMOVED = "source.credential_removed"
    SOURCE_QUIET_AFTER_SET = "source.quiet_after_set"
    DESTINATION_CHANGED = "destination.changed"
    DESTINATION_REMOVED = "destination.removed"
    DESTINATION_TESTED = "destination.tested"
    EVENT_PAYLOAD_READ = "event.payload_read"
    EVENT_REPLAYED = "event.replayed"
    # A synthetic one; written when its removal begins.
    EVENT_DISCARDED = "event.discarded"
    DEAD_LETTER_REDRIVEN = "dead_letter.redriven"
    DEAD_LETTER_REDRIVE_CANCELLED = "dead_letter.redrive_cancelled"
    DEAD_LETTER_DISCARDED = "dead_letter.discarded"
    QUARANTINE_RETRIED = "quarantine.retried"
    QUARANTINE_DISCARDED = "quarantine.discarded"
    QUARANTINE_CONTENT_READ = "quarantine.content_read"
    # The database's own: the operator's role changed the registry, and nobody said why.
    REGISTRY_CHANGED = "registry.changed"
    # Likewise: a year was older than KEPT_YEARS.
    AUDIT_DROPPED = "audit.dropped"


class ActorKind(StrEnum):
    """Whose token it was; ``system`` is Tillgate itself, and whoever works on its database."""

    OPERATOR = "operator"
    TENANT = "tenant"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts. ``id`` tells which token it was, and is never the token.

    ``claimed_name`` is what the caller said its name is. Nothing proves it: whoever has the
    operator's token may say any.
    """

    kind: ActorKind
    id: str
    claimed_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """For whom a request is answered; ``source_address`` is the caller's, as the gateway saw it."""

    actor: Actor
    rid: str = ""
    source_address: str = ""


# Where nobody asked: a worker, a schedule.
BY_ITSELF = Acting(actor=Actor(kind=ActorKind.SYSTEM, id="tillgate"))


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done, to whom. ``target`` is a kind of thing and its id.

    ``details`` hold numbers, flags, ids and words of our own: no text that a caller chose but the
    host of an address (``host_of``), so that no payload, name or secret can stand there. Raises
    ValueError for what looks otherwise.
    """

    action: Action
    tenant_id: TenantId | None = field(default=None, kw_only=True)
    target: tuple[str, str] | None = field(default=None, kw_only=True)
    details: Mapping[str, Detail] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        if len(self.details) > _MAX_DETAILS or not all(
            _NAME.match(name) and (not isinstance(value, str) or _WORD.match(value))
            for name, value in self.details.items()
        ):
            raise ValueError("an entry's details are numbers, flags and words of our own")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What something was done to."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An entry as it was written; ``at`` is by the database's clock.

    ``action`` is text: a newer version may have written it.
    """

    entry_id: str
    at: datetime
    actor: Actor
    action: str
    tenant_id: TenantId | None
    target: Target | None
    rid: str
    source_address: str
    details: Mapping[str, Detail]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries; None stands for any.

    ``actor`` is a token's id or a claimed name; ``since`` (inclusive) and ``until`` (exclusive)
    compare with ``at``.
    """

    tenant_id: TenantId | None = None
    action: Action | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of a list; ``next_cursor`` is None on the last."""

    entries: tuple[AuditEntry, ...]
    next_cursor: str | None


def host_of(url: str) -> str:
    """Give the host alone of a checked address: where events, or a token, go from now on."""
    return _UNFIT_IN_WORD.sub("_", urlsplit(url).hostname or "")[:_MAX_WORD]


def claimed_name(text: str | None) -> str | None:
    """Make a name of what a caller sent for one; None where it sent none."""
    return _UNFIT_IN_NAME.sub("_", (text or "").strip()[:MAX_CLAIMED_NAME]) or None


def cursor_after(entry_id: str) -> str:
    """Name the place after an entry in a list: URL-safe, and good with any filters."""
    return _CURSOR_PREFIX + base64.urlsafe_b64encode(uuid.UUID(entry_id).bytes).decode()[:22]


def entry_before(cursor: str) -> str | None:
    """Read a cursor back, or give None when it is none of ours."""
    if not _CURSOR.fullmatch(cursor):
        return None
    raw = base64.urlsafe_b64decode(cursor.removeprefix(_CURSOR_PREFIX) + "==")
    return str(uuid.UUID(bytes=raw))
