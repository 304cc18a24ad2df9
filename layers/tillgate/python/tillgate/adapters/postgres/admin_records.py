"""Rows of the registry as the operator's records."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, TypedDict

from tillgate.domain.administration import (
    AppRecord,
    EndpointState,
    LimitRecord,
    SourceRecord,
    TenantRecord,
    TokenRecord,
)
from tillgate.domain.endpoint_rotation import (
    MAX_OVERLAP_SECONDS,
    PreviousSecretRecord,
    age_days,
    secret_warnings,
    token_warnings,
)
from tillgate.domain.enrichment import CredentialRecord
from tillgate.domain.tenant import AppId, SourceId, TenantId, TenantState, TokenId

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.endpoint_rotation import SecretWarning

    class _SecretFields(TypedDict):
        secret_set_at: datetime | None
        secret_age_days: int | None
        previous_secret: PreviousSecretRecord | None
        warnings: tuple[SecretWarning, ...]


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def tenant_record(row: Row) -> TenantRecord:
    tenant_id, slug, name, state, created_at, rate, burst, limited_at = row
    return TenantRecord(
        tenant_id=TenantId(tenant_id), slug=slug, name=name, state=TenantState(state),
        created_at=_utc(created_at),
        limit=LimitRecord(events_per_second=rate, burst=burst) if rate is not None else None,
        limited_at=_utc(limited_at) if limited_at else None,
    )  # fmt: skip


def token_record(row: Row) -> TokenRecord:
    """Give a token that was read by TOKENS_COLUMNS."""
    token_id, tenant_id, name, hint, created_at, revoked_at, used_at, successor, now = row
    age = age_days(created_at, now)
    return TokenRecord(
        token_id=TokenId(token_id), tenant_id=TenantId(tenant_id), name=name, hint=hint,
        created_at=_utc(created_at), revoked_at=_utc(revoked_at) if revoked_at else None,
        age_days=age, last_used_at=_utc(used_at) if used_at else None,
        replaced_by=TokenId(successor) if successor else None,
        warnings=token_warnings(
            age=age, revoked_at=revoked_at, last_used_at=used_at, now=now
        ),
    )  # fmt: skip


def app_record(row: Row) -> AppRecord:
    app_id, provider, name, notification_url, awaits_secret, code, shaken_at, *rest = row
    created_at, *secret = rest
    return AppRecord(
        app_id=AppId(app_id), provider=provider, name=name, notification_url=notification_url,
        state=_state(awaits_secret=awaits_secret), verification_code=code,
        handshake_at=_utc(shaken_at) if shaken_at else None, created_at=_utc(created_at),
        **_secrets(tuple(secret), awaits_secret=awaits_secret),
    )  # fmt: skip


def source_record(row: Row) -> SourceRecord:
    source_id, tenant_id, provider, name, merchant_id, app_id, notification_url, *rest = row
    awaits_secret, code, shaken_at, created_at, api_url, credential_set_at, *rest = rest
    quiet_after_minutes, *secret = rest
    credential = None
    if api_url:
        credential = CredentialRecord(api_url=api_url, set_at=_utc(credential_set_at))
    return SourceRecord(
        source_id=SourceId(source_id), tenant_id=TenantId(tenant_id), provider=provider,
        name=name, merchant_id=merchant_id, app_id=AppId(app_id) if app_id else None,
        notification_url=notification_url, state=_state(awaits_secret=awaits_secret),
        verification_code=code, handshake_at=_utc(shaken_at) if shaken_at else None,
        created_at=_utc(created_at),
        credential=credential, quiet_after_minutes=quiet_after_minutes,
        **_secrets(tuple(secret), awaits_secret=awaits_secret),
    )  # fmt: skip


def _secrets(row: Row, *, awaits_secret: bool) -> _SecretFields:
    """Give what is said of an endpoint's secrets, out of the last columns of its row."""
    set_at, since, overlap_until, until, matched_at, now = row
    previous = None
    # What is over is let go of by sweep, some minutes later.
    if until is not None and now < until:
        previous = PreviousSecretRecord(
            rotated_at=_utc(since), overlap_ends_at=_utc(overlap_until), good_until=_utc(until),
            ends_by=_utc(since) + timedelta(seconds=MAX_OVERLAP_SECONDS),
            last_matched_at=_utc(matched_at) if matched_at else None,
        )  # fmt: skip
    # What stands in for a secret that is still to come is nobody's, however old it is.
    age = None if awaits_secret else age_days(set_at, now)
    return {
        "secret_set_at": None if awaits_secret else _utc(set_at),
        "secret_age_days": age,
        "previous_secret": previous,
        "warnings": secret_warnings(age=age, previous=previous, now=now),
    }


def _state(*, awaits_secret: bool) -> EndpointState:
    return EndpointState.PENDING if awaits_secret else EndpointState.READY
