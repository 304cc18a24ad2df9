"""What the operator is told of the platform's own secrets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.entrypoints.api_function import MINE, NOON, OPERATOR, ApiFunction
from tillgate.domain.rotation import PlatformSecret, SecretNote


@pytest.fixture
def api() -> ApiFunction:
    made = ApiFunction()
    made.sealed_rows.add("source.sealed_secret", "k1")
    made.sealed_rows.add("app.sealed_secret", "k2-2026-10-24")
    note(made, days=30)
    return made


def note(api: ApiFunction, *, days: int, of: PlatformSecret | None = None) -> None:
    """Note that each secret is so many days old; with ``of``, that one, and the others a day."""
    api.secret_notes.notes = [
        SecretNote(
            name,
            NOON - timedelta(days=days if of in (None, name) else 1),
            NOON - timedelta(days=200),
        )
        for name in PlatformSecret
    ]


def test_each_key_is_told_with_its_day_its_rows_and_why_it_stays(api: ApiFunction) -> None:
    answer = api.call("GET", "/admin/api/keys", headers=OPERATOR)

    assert answer.status == 200
    assert answer.json["keys"] == [
        {
            "kid": "k1",
            # As old as the secret that it came with.
            "made_on": "2026-05-07",
            "is_current": False,
            "rows": {"source.sealed_secret": 1},
            "leaves_on": "2027-11-28",
            "stays_because": [
                "it is one of the 2 before the one that seals",
                "something sealed under it may live until 2027-11-28",
                "1 of source.sealed_secret name it",
            ],
        },
        {
            "kid": "k2-2026-10-24",
            "made_on": "2026-10-24",
            "is_current": True,
            "rows": {"app.sealed_secret": 1},
            "leaves_on": None,
            "stays_because": ["it seals", "1 of app.sealed_secret name it"],
        },
    ]
    assert answer.json["secrets"][1] == {
        "name": "operator",
        "made_at": "2026-10-24T12:00:00.000000Z",
        "age_days": 30,
        "is_old": False,
    }
    assert answer.json["warnings"] == []


@pytest.mark.parametrize("secret", PlatformSecret)
def test_a_secret_older_than_ninety_days_is_warned_of(
    api: ApiFunction, secret: PlatformSecret
) -> None:
    note(api, days=90, of=secret)
    assert api.call("GET", "/admin/api/keys", headers=OPERATOR).json["warnings"] == []

    note(api, days=91, of=secret)
    answer = api.call("GET", "/admin/api/keys", headers=OPERATOR).json

    assert answer["warnings"] == [f"The {secret} secret is 91 days old, and should be 90 at most."]
    assert [one["name"] for one in answer["secrets"] if one["is_old"]] == [secret]


def test_ages_that_nobody_noted_yet_are_not_made_up(api: ApiFunction) -> None:
    api.secret_notes.notes = []

    answer = api.call("GET", "/admin/api/keys", headers=OPERATOR).json

    assert {one["age_days"] for one in answer["secrets"]} == {None}
    assert answer["keys"][0]["made_on"] is None
    assert answer["warnings"] == []


def test_ages_that_nobody_notes_any_more_are_warned_of(api: ApiFunction) -> None:
    api.secret_notes.noted_at = NOON - timedelta(days=3)

    warnings = api.call("GET", "/admin/api/keys", headers=OPERATOR).json["warnings"]

    assert warnings == ["functions/rotate, which runs each day, last noted these ages 3 days ago."]


def test_rows_whose_key_is_gone_are_warned_of(api: ApiFunction) -> None:
    api.sealed_rows.add("source.sealed_credential", "k0")

    [warning] = api.call("GET", "/admin/api/keys", headers=OPERATOR).json["warnings"]

    assert "source.sealed_credential name the key 'k0', which the ring has not" in warning


def test_a_key_that_is_new_since_the_last_look_is_no_stranger(api: ApiFunction) -> None:
    api.call("GET", "/admin/api/keys", headers=OPERATOR)
    api.ring["k3-2026-11-23"] = "three"
    api.sealed_rows.add("app.sealed_secret", "k3-2026-11-23")

    answer = api.call("GET", "/admin/api/keys", headers=OPERATOR).json

    assert answer["warnings"] == []
    assert answer["keys"][-1]["kid"] == "k3-2026-11-23"


@pytest.mark.parametrize("headers", [{}, MINE, {"authorization": "Bearer made-up"}])
def test_only_the_operator_is_told(api: ApiFunction, headers: dict[str, str]) -> None:
    assert api.call("GET", "/admin/api/keys", headers=headers).problem == (401, "unauthenticated")


@pytest.mark.parametrize("what", ["sealed_rows", "secret_notes"])
def test_while_the_database_is_down_nothing_is_made_up(api: ApiFunction, what: str) -> None:
    getattr(api, what).is_down = True

    assert api.call("GET", "/admin/api/keys", headers=OPERATOR).problem == (503, "unavailable")
