from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stacks.alerts.thresholds import SECRET_DAYS
from tillgate.domain.endpoint_rotation import (
    OLD_AFTER_DAYS,
    PreviousSecretRecord,
    SecretWarning,
    age_days,
    secret_warnings,
    token_warnings,
)

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def previous(overlap_ends_at: datetime) -> PreviousSecretRecord:
    return PreviousSecretRecord(
        rotated_at=NOW - timedelta(days=8),
        overlap_ends_at=overlap_ends_at,
        good_until=NOW + timedelta(hours=20),
        ends_by=NOW + timedelta(days=22),
        last_matched_at=NOW - timedelta(hours=4),
    )


def test_a_secret_is_old_when_the_alert_says_so() -> None:
    assert OLD_AFTER_DAYS == SECRET_DAYS


@pytest.mark.parametrize(("age", "is_old"), [(None, False), (89, False), (90, True)])
def test_an_old_secret_is_warned_of(age: int | None, *, is_old: bool) -> None:
    found = secret_warnings(age=age, previous=None, now=NOW)

    assert (SecretWarning.OLD in found) is is_old


@pytest.mark.parametrize(("ends_in", "is_warned"), [(1, False), (0, True), (-1, True)])
def test_a_previous_secret_is_warned_of_once_its_overlap_is_over(
    ends_in: int, *, is_warned: bool
) -> None:
    found = secret_warnings(age=8, previous=previous(NOW + timedelta(seconds=ends_in)), now=NOW)

    assert (SecretWarning.PREVIOUS_IN_USE in found) is is_warned


@pytest.mark.parametrize(
    ("ends_in_hours", "used_hours_ago", "is_warned"),
    [(48, 23, True), (48, 24, False), (49, 1, False), (1, None, False), (0, 0, False)],
)
def test_a_replaced_token_is_warned_of_while_it_is_used_and_soon_ends(
    ends_in_hours: int, used_hours_ago: int | None, *, is_warned: bool
) -> None:
    used_at = None if used_hours_ago is None else NOW - timedelta(hours=used_hours_ago)

    found = token_warnings(
        age=200, revoked_at=NOW + timedelta(hours=ends_in_hours), last_used_at=used_at, now=NOW
    )

    assert found == ((SecretWarning.REPLACED_IN_USE,) if is_warned else ())


@pytest.mark.parametrize(("age", "is_old"), [(89, False), (90, True)])
def test_an_old_token_is_warned_of(age: int, *, is_old: bool) -> None:
    assert bool(token_warnings(age=age, revoked_at=None, last_used_at=None, now=NOW)) is is_old


def test_an_age_is_in_whole_days_and_never_below_none() -> None:
    assert age_days(NOW - timedelta(days=3, hours=23), NOW) == 3
    assert age_days(NOW + timedelta(seconds=1), NOW) == 0
