"""With the breaker open and the queue down the database is asked after all, once a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions import add_sender, count, new_event
from tests.integration.test_store_and_forward import add_square, hook, shut, stored
from tests.integration.wiring import Wiring
from tests.vendors import square_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase


@pytest.fixture
def wiring(
    own_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Wiring]:
    add_sender(own_database)
    with Wiring(own_database, secrets_manager, tmp_path) as made:
        yield made


def connections(wiring: Wiring) -> int:
    """Count who has tried to log in as ingest, by the server's log."""
    log = wiring.database.server.log_path.read_text()
    return log.count("is not currently accepting connections")


def test_with_the_breaker_open_and_the_queue_down_an_event_is_201(wiring: Wiring) -> None:
    ingest = wiring.sandbox("ingest")
    assert ingest.call(new_event()).status == 201
    with shut(wiring):
        assert ingest.call(new_event()).status == 202
    wiring.secrets.is_queue_down = True
    event = new_event()

    assert [ingest.call(event).status for _ in range(2)] == [201, 200]
    assert len(stored(wiring)) == 2
    assert len(wiring.secrets.messages) == 1


def test_a_hook_is_stored_once_as_well(wiring: Wiring) -> None:
    source_id = add_square(wiring)
    ingest = wiring.sandbox("ingest")
    assert ingest.call(hook(source_id, square_body("a"))).body["accepted"] == 1
    with shut(wiring):
        assert ingest.call(hook(source_id, square_body("b"))).body["queued"] == 1
    wiring.secrets.is_queue_down = True

    answer = ingest.call(hook(source_id, square_body("c")))
    assert (answer.status, answer.body["accepted"], answer.body["queued"]) == (200, 1, 0)
    assert stored(wiring) == ["a", "c"]


def test_a_database_that_was_asked_in_this_request_is_not_asked_again(wiring: Wiring) -> None:
    ingest = wiring.sandbox("ingest")
    assert ingest.call(new_event()).status == 201
    wiring.secrets.is_queue_down = True
    with shut(wiring):
        before = connections(wiring)
        assert ingest.call(new_event()).status == 503
        assert connections(wiring) == before + 1
        # The breaker is open: this one is asked after all, and once.
        assert ingest.call(new_event()).status == 503
        assert connections(wiring) == before + 2
    assert len(stored(wiring)) == 1


def test_with_the_queue_up_the_database_is_spared(wiring: Wiring) -> None:
    ingest = wiring.sandbox("ingest")
    assert ingest.call(new_event()).status == 201
    with shut(wiring):
        assert ingest.call(new_event()).status == 202
        before = connections(wiring)
        assert ingest.call(new_event()).status == 202
        assert connections(wiring) == before
    assert count(wiring.database, "SELECT count(*) FROM tillgate.event") == 1
