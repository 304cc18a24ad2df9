"""What a sandbox remembers and the snapshot says otherwise, while the database is unreachable."""

from __future__ import annotations

import pytest

from tests.unit.services.registry_sandbox import (
    DAY,
    ENDPOINT,
    REGISTRY,
    TOKEN,
    Sandbox,
    cold_sandbox,
)
from tillgate.domain.registry_snapshot import SNAPSHOT_KEY
from tillgate.domain.tenant import TenantState
from tillgate.services.cached_registry import TRUSTED_SECONDS

# As the registry was when the snapshot was written, later than what is remembered.
RENAMED = {
    **REGISTRY,
    "tenants": [
        {"tenant_id": "one", "slug": "renamed", "state": "active"},
        {"tenant_id": "idle", "slug": "idle", "state": "suspended"},
    ],
}
CHANGED = {
    **REGISTRY,
    "tenants": [
        {"tenant_id": "one", "slug": "one", "state": "suspended"},
        {"tenant_id": "idle", "slug": "idle", "state": "suspended"},
    ],
    "sources": [
        {
            "source_id": "s",
            "tenant_id": "one",
            "provider": "square",
            "app_id": None,
            "merchant_id": "M1",
            "notification_url": "https://x.example/é",
            "sealed_secret": b"another".hex(),
        }
    ],
}


@pytest.fixture
def sandbox() -> Sandbox:
    return cold_sandbox()


def warm(sandbox: Sandbox) -> None:
    sandbox.database.is_down = False
    assert sandbox.finds()
    sandbox.database.is_down = True


@pytest.mark.parametrize(
    ("age", "slug"),
    [(30, "one"), (TRUSTED_SECONDS - 0.1, "one"), (TRUSTED_SECONDS, "renamed"), (DAY, "renamed")],
)
def test_an_old_memory_gives_way_to_a_newer_snapshot(
    sandbox: Sandbox, age: float, slug: str
) -> None:
    assert TRUSTED_SECONDS == 600
    warm(sandbox)
    sandbox.now = age
    sandbox.write(RENAMED, at=age)

    found = sandbox.registry.find_token(TOKEN)
    assert found is not None
    assert found.tenant.slug == slug


def test_a_suspension_since_is_seen_in_an_outage_and_so_is_another_secret(
    sandbox: Sandbox,
) -> None:
    warm(sandbox)
    sandbox.database.is_down = False
    assert sandbox.registry.find_endpoint("square", "s") == ENDPOINT
    sandbox.database.is_down = True
    sandbox.now = TRUSTED_SECONDS
    sandbox.write(CHANGED, at=60)

    found = sandbox.registry.find_token(TOKEN)
    assert found is not None
    assert found.tenant.state is TenantState.SUSPENDED
    endpoint = sandbox.registry.find_endpoint("square", "s")
    assert endpoint is not None
    assert endpoint.sealed_secrets == (b"another",)


@pytest.mark.parametrize("trouble", ["down", "gone", "damaged", "a day old", "unaware"])
def test_an_old_memory_serves_where_the_snapshot_does_not_say(
    sandbox: Sandbox, trouble: str
) -> None:
    warm(sandbox)
    sandbox.now = 3_600
    sandbox.write({**REGISTRY, "tokens": []} if trouble == "unaware" else RENAMED)
    sandbox.objects.is_down = trouble == "down"
    if trouble == "gone":
        sandbox.objects.objects.clear()
    if trouble == "damaged":
        sandbox.objects.objects[SNAPSHOT_KEY] = b"damaged"
    if trouble == "a day old":
        sandbox.write(RENAMED, at=3_600 - DAY - 1)

    assert sandbox.finds()
    assert sandbox.objects.reads == 1


def test_what_the_snapshot_said_is_not_remembered_as_the_database_s_word(
    sandbox: Sandbox,
) -> None:
    warm(sandbox)
    sandbox.now = 3_600
    sandbox.write(RENAMED, at=3_600)
    found = sandbox.registry.find_token(TOKEN)
    assert found is not None
    assert found.tenant.slug == "renamed"
    sandbox.database.is_down = False

    assert sandbox.finds()


@pytest.mark.parametrize("back", [1.0, 3_600.0, 10 * DAY])
def test_a_clock_that_was_set_back_makes_no_memory_old(sandbox: Sandbox, back: float) -> None:
    warm(sandbox)
    sandbox.now = -back
    sandbox.write(RENAMED, at=-back)

    assert sandbox.finds()
    assert sandbox.objects.reads == 0


def test_a_clock_that_was_set_back_lets_the_next_answer_of_the_database_count(
    sandbox: Sandbox,
) -> None:
    warm(sandbox)
    sandbox.now = -3_600
    assert sandbox.finds()
    sandbox.database.is_down = False
    del sandbox.database.tokens[TOKEN]

    assert sandbox.registry.find_token(TOKEN) is None
