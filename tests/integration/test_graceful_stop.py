"""SIGTERM and SIGINT under AWS's own runtime: no answer is cut, no connection is left behind."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.polling import pause, until
from tests.integration.runtime import ROOT, LambdaSandbox
from tests.integration.sessions import abandoned, add_sender, count, new_event, sessions
from tests.integration.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase

# What Lambda leaves a sandbox that has an internal extension; and then SIGKILL.
LAMBDA_SECONDS = 0.5
WHY = ": when the database gives no answer, there has to be time left for the queue"
SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture
def database(own_database: TestDatabase) -> TestDatabase:
    """One of the test's own, with a tenant: its sessions are the sandbox's alone."""
    add_sender(own_database)
    return own_database


@pytest.fixture
def start(
    database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Callable[..., LambdaSandbox]]:
    """Make a sandbox of functions/ingest; its deadlines are far away."""
    with Wiring(database, secrets_manager, tmp_path) as wiring:
        env = wiring.environment("ingest", connection_timeout_ms=9_000, request_timeout_ms=29_000)

        def make(*, register_status: int = 200, **settings: str) -> LambdaSandbox:
            return LambdaSandbox(
                ROOT / "functions/ingest",
                env | {name.upper(): value for name, value in settings.items()},
                log=tmp_path / "sandbox.log",
                register_status=register_status,
            )

        yield make


def stored(database: TestDatabase) -> int:
    return count(database, "SELECT count(*) FROM tillgate.event")


def waits_for_a_lock(database: TestDatabase) -> bool:
    return (
        count(
            database,
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND usename = 'tillgate_ingest' AND wait_event_type = 'Lock'",
        )
        > 0
    )


def assert_ended_well(sandbox: LambdaSandbox, database: TestDatabase, *, in_hand: bool) -> None:
    assert sandbox.process.wait(20) == 0, sandbox.text()
    until(lambda: sessions(database) == 0, what="its connection is gone")
    assert abandoned(database) == 0
    (stop,) = sandbox.steps("stop")
    assert sandbox.lines()[-1] == stop
    assert stop["in_hand"] is in_hand
    assert "error" not in stop


@pytest.mark.parametrize("number", SIGNALS)
def test_between_requests_it_closes_and_ends_within_what_lambda_leaves(
    start: Callable[..., LambdaSandbox], database: TestDatabase, number: signal.Signals
) -> None:
    with start() as sandbox:
        assert sandbox.call(new_event())["statusCode"] == 201
        sandbox.wait_for_request()
        assert sessions(database) == 1
        started = time.monotonic()
        sandbox.send(number)
        sandbox.process.wait(20)
        took = time.monotonic() - started

        assert_ended_well(sandbox, database, in_hand=False)
        assert took < LAMBDA_SECONDS
        print(f"{number.name} to the end: {took * 1000:.0f} ms")  # noqa: T201  For -rP.
        request, stop = sandbox.lines()[-2:]
        assert request["status"] == 201
        assert (stop["signal"], stop["version"]) == (number.name, "0.0.0-test")


def test_a_sandbox_that_served_nothing_ends_as_well(start: Callable[..., LambdaSandbox]) -> None:
    with start() as sandbox:
        sandbox.wait_for_request()
        sandbox.send(signal.SIGTERM)

        assert sandbox.process.wait(20) == 0
        assert len(sandbox.steps("stop")) == 1


def test_a_killed_sandbox_abandons_its_connection(
    start: Callable[..., LambdaSandbox], database: TestDatabase
) -> None:
    # So what the tests here count can be seen to count.
    with start() as sandbox:
        assert sandbox.call(new_event())["statusCode"] == 201
        sandbox.process.kill()
        sandbox.process.wait(20)

        until(lambda: sessions(database) == 0, what="the server has noticed")
        assert abandoned(database) == 1
        assert sandbox.steps("stop") == []


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGTERM], [signal.SIGINT], [signal.SIGTERM, signal.SIGTERM], SIGNALS],
    ids=lambda signals: "-".join(number.name for number in signals),
)
def test_a_request_in_hand_is_finished_answered_and_stored_once(
    start: Callable[..., LambdaSandbox], database: TestDatabase, signals: list[signal.Signals]
) -> None:
    with start() as sandbox:
        assert sandbox.call(new_event())["statusCode"] == 201
        with database.superuser() as other:
            with other.transaction():
                other.execute("LOCK TABLE tillgate.ingest_key IN EXCLUSIVE MODE")
                invocation_id = sandbox.api.invoke(new_event())
                sandbox.until(lambda: waits_for_a_lock(database), what="the event waits")
                for number in signals:
                    sandbox.send(number)
                    # Longer than a stop between requests takes.
                    pause(0.3)
                assert sandbox.process.poll() is None
                assert sandbox.api.answers(invocation_id) == []
                sandbox.api.may_answer.clear()
            assert sandbox.answer(invocation_id)["statusCode"] == 201
        # Lambda takes its time to acknowledge the answer.
        pause(0.3)
        assert sandbox.process.poll() is None
        sandbox.api.may_answer.set()

        assert_ended_well(sandbox, database, in_hand=True)
        assert sandbox.steps("stop")[0]["signal"] == signals[0].name
        assert stored(database) == 2


def test_an_answer_that_is_on_its_way_is_not_cut(
    start: Callable[..., LambdaSandbox], database: TestDatabase
) -> None:
    with start() as sandbox:
        sandbox.api.may_answer.clear()
        invocation_id = sandbox.api.invoke(new_event())
        assert sandbox.answer(invocation_id)["statusCode"] == 201
        for _ in range(2):
            # The function has returned; Lambda has not acknowledged its answer.
            sandbox.send(signal.SIGTERM)
            pause(0.3)
        assert sandbox.process.poll() is None
        sandbox.api.may_answer.set()

        assert_ended_well(sandbox, database, in_hand=False)
        assert stored(database) == 1


def test_it_asks_lambda_for_sigterm_before_its_first_request(
    start: Callable[..., LambdaSandbox],
) -> None:
    with start() as sandbox:
        sandbox.until(lambda: sandbox.api.waiting_extensions, what="the extension is ready")

        assert sandbox.api.registered == [("tillgate", {"events": []})]
        assert sandbox.api.waiting_extensions == ["an-identifier"]


def test_it_serves_and_stops_where_its_extension_is_refused(
    start: Callable[..., LambdaSandbox], database: TestDatabase
) -> None:
    with start(register_status=500) as sandbox:
        assert sandbox.call(new_event())["statusCode"] == 201
        assert sandbox.steps("extension")[0]["outcome"] == "failed"
        sandbox.wait_for_request()
        sandbox.send(signal.SIGTERM)

        assert_ended_well(sandbox, database, in_hand=False)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"request_timeout_ms": "26999"},
            "REQUEST_TIMEOUT_MS (26999) must be at least 3 times CONNECTION_TIMEOUT_MS (9000)"
            + WHY,
        ),
        ({"max_body_bytes": "many"}, "MAX_BODY_BYTES must be a whole number, not 'many'"),
        ({"accept_queue_url": ""}, "ACCEPT_QUEUE_URL must not be empty"),
    ],
)
def test_a_setting_that_makes_no_sense_fails_the_start_in_its_own_words(
    start: Callable[..., LambdaSandbox], settings: dict[str, str], sentence: str
) -> None:
    with start(**settings) as sandbox:
        assert sandbox.process.wait(20) != 0

        [told] = sandbox.api.posted
        assert told.what == "init/error"
        assert told.content["errorMessage"] == sentence
        assert told.content["errorType"].endswith("SettingsError")
        assert not sandbox.api.is_waiting.is_set()
