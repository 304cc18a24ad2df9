"""Rotation as it is wired: senders go on without a pause, over caches, an outage and the queue.

Secrets and tokens are changed as the admin API does it; the sandboxes' clocks are stepped.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.events import http_event
from tests.integration.polling import until
from tests.integration.sessions import TOKEN, add_sender, new_event
from tests.integration.test_store_and_forward import (
    add_square,
    batch,
    failures,
    hook,
    set_aside,
    shut,
    stored,
)
from tests.integration.wiring import RING, Wiring
from tests.vendors import SQUARE_KEY, square_body
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.rotation import PostgresRotations
from tillgate.domain.tenant import token_digest
from tillgate.providers import PROVIDERS
from tillgate.services.rotation import Rotation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.sandbox import Sandbox
    from tests.integration.testdatabase import TestDatabase

pytestmark = pytest.mark.proof
NEW = "the-new-signature-key"
WEEK = 7 * 86_400
# So old may be what a sandbox knows of an endpoint, at most, before it refuses a signature.
CERTAIN = 5.0


@pytest.fixture
def wiring(
    own_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Wiring]:
    add_sender(own_database)
    with Wiring(own_database, secrets_manager, tmp_path) as made:
        yield made


@contextmanager
def rotation(wiring: Wiring) -> Iterator[Rotation]:
    admin = Database(lambda: wiring.database.url("admin"), max_uses=1_000)
    try:
        yield Rotation(
            PostgresAdminStore(admin, within_seconds=10),
            PostgresRotations(admin, within_seconds=10),
            box=KeyRingSecretBox(lambda: RING),
            providers=PROVIDERS,
        )
    finally:
        admin.close()


def rotate(wiring: Wiring, source_id: str, overlap: int = WEEK) -> datetime | None:
    """Make NEW the source's secret; give until when the one before is good."""
    with rotation(wiring) as operator:
        source, _ = operator.rotate_source_secret(
            source_id, secret=NEW, overlap_seconds=overlap, replaces_previous=False
        )
    return source.previous_secret.good_until if source.previous_secret else None


def retire(wiring: Wiring, source_id: str) -> None:
    with rotation(wiring) as operator:
        operator.retire_source_secret(source_id)
    assert bytes_left(wiring) == 0


def bytes_left(wiring: Wiring) -> int:
    with wiring.database.superuser() as superuser:
        row = superuser.execute(
            "SELECT count(previous_sealed_secret) FROM tillgate.source"
        ).fetchone()
    assert row is not None
    return int(row[0])


def rotate_token(wiring: Wiring, overlap: int) -> tuple[str, datetime]:
    """Give the new token, and when the one that everybody has ends."""
    with wiring.database.superuser() as superuser:
        row = superuser.execute(
            "SELECT token_id::text FROM tillgate.api_token WHERE digest = %s",
            (token_digest(TOKEN),),
        ).fetchone()
    assert row is not None
    with rotation(wiring) as operator:
        _, token, old = operator.rotate_token(row[0], overlap_seconds=overlap)
    assert old.revoked_at is not None
    return token, old.revoked_at


def event_with(token: str) -> dict[str, Any]:
    event = new_event()
    event["headers"] = {**event["headers"], "authorization": f"Bearer {token}"}
    return event


class Sender:
    """Sends without a pause, over one sandbox.

    ``sent`` is who signed, when the request began and ended, and the answer.
    """

    def __init__(self, sandbox: Sandbox, make: Callable[[str], dict[str, Any]]) -> None:
        self._sandbox = sandbox
        self._make = make
        self.signers: tuple[str, ...] = ()
        self.sent: list[tuple[str, datetime, datetime, int]] = []
        self.is_over = False

    def run(self) -> None:
        while not self.is_over:
            for signer in self.signers:
                began = datetime.now(UTC)
                status = self._sandbox.call(self._make(signer)).status
                self.sent.append((signer, began, datetime.now(UTC), status))

    def answers(
        self, signer: str, *, after: datetime | None = None, before: datetime | None = None
    ) -> list[int]:
        """Give the answers to what was sent wholly between."""
        return [
            status
            for who, began, ended, status in self.sent
            if who == signer and (after is None or began > after)
            and (before is None or ended < before)
        ]  # fmt: skip


@contextmanager
def sending(senders: list[Sender]) -> Iterator[None]:
    with ThreadPoolExecutor(len(senders)) as pool:
        running = [pool.submit(sender.run) for sender in senders]
        try:
            yield
        finally:
            for sender in senders:
                sender.is_over = True
        for one in running:
            one.result()


def reach(moment: datetime, *, plus: float = 0.0) -> None:
    """Wait until then by the clock that all of this machine share."""
    until(
        lambda: (datetime.now(UTC) - moment).total_seconds() > plus,
        what="it is that time",
        within_seconds=120,
    )


def hooks(source_id: str) -> Callable[[str], dict[str, Any]]:
    count = iter(range(1_000_000))

    def make(key: str) -> dict[str, Any]:
        return hook(source_id, square_body(f"{time.monotonic_ns()}-{next(count)}"), key=key)

    return make


def test_no_good_delivery_is_refused_in_a_rotation_and_none_is_taken_after_it(
    wiring: Wiring,
) -> None:
    source_id = add_square(wiring)
    senders = [Sender(wiring.warm("ingest"), hooks(source_id)) for _ in range(2)]
    for sender in senders:
        sender.signers = (SQUARE_KEY,)
    with sending(senders):
        until(lambda: all(len(sender.sent) > 5 for sender in senders), what="some were sent")
        end = rotate(wiring, source_id, overlap=14)
        rotated = datetime.now(UTC)
        assert end is not None
        reach(rotated, plus=CERTAIN)
        for sender in senders:
            sender.signers = (SQUARE_KEY, NEW)
        reach(end, plus=3)

    for sender in senders:
        assert set(sender.answers(SQUARE_KEY, before=end)) == {200}
        assert set(sender.answers(NEW)) == {200}
        assert set(sender.answers(SQUARE_KEY, after=end)) == {401}
        # On both sides of each, and in the overlap.
        assert len(sender.answers(SQUARE_KEY, after=rotated, before=end)) > 20
        assert len(sender.answers(SQUARE_KEY, after=end)) > 5
    assert set(set_aside(wiring)) == {"signature-refused"}


def test_after_a_leak_the_old_secret_is_taken_for_30_seconds_at_most(wiring: Wiring) -> None:
    source_id = add_square(wiring)
    sandboxes = [wiring.sandbox("ingest") for _ in range(2)]
    make = hooks(source_id)
    assert [one.call(make(SQUARE_KEY)).status for one in sandboxes] == [200, 200]

    assert rotate(wiring, source_id, overlap=0) is None

    assert bytes_left(wiring) == 0
    for sandbox in sandboxes:
        sandbox.step_clock(CERTAIN + 1)
        assert sandbox.call(make(NEW)).status == 200
        sandbox.step_clock(30)
        assert sandbox.call(make(SQUARE_KEY)).status == 401
        assert sandbox.call(make(NEW)).status == 200


def test_a_retired_secret_is_taken_for_30_seconds_at_most(wiring: Wiring) -> None:
    source_id = add_square(wiring)
    rotate(wiring, source_id)
    sandbox, make = wiring.sandbox("ingest"), hooks(source_id)
    assert [sandbox.call(make(key)).status for key in (SQUARE_KEY, NEW)] == [200, 200]

    retire(wiring, source_id)
    sandbox.step_clock(30)

    assert [sandbox.call(make(key)).status for key in (SQUARE_KEY, NEW)] == [401, 200]


def test_with_the_database_down_both_are_good_until_the_old_ones_time_is_over(
    wiring: Wiring,
) -> None:
    source_id = add_square(wiring)
    make = hooks(source_id)
    end = rotate(wiring, source_id, overlap=3_600)
    assert end is not None
    known = wiring.sandbox("ingest")
    assert known.call(make(SQUARE_KEY)).status == 200
    assert wiring.sandbox("sweep").invoke({}).response["is_registry_written"] is True
    cold = wiring.sandbox("ingest")
    accept = wiring.sandbox("accept")

    with shut(wiring):
        for sandbox in (known, cold):
            assert [sandbox.call(make(key)).status for key in (SQUARE_KEY, NEW)] == [200, 200]
            sandbox.step_clock(3_400)
            assert [sandbox.call(make(key)).status for key in (SQUARE_KEY, NEW)] == [200, 200]
            sandbox.step_clock(3_601)
            assert [sandbox.call(make(key)).status for key in (SQUARE_KEY, NEW)] == [401, 200]
    queued = list(wiring.secrets.messages)
    # Four a sandbox while both were good, two and a refusal each when one was.
    assert len(queued) == 2 * (4 + 2)
    retire(wiring, source_id)

    # What the old one signed while it was good is stored, though the old one is gone; what it
    # signed afterwards is not. Had it ended at its time, and not now:
    with wiring.database.superuser() as superuser:
        superuser.execute("UPDATE tillgate.source SET previous_ended_at = %s", (end,))
    for _ in range(2):
        assert failures(accept, batch(*queued)) == []
    assert len(stored(wiring)) == 1 + 2 * (4 + 1)
    assert set_aside(wiring) == ["signature-refused"] * 2


def test_a_sandbox_that_knew_the_secret_before_learns_the_new_one_in_an_outage(
    wiring: Wiring,
) -> None:
    source_id = add_square(wiring)
    sandbox, make = wiring.sandbox("ingest"), hooks(source_id)
    assert sandbox.call(make(SQUARE_KEY)).status == 200
    rotate(wiring, source_id)
    assert wiring.sandbox("sweep").invoke({}).response["is_registry_written"] is True
    sandbox.step_clock(10)

    with shut(wiring):
        answers = [sandbox.call(make(key)).status for key in (NEW, SQUARE_KEY, "forged")]

    assert answers == [200, 200, 401]


def test_a_rotated_token_is_good_to_its_end_everywhere_and_nowhere_after(wiring: Wiring) -> None:
    senders = [Sender(wiring.warm("ingest"), event_with) for _ in range(2)]
    for sender in senders:
        sender.signers = (TOKEN,)
    with sending(senders):
        until(lambda: all(len(sender.sent) > 5 for sender in senders), what="some were sent")
        token, end = rotate_token(wiring, overlap=12)
        rotated = datetime.now(UTC)
        for sender in senders:
            sender.signers = (TOKEN, token)
        # A sandbox that remembers the token from before its rotation learns of its end in 30 s.
        reach(end, plus=31)

    # 202: on a busy machine the database may answer too late once, and the queue takes the event.
    taken = {201, 202}
    for sender in senders:
        assert 201 in sender.answers(TOKEN, before=end)
        assert set(sender.answers(TOKEN, before=end)) <= taken
        assert 201 in sender.answers(token)
        assert set(sender.answers(token)) <= taken
        late = [began for who, began, _, status in sender.sent if who == TOKEN and status in taken]
        assert (max(late) - rotated).total_seconds() < 30.5
        assert sender.answers(TOKEN)[-1] == 401
        assert set(sender.answers(TOKEN)) <= taken | {401}


def test_a_token_that_ends_in_an_outage_ends_and_what_it_brought_before_is_stored(
    wiring: Wiring,
) -> None:
    token, _ = rotate_token(wiring, overlap=3_600)
    known = wiring.sandbox("ingest")
    assert [known.call(event_with(one)).status for one in (TOKEN, token)] == [201, 201]
    assert wiring.sandbox("sweep").invoke({}).response["is_registry_written"] is True
    cold, accept = wiring.sandbox("ingest"), wiring.sandbox("accept")

    with shut(wiring):
        for sandbox in (known, cold):
            statuses = [sandbox.call(event_with(one)).status for one in (TOKEN, token)]
            assert statuses == [202, 202]
            sandbox.step_clock(3_601)
            statuses = [sandbox.call(event_with(one)).status for one in (TOKEN, token)]
            assert statuses == [401, 202]
    with wiring.database.superuser() as superuser:
        superuser.execute(
            "UPDATE tillgate.api_token SET revoked_at = now() WHERE revoked_at IS NOT NULL"
        )

    assert failures(accept, batch(*wiring.secrets.messages)) == []
    assert len(stored(wiring)) == 2 + 2 * 3
    assert set_aside(wiring) == []


def test_what_is_signed_with_and_used_is_known_once_sweep_has_folded_it(wiring: Wiring) -> None:
    source_id = add_square(wiring)
    rotate(wiring, source_id, overlap=60)
    ingest, make = wiring.sandbox("ingest"), hooks(source_id)
    before = datetime.now(UTC)
    assert ingest.call(make(SQUARE_KEY)).status == 200
    assert ingest.call(new_event()).status == 201
    ingest.step_clock(3)
    assert ingest.call(http_event("POST", "/v1/events")).status == 401
    with wiring.database.superuser() as superuser:
        superuser.execute("UPDATE tillgate.metric_increment SET at = at - interval '61 s'")
        superuser.execute("UPDATE tillgate.source SET previous_since = now() - interval '1 hour'")

    swept = wiring.sandbox("sweep").invoke({}).response

    assert swept["secrets_retired"] == 0
    with wiring.database.superuser() as superuser:
        [(matched_at, good_until)] = superuser.execute(
            "SELECT previous_matched_at, previous_until FROM tillgate.source"
        ).fetchall()
        [(used_at,)] = superuser.execute(
            "SELECT last_used_at FROM tillgate.token_activity"
        ).fetchall()
    for at in (matched_at, used_at):
        # By the flush's time, which was set back by a minute here, where that is earlier.
        assert abs((at - before).total_seconds()) < 70
    assert abs((good_until - matched_at).total_seconds() - 86_400) < 1
