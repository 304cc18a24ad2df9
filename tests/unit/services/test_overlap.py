"""While two secrets, or two tokens, are good: in a warm sandbox, a cold one, and from the queue."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.unit.services.hook_endpoints import NOW, SECRETS, SOURCE_ID, Hooks, url
from tests.unit.services.registry_sandbox import (
    DAY,
    ENDPOINT,
    ONE,
    REGISTRY,
    START,
    TOKEN,
    Sandbox,
    cold_sandbox,
)
from tests.vendors import square_body, square_headers
from tillgate.domain.errors import SignatureRefusedError
from tillgate.domain.quarantine import Reason
from tillgate.domain.queued import QueuedEvents, QueuedHook
from tillgate.domain.tenant import TokenStanding

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.provider import Hook

NEW = "the-new-key"
SECOND = timedelta(seconds=1)
SOURCES: list[dict[str, str | None]] = REGISTRY["sources"]  # type: ignore[assignment]  # Of JSON.
ENDING = {
    **REGISTRY,
    "tokens": [],
    "ending_tokens": [
        {
            "digest": TOKEN.hex(),
            "tenant_id": "one",
            "revoked_at": (START + timedelta(hours=1)).timestamp(),
        }
    ],
    "previous_secrets": [
        {
            "endpoint_id": "s",
            "sealed_secret": b"sealed".hex(),
            "until": (START + timedelta(hours=1)).timestamp(),
        }
    ],
    "sources": [
        {**source, "sealed_secret": b"new".hex() if source["source_id"] == "s" else None}
        for source in SOURCES
    ],
}


@pytest.fixture
def hooks() -> Hooks:
    made = Hooks()
    made.add_source("square", secrets=[NEW, SECRETS["square"]])
    return made


def good_until(hooks: Hooks, until: datetime) -> None:
    endpoint = hooks.registry.endpoints["square", SOURCE_ID]
    hooks.registry.endpoints["square", SOURCE_ID] = replace(endpoint, previous_until=until)


def retired(hooks: Hooks, at: datetime) -> None:
    """Take the previous secret away, which ended then."""
    endpoint = hooks.registry.endpoints["square", SOURCE_ID]
    hooks.registry.endpoints["square", SOURCE_ID] = replace(
        endpoint,
        sealed_secrets=endpoint.sealed_secrets[:1],
        previous_until=None,
        settled_at=at,
    )


def send(hooks: Hooks, key: str, name: str = "sq-1") -> int:
    body = square_body(name)
    headers = square_headers(body, url=url("square", SOURCE_ID), key=key)
    return hooks.accept("square", body, headers).accepted


@pytest.mark.parametrize(("ends", "is_good"), [(SECOND, True), (timedelta(0), False)])
def test_the_previous_secret_is_good_before_its_end_and_not_at_it(
    hooks: Hooks, ends: timedelta, *, is_good: bool
) -> None:
    good_until(hooks, NOW + ends)

    assert send(hooks, NEW) == 1
    if is_good:
        assert send(hooks, SECRETS["square"], "sq-2") == 1
    else:
        with pytest.raises(SignatureRefusedError):
            send(hooks, SECRETS["square"], "sq-2")


def test_a_hook_is_told_with_the_place_of_its_secret(hooks: Hooks) -> None:
    told: list[tuple[str, int]] = []

    def on_match(hook: Hook, place: int) -> None:
        told.append((hook.endpoint_id, place))

    store = hooks.store(conflict=Reason.KEY_CONFLICT)
    store._on_match = on_match
    endpoint = hooks.registry.endpoints["square", SOURCE_ID]
    provider = hooks.providers["square"]
    for key in (NEW, SECRETS["square"], "forged"):
        store.is_signed(provider, endpoint, queued(key).hook)

    assert told == [(SOURCE_ID, 0), (SOURCE_ID, 1)]


def queued(key: str, *, is_refused: bool = False) -> QueuedHook:
    hooks = Hooks()
    hooks.add_source("square", secrets=[key])
    hooks.events.is_down = True
    send(hooks, key)
    [message] = hooks.queue.messages
    assert isinstance(message, QueuedHook)
    return replace(message, is_refused=is_refused)


@pytest.mark.parametrize(("ended", "is_stored"), [(SECOND, True), (timedelta(0), False)])
def test_a_queued_hook_is_judged_by_what_was_good_when_it_came(
    hooks: Hooks, ended: timedelta, *, is_stored: bool
) -> None:
    message = queued(SECRETS["square"])
    retired(hooks, NOW + ended)

    tally = hooks.worker().accept(message)

    assert (tally.accepted, tally.quarantined) == ((1, 0) if is_stored else (0, 1))


def test_a_queued_hook_that_was_refused_is_stored_by_a_secret_that_was_good_when_it_came(
    hooks: Hooks,
) -> None:
    """A sandbox that did not know of the rotation yet refuses it: the worker knows both."""
    refused = queued(NEW, is_refused=True)
    older = queued(SECRETS["square"], is_refused=True)

    assert hooks.worker().accept(refused).accepted == 1
    good_until(hooks, NOW)
    assert hooks.worker().accept(older).quarantined == 1


@pytest.mark.parametrize(("ended", "is_stored"), [(SECOND, True), (timedelta(0), False)])
def test_a_queued_event_is_judged_by_the_tokens_end(
    hooks: Hooks, ended: timedelta, *, is_stored: bool
) -> None:
    hooks.tokens.standings[TOKEN] = TokenStanding(ONE, NOW + ended)
    message = QueuedEvents(
        message_id="00000000-0000-4000-8000-00000000000a",
        tenant_id=ONE.tenant_id,
        token_digest=TOKEN,
        received_at=NOW,
        rid="rid",
        events=(),
    )

    hooks.worker().accept(message)

    assert [item.reason for item in hooks.quarantine.items] == (
        [] if is_stored else [Reason.TOKEN_REVOKED]
    )


@pytest.fixture
def sandbox() -> Sandbox:
    return cold_sandbox()


def is_let_in(sandbox: Sandbox, *, at: float) -> bool:
    sandbox.now = at
    return sandbox.registry.find_token(TOKEN) is not None


@pytest.mark.parametrize("is_down", [False, True])
def test_a_remembered_token_ends_at_its_end_whether_or_not_anybody_can_be_asked(
    sandbox: Sandbox, *, is_down: bool
) -> None:
    # By the registry's clock, which begins elsewhere than the snapshot's.
    sandbox.database.ends[TOKEN] = START.fromtimestamp(1_000_000 + 3_600, START.tzinfo)
    sandbox.database.is_down = False
    assert is_let_in(sandbox, at=3_580)
    sandbox.database.is_down = is_down

    assert is_let_in(sandbox, at=3_599.9)
    assert not is_let_in(sandbox, at=3_600)


def test_a_cold_sandbox_takes_a_token_to_its_end_by_the_snapshot(sandbox: Sandbox) -> None:
    sandbox.write({**ENDING, "ending_tokens": [
        {"digest": TOKEN.hex(), "tenant_id": "one", "revoked_at": 1_000_000 + 3_600}
    ]})  # fmt: skip

    assert is_let_in(sandbox, at=3_599)
    assert not is_let_in(sandbox, at=3_600)


def test_a_cold_sandbox_has_both_secrets_and_the_end_by_the_snapshot(sandbox: Sandbox) -> None:
    sandbox.write(ENDING)

    endpoint = sandbox.registry.find_endpoint("square", "s")

    assert endpoint is not None
    assert endpoint.sealed_secrets == (b"new", b"sealed")
    assert endpoint.previous_until == START + timedelta(hours=1)
    assert endpoint.is_good(1, START + timedelta(minutes=59))
    assert not endpoint.is_good(1, START + timedelta(hours=1))


def warmed(sandbox: Sandbox) -> Sandbox:
    """Let it look the endpoint up before it is rotated; then the database is down."""
    sandbox.database.is_down = False
    assert sandbox.registry.find_endpoint("square", "s") == ENDPOINT
    sandbox.database.is_down = True
    sandbox.now = 10.0
    return sandbox


def test_who_doubts_what_is_remembered_is_told_of_a_rotation_by_the_snapshot(
    sandbox: Sandbox,
) -> None:
    warmed(sandbox).write(ENDING)

    doubted = sandbox.registry.find_endpoint("square", "s", at_most_seconds_old=5)

    assert doubted is not None
    assert doubted.sealed_secrets == (b"new", b"sealed")
    assert sandbox.registry.find_endpoint("square", "s") == ENDPOINT


def test_a_snapshot_that_does_not_follow_on_what_is_remembered_brings_no_secret_back(
    sandbox: Sandbox,
) -> None:
    """It may be older: then its secret is the one that leaked."""
    leaked = {**SOURCES[0], "sealed_secret": b"leaked".hex()}
    warmed(sandbox).write({**REGISTRY, "sources": [leaked]})

    assert sandbox.registry.find_endpoint("square", "s", at_most_seconds_old=5) == ENDPOINT


def test_without_a_snapshot_who_doubts_gets_what_is_remembered(sandbox: Sandbox) -> None:
    warmed(sandbox)

    assert sandbox.registry.find_endpoint("square", "s", at_most_seconds_old=5) == ENDPOINT
    assert sandbox.now < DAY
