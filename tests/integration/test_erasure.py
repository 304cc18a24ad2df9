"""A tenant that is erased: nothing of it is left, nothing of it comes back, others keep theirs."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from tests.integration.erasure_scene import SLUG, Scene
from tests.integration.polling import until
from tests.integration.quarantine_world import KEY, RECEIVED
from tests.vendors import square_body, square_headers
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.domain.errors import (
    InvalidRequestError,
    NotFoundError,
    SignatureRefusedError,
    TenantNotSuspendedError,
)
from tillgate.domain.event import NewEvent, Outcome
from tillgate.domain.idempotency import fingerprint
from tillgate.domain.provider import Hook
from tillgate.domain.quarantine import Reason
from tillgate.domain.queued import QueuedEvents, QueuedHook
from tillgate.domain.tenant import TenantId, TenantState, token_digest
from tillgate.providers import PROVIDERS
from tillgate.services.accept import AcceptQueued
from tillgate.services.hooks import HookStore
from tillgate.services.queued_hooks import AcceptQueuedHook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import LiteralString

    from tests.integration.testdatabase import TestDatabase

# What an erasure leaves of a tenant, table by table; every other that names a tenant is emptied
# of it. A table that is new has to be in one of the two.
KEPT = {
    "tenant": "its id, and when it was made",
    "ingest_key": "the senders' keys and fingerprints, until they expire",
    "tenant_activity": "how much it did, without what",
    "tenant_retention": "how long its keys are kept",
    "audit_entry": "who did what, which is what it is for",
    "erasure": "that it was erased, and how much was",
    "erased_source": "by what its deliveries are known, so that none is kept",
}
EMPTIED = {
    "api_token", "attempt", "delivery", "destination", "destination_breaker", "event",
    "quarantine", "quiet_source", "redrive", "source", "source_activity",
    "tenant_rate", "token_activity",
}  # fmt: skip


@pytest.fixture
def scene(own_database: TestDatabase) -> Iterator[Scene]:
    made: list[Database] = []

    def connect(role: str) -> Database:
        made.append(Database(lambda: own_database.url(role), max_uses=1_000_000))
        return made[-1]

    built = Scene(own_database, connect)
    yield built
    built.superuser.close()
    for connection in made:
        connection.close()


def test_nothing_of_it_is_left_in_any_column_and_its_fingerprints_are(scene: Scene) -> None:
    assert set(scene.tables()) == EMPTIED | KEPT.keys()
    before = scene.seen(scene.canaries)
    assert before.keys() >= EMPTIED - {
        "destination_breaker", "quiet_source", "source_activity", "tenant_rate", "token_activity",
    }  # fmt: skip
    others, others_activity = (
        scene.rows(scene.other),
        scene.superuser.execute("SELECT * FROM tillgate.tenant_activity").fetchall(),
    )
    assert others.keys() == (EMPTIED | KEPT.keys()) - {
        "tenant_retention", "erasure", "erased_source",
    }  # fmt: skip
    planned = scene.planned()

    scene.erase()

    assert scene.seen(scene.canaries) == {}
    assert scene.rows(scene.tenant).keys() <= KEPT.keys()
    assert scene.rows(scene.tenant)["ingest_key"] == 20
    assert scene.rows(scene.other) == others
    assert scene.superuser.execute("SELECT * FROM tillgate.tenant_activity").fetchall() == (
        others_activity
    )
    assert scene.superuser.execute(
        "SELECT count(*) FROM tillgate.redrive_cancelled"
    ).fetchone() == (1,)
    record = scene.store.erasure(scene.tenant)
    assert record is not None
    assert record.removed == planned
    assert record.done_at is not None
    assert (planned.events, planned.attempts, planned.quarantine) == (20, 20, 120)
    assert (planned.sources, planned.tokens, planned.destinations) == (3, 1, 1)
    assert planned.credentials == 1


def test_a_dry_run_changes_nothing_and_counts_a_large_tenant_in_pages(scene: Scene) -> None:
    before = scene.rows(scene.tenant)
    assert scene.planned() == scene.planned()
    assert scene.rows(scene.tenant) == before

    counts: list[dict[str, int]] = []
    after = None
    with scene.database.as_role("admin") as admin:
        while not counts or after is not None:
            row = admin.execute("SELECT tillgate.erase_plan(%s, %s, 7)", (scene.tenant, after))
            [(page,)] = row.fetchall()
            after = page.pop("next")
            counts.append(page)
    assert [page["events"] for page in counts] == [7, 7, 6]
    total = {name: sum(page[name] for page in counts) for name in counts[0]}
    planned = scene.planned()
    assert total == {name: getattr(planned, name) for name in total}


def test_whoever_is_killed_at_any_step_the_next_goes_on(scene: Scene) -> None:
    planned = scene.planned()
    killed(scene, "admin", "SELECT tillgate.erase_tenant(%s, %s)", scene.tenant, SLUG)
    assert scene.store.erasure(scene.tenant) is None
    assert scene.planned() == planned
    scene.store.erase(scene.tenant, slug=SLUG)
    scene.superuser.execute("UPDATE tillgate.erasure SET asked_at = now() - interval '61 s'")

    steps, is_done = 0, False
    while not is_done:
        killed(scene, "sweep", "SELECT tillgate.erase_step(3)")
        *_, is_done = scene.sweeper.erase(at_most=3)
        steps += 1

    assert steps > 8
    assert scene.seen(scene.canaries) == {}
    record = scene.store.erasure(scene.tenant)
    assert record is not None
    assert record.removed == planned


def killed(scene: Scene, role: str, statement: LiteralString, *params: object) -> None:
    """Run a statement on a connection that is killed before it can commit."""
    connection = psycopg.connect(scene.database.url(role))
    connection.execute(statement, params)
    backend = (connection.info.backend_pid,)
    scene.superuser.execute("SELECT pg_terminate_backend(%s)", backend)
    connection.close()
    until(
        lambda: (
            not scene.superuser.execute(
                "SELECT FROM pg_stat_activity WHERE pid = %s", backend
            ).fetchall()
        ),
        what="the killed step's locks are gone",
    )


def test_only_a_suspended_tenant_is_erased_and_only_by_its_own_slug(scene: Scene) -> None:
    before = scene.rows(scene.tenant)
    with pytest.raises(TenantNotSuspendedError):
        scene.store.erase(scene.other, slug="other")
    with pytest.raises(InvalidRequestError):
        scene.store.erase(scene.tenant, slug="other")
    with pytest.raises(NotFoundError):
        scene.store.erase(TenantId(str(uuid.uuid4())), slug=SLUG)
    assert scene.rows(scene.tenant) == before

    asked = scene.store.erase(scene.tenant, slug=SLUG)
    assert scene.store.erase(scene.tenant, slug=SLUG) == asked, "again, and nothing more"


def test_an_erased_tenant_cannot_be_resumed_and_is_given_nothing(scene: Scene) -> None:
    scene.erase()
    operator = scene.world.operator
    found = operator.tenant(scene.tenant)
    assert (found.state, found.name) == (TenantState.ERASED, "erased")
    assert found.slug == f"erased-{scene.tenant.replace('-', '')}"
    for refused in (
        lambda: operator.resume_tenant(scene.tenant),
        lambda: operator.suspend_tenant(scene.tenant),
        lambda: operator.issue_token(scene.tenant, name="till"),
        lambda: scene.world.square(scene.tenant),
    ):
        with pytest.raises(NotFoundError):
            refused()
    assert operator.create_tenant(slug=SLUG, name="Another").slug == SLUG


def test_what_its_vendor_sends_later_is_kept_nowhere(scene: Scene) -> None:
    own = scene.world.operator.sources(scene.tenant)[1]
    assert own.notification_url is not None
    body = square_body("late")
    headers = square_headers(body, url=own.notification_url, key=KEY)
    scene.erase()

    kept = quarantined(scene)
    hook = Hook(
        hook_id=str(uuid.uuid4()), provider="square", endpoint_id=own.source_id, headers=headers,
        body=body, received_at=RECEIVED, rid="late",
    )  # fmt: skip
    with pytest.raises(SignatureRefusedError):
        scene.world.hooks.accept(hook)
    queued(scene).accept(QueuedHook(hook=hook))
    queued(scene).accept(QueuedHook(hook=hook, is_refused=True))

    assert quarantined(scene) == kept
    assert scene.world.stored(scene.tenant) == []


def test_an_item_of_its_on_an_apps_url_is_kept_nowhere_and_its_neighbours_are_stored(
    scene: Scene,
) -> None:
    app_id = scene.world.app_with(M1=scene.tenant, M2=scene.other)
    scene.erase()
    kept = quarantined(scene)

    scene.world.deliver_clover(app_id, "M1", "M2")

    assert quarantined(scene) == kept
    assert scene.world.stored(scene.tenant) == []
    assert len(scene.world.stored(scene.other)) == 21
    # A merchant that comes back is a new tenant's.
    again = scene.world.tenant()
    scene.world.operator.bind_source(
        again, app_id=app_id, provider="clover", name=None, merchant_id="M1"
    )
    scene.world.deliver_clover(app_id, "M1")
    assert len(scene.world.stored(again)) == 1


def test_what_waited_on_the_accept_queue_is_kept_nowhere(scene: Scene) -> None:
    _, token = scene.world.operator.issue_token(scene.tenant, name="till")
    message = QueuedEvents(
        message_id=str(uuid.uuid4()), tenant_id=scene.tenant, token_digest=token_digest(token),
        events=(new_event("waiting"),), received_at=RECEIVED, rid="waiting",
    )  # fmt: skip
    scene.erase()
    kept = quarantined(scene)

    queued(scene).accept(message)

    assert quarantined(scene) == kept
    assert scene.world.stored(scene.tenant) == []


def test_what_a_sandbox_let_in_by_what_it_remembered_goes_at_the_next_look(scene: Scene) -> None:
    scene.store.erase(scene.tenant, slug=SLUG)
    store = PostgresEventStore(scene.world.connect("ingest"), within_seconds=5)
    scene.sweep()
    record = scene.store.erasure(scene.tenant)
    assert record is not None
    assert record.done_at is None, "not before everybody has looked again"

    [stored] = store.accept(scene.tenant, [new_event("late")], received_at=RECEIVED)
    assert stored.outcome is Outcome.NEW
    attempt = {
        "event_id": stored.event_id, "attempt_id": str(uuid.uuid4()), "at": RECEIVED.isoformat(),
        "outcome": "delivered", "reason": scene.canaries["text"],
    }  # fmt: skip
    with scene.database.as_role("deliver") as deliver:
        deliver.execute(
            "SELECT tillgate.record_attempts(%s, %s, '[]', true, 5, '1 s')",
            (scene.tenant, json.dumps([attempt])),
        )
    # What the watcher had read before.
    scene.superuser.execute(
        "INSERT INTO tillgate.quiet_source VALUES (gen_random_uuid(), %s, now(), NULL, now())",
        (scene.tenant,),
    )
    scene.superuser.execute("UPDATE tillgate.erasure SET asked_at = now() - interval '61 s'")
    scene.sweep()
    assert scene.rows(scene.tenant).keys() <= KEPT.keys()
    assert scene.seen(scene.canaries) == {}
    [again] = store.accept(scene.tenant, [new_event("late")], received_at=RECEIVED)
    assert again.outcome is Outcome.DUPLICATE, "its key and fingerprint are there"


def test_it_is_looked_at_for_as_long_as_a_queue_keeps_a_message(scene: Scene) -> None:
    scene.erase()

    def next_look() -> str | None:
        row = scene.superuser.execute(
            "SELECT CASE WHEN look_at = 'infinity' THEN 'never' WHEN look_at > now() THEN"
            " round(extract(EPOCH FROM look_at - now()) / 3600)::text END FROM tillgate.erasure"
        ).fetchone()
        assert row is not None
        return str(row[0])

    assert next_look() == "1"
    for asked, expected in (("2 hours", "24"), ("15 days", "24"), ("17 days", "never")):
        scene.superuser.execute(
            "UPDATE tillgate.erasure SET asked_at = now() - %s::interval", (asked,)
        )
        scene.sweep()
        assert next_look() == expected


def test_the_owner_deletes_nothing_of_a_tenant_that_is_not_erased(scene: Scene) -> None:
    before = scene.rows(scene.other)
    with scene.superuser.transaction():
        scene.superuser.execute("SET LOCAL ROLE tillgate_owner")
        for table in ("source", "api_token", "destination", "tenant", "erasure"):
            name = sql.Identifier(table)
            deleted = scene.superuser.execute(sql.SQL("DELETE FROM tillgate.{}").format(name))
            assert deleted.rowcount == 0
    assert scene.rows(scene.other) == before


def usage(scene: Scene) -> list[tuple[object, ...]]:
    return scene.superuser.execute("SELECT * FROM tillgate.tenant_activity").fetchall()


def quarantined(scene: Scene) -> list[tuple[object, ...]]:
    return scene.superuser.execute(
        "SELECT * FROM tillgate.quarantine ORDER BY quarantine_id"
    ).fetchall()


def queued(scene: Scene) -> AcceptQueued:
    """Make the worker of the accept queue."""
    accept = scene.world.connect("accept")
    registry = PostgresRegistry(accept, within_seconds=10)
    quarantine = type(scene.world.quarantine)(accept, scene.world.box, within_seconds=10)
    events = PostgresEventStore(accept, within_seconds=10)
    store = HookStore(
        providers=PROVIDERS, registry=registry, events=events, quarantine=quarantine,
        secret_box=scene.world.box, conflict=Reason.CONFLICT_AFTER_QUEUED,
    )  # fmt: skip
    return AcceptQueued(
        tokens=registry, events=events, quarantine=quarantine, hooks=AcceptQueuedHook(store)
    )


def new_event(key: str) -> NewEvent:
    return NewEvent(
        key=f"api:{key}", fingerprint=fingerprint("{}"), source_id=None, type="t", data="{}"
    )
