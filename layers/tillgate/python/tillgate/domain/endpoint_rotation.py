"""Rotation: an endpoint's two secrets, two tokens, and what is to be said of their age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

DEFAULT_OVERLAP_SECONDS = 7 * 86_400
# So long is a previous secret good at most, however long it is signed with (migration 27).
MAX_OVERLAP_SECONDS = 30 * 86_400
# From then on the alert secret-age is red.
OLD_AFTER_DAYS = 90
# What was used within this time is in use.
_IN_USE = timedelta(hours=24)
# A token that is in use is said to be so this long before its end.
_ENDS_SOON = timedelta(hours=48)


class EndpointKind(StrEnum):
    """Who has a URL, and secrets, of its own."""

    SOURCE = "source"
    APP = "app"


class SecretWarning(StrEnum):
    """What the operator should see to."""

    OLD = "older-than-90-days"
    # Beyond the overlap that was asked for: something still signs with it.
    PREVIOUS_IN_USE = "previous-secret-in-use"
    # It ends within two days.
    REPLACED_IN_USE = "replaced-token-in-use"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousSecretRecord:
    """The secret before the current one, while both are good.

    ``overlap_ends_at`` is as the operator asked; ``good_until`` is later where the vendor goes on
    signing with it, and never after ``ends_by``. ``last_matched_at`` is when it was last signed
    with since the rotation, a minute or two late; None when it was not.
    """

    rotated_at: datetime
    overlap_ends_at: datetime
    good_until: datetime
    ends_by: datetime
    last_matched_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSecrets:
    """What a rotation goes by. ``has_previous``: one is still good beside the current."""

    sealed: bytes
    awaits_secret: bool
    has_previous: bool


def age_days(since: datetime, now: datetime) -> int:
    """Give how many whole days old it is."""
    return max(0, (now - since).days)


def secret_warnings(
    *, age: int | None, previous: PreviousSecretRecord | None, now: datetime
) -> tuple[SecretWarning, ...]:
    """Say what is wrong with an endpoint's secrets; ``age`` is in days, None while pending."""
    found = []
    if age is not None and age >= OLD_AFTER_DAYS:
        found.append(SecretWarning.OLD)
    if previous is not None and previous.overlap_ends_at <= now:
        found.append(SecretWarning.PREVIOUS_IN_USE)
    return tuple(found)


def token_warnings(
    *, age: int, revoked_at: datetime | None, last_used_at: datetime | None, now: datetime
) -> tuple[SecretWarning, ...]:
    """Say what is wrong with a token; ``age`` is in days."""
    if revoked_at is None:
        return (SecretWarning.OLD,) if age >= OLD_AFTER_DAYS else ()
    is_used = last_used_at is not None and now - last_used_at < _IN_USE
    ends_soon = now < revoked_at <= now + _ENDS_SOON
    return (SecretWarning.REPLACED_IN_USE,) if is_used and ends_soon else ()
