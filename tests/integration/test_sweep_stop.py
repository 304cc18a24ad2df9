"""A sweep that is told to stop: what it claimed is queued or left, and its answer is given."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.deliveries import DeliveryStand
from tests.integration.polling import pause, until
from tests.integration.runtime import ROOT, LambdaSandbox
from tests.integration.sessions import count
from tests.integration.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase
    from tillgate.domain.tenant import EventId

# From the signal to the end of the process. Lambda leaves up to two seconds.
STOP_SECONDS = 1.5
SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture
def stand(own_database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(own_database) as made:
        yield made


@pytest.fixture
def start(
    own_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Callable[..., LambdaSandbox]]:
    """Make a sandbox of functions/sweep, which looks for a minute if it is let."""
    with Wiring(own_database, secrets_manager, tmp_path) as wiring:

        def make(*, sweep_seconds: int = 57) -> LambdaSandbox:
            return LambdaSandbox(
                ROOT / "functions/sweep",
                wiring.environment(
                    "sweep",
                    sweep_seconds=sweep_seconds,
                    connection_timeout_ms=3_000,
                    request_timeout_ms=9_000,
                ),
                log=tmp_path / f"sandbox-{sweep_seconds}.log",
            )

        yield make


def queued(secrets_manager: FakeSecretsManager) -> list[EventId]:
    """Give every id that a message holds, in order of their values."""
    return sorted(one for body in secrets_manager.messages for one in json.loads(body)["event_ids"])


def seconds_to_the_end(sandbox: LambdaSandbox, began: float) -> float:
    assert sandbox.process.wait(20) == 0, sandbox.text()
    return time.monotonic() - began


def waits_for_a_lock(database: TestDatabase) -> bool:
    return (
        count(
            database,
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND usename = 'tillgate_sweep' AND wait_event_type = 'Lock'",
        )
        > 0
    )


def run_to_the_end(sandbox: LambdaSandbox) -> dict[str, Any]:
    """Let another run take up what there is."""
    with sandbox:
        answer: dict[str, Any] = sandbox.call({})
    return answer


@pytest.mark.parametrize("number", SIGNALS)
def test_amid_its_looking_it_answers_and_ends_at_once(
    start: Callable[..., LambdaSandbox],
    stand: DeliveryStand,
    secrets_manager: FakeSecretsManager,
    number: signal.Signals,
) -> None:
    tenant = stand.tenant()
    first = stand.accept(tenant, 3)
    with start() as sandbox:
        invocation_id = sandbox.api.invoke({})
        sandbox.until(lambda: secrets_manager.messages, what="it has looked")
        sandbox.until(lambda: secrets_manager.objects, what="its upkeep is under way")
        # It is in a pause between two looks.
        pause(0.3)
        began = time.monotonic()
        sandbox.send(number)
        took = seconds_to_the_end(sandbox, began)

        answer = sandbox.answer(invocation_id)
        assert took < STOP_SECONDS
        print(f"{number.name} to the end: {took * 1000:.0f} ms")  # noqa: T201  For -rP.
        assert (answer["queued"], answer["queue_failures"]) == (3, 0)
        [line], [stop] = sandbox.steps("sweep"), sandbox.steps("stop")
        assert (line["outcome"], line["queued"]) == ("done", 3)
        assert (stop["signal"], stop["in_hand"], "error" in stop) == (number.name, True, False)
    second = stand.accept(tenant, 2)

    assert run_to_the_end(start(sweep_seconds=0))["queued"] == 2
    assert queued(secrets_manager) == sorted([*first, *second])


def test_a_step_in_hand_is_queued_and_committed(
    start: Callable[..., LambdaSandbox],
    stand: DeliveryStand,
    own_database: TestDatabase,
    secrets_manager: FakeSecretsManager,
) -> None:
    with start() as sandbox:
        invocation_id = sandbox.api.invoke({})
        sandbox.until(lambda: secrets_manager.objects, what="it is warm")
        accepted = stand.accept(stand.tenant(), 3)
        with own_database.superuser() as other, other.transaction():
            other.execute("LOCK TABLE tillgate.delivery")
            sandbox.until(lambda: waits_for_a_lock(own_database), what="a claim waits")
            sandbox.send(signal.SIGTERM)
            pause(0.5)
            assert sandbox.process.poll() is None
            assert sandbox.api.answers(invocation_id) == []
            began = time.monotonic()
        took = seconds_to_the_end(sandbox, began)

        assert took < STOP_SECONDS
        report = sandbox.answer(invocation_id)
    left = run_to_the_end(start(sweep_seconds=0))

    assert report["queued"] + left["queued"] == 3
    assert queued(secrets_manager) == sorted(accepted)


def test_what_the_queue_did_not_take_is_left_for_the_next_run(
    start: Callable[..., LambdaSandbox],
    stand: DeliveryStand,
    secrets_manager: FakeSecretsManager,
) -> None:
    secrets_manager.is_queue_down = True
    with start() as sandbox:
        invocation_id = sandbox.api.invoke({})
        sandbox.until(lambda: secrets_manager.objects, what="it is warm")
        accepted = stand.accept(stand.tenant(), 3)
        # Long enough for a look that fails.
        pause(1.2)
        began = time.monotonic()
        sandbox.send(signal.SIGTERM)
        took = seconds_to_the_end(sandbox, began)

        assert took < STOP_SECONDS
        until(lambda: sandbox.api.answers(invocation_id), what="it says so")
        (posted,) = sandbox.api.answers(invocation_id)
        assert posted.what == "error"
        assert posted.content["errorType"] == "QueueUnavailableError"
    secrets_manager.is_queue_down = False

    assert run_to_the_end(start(sweep_seconds=0))["queued"] == 3
    assert queued(secrets_manager) == sorted(accepted)
