"""Rotations while good requests come all the time: none is refused, and what ended is.

The functions are those that run, each in a sandbox of its own; Secrets Manager is a stand-in that
keeps versions and labels as AWS documents them.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.events import http_event
from tests.integration.polling import until
from tests.integration.sessions import add_sender
from tests.integration.test_store_and_forward import (
    add_square,
    batch,
    failures,
    hook,
    set_aside,
    shut,
    stored,
)
from tests.integration.wiring import METRICS_TOKEN, Wiring
from tests.vendors import square_body
from tillgate.domain.rotation import PlatformSecret, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.sandbox import Sandbox
    from tests.integration.testdatabase import TestDatabase

pytestmark = pytest.mark.proof

OPERATOR_TOKEN = "made-up-operator-token"
SETTINGS = {
    # A machine that is busy with something else is no rotation's fault.
    "connection_timeout_ms": 3_000,
    "request_timeout_ms": 15_000,
    "key_ring_secret_arn": "key-ring",
    "operator_secret_arn": "operator",
    "metrics_secret_arn": "metrics",
}
DAY = 86_400
# Of each sender, before and after each step.
AT_LEAST = 3


class Sender(threading.Thread):
    """Sends to one sandbox, one request after the other, until it is stopped."""

    def __init__(self, sandbox: Sandbox, make: Callable[[int], dict[str, Any]]) -> None:
        super().__init__()
        self._sandbox, self._make = sandbox, make
        self._stop_asked = threading.Event()
        self.answers: Counter[int] = Counter()

    def run(self) -> None:
        while not self._stop_asked.is_set():
            event = self._make(self.answers.total())
            self.answers[self._sandbox.invoke(event).response["statusCode"]] += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop_asked.set()
        self.join()


class Rotations:
    """Who rotates, and four who send all the while."""

    def __init__(self, wiring: Wiring, versions: FakeSecretsManager) -> None:
        self.wiring, self.fake = wiring, versions
        self.source = add_square(wiring)
        self.hooks = 0
        self.rotate = wiring.sandbox("rotate", **SETTINGS)
        self.api = wiring.sandbox("api", **SETTINGS, admin_database_secret_arn="admin")
        self.health = wiring.sandbox("health", **SETTINGS)
        self.ingests = [wiring.sandbox("ingest", **SETTINGS) for _ in range(2)]
        self.senders: list[Sender] = []

    def token(self, name: str) -> str:
        token: str = json.loads(self.fake.secrets[name])["token"]
        return token

    def status(self, token: str) -> int:
        return answered(self.api, "/admin/api/status", token)

    def scrape(self, token: str) -> int:
        return answered(self.health, "/metrics", token)

    def hook(self, sandbox: Sandbox) -> int:
        self.hooks += 1
        body = square_body(event_id=f"by-hand-{self.hooks}")
        status: int = sandbox.invoke(hook(self.source, body)).response["statusCode"]
        return status

    def sending(self, stack: ExitStack) -> None:
        """Begin to send: hooks to two sandboxes that have the ring, and both tokens."""
        for n, ingest in enumerate(self.ingests):
            self._send(stack, ingest, lambda at, n=n: hook(  # type: ignore[misc]  # Bound now.
                self.source, square_body(event_id=f"{n}-{at}")
            ))  # fmt: skip
        for sandbox, path, token in (
            (self.api, "/admin/api/status", OPERATOR_TOKEN),
            (self.health, "/metrics", METRICS_TOKEN),
        ):
            event = asking(path, token)
            self._send(stack, sandbox, lambda _at, event=event: event)  # type: ignore[misc]  # Bound now.

    def _send(
        self, stack: ExitStack, sandbox: Sandbox, make: Callable[[int], dict[str, Any]]
    ) -> None:
        self.senders.append(stack.enter_context(Sender(sandbox, make)))

    def wait(self) -> None:
        """Let each sender have some answers more."""
        enough = [sender.answers.total() + AT_LEAST for sender in self.senders]
        until(
            lambda: all(
                sender.answers.total() >= n for sender, n in zip(self.senders, enough, strict=True)
            ),
            what="answers to every sender",
        )

    def rotate_all(self) -> None:
        """Rotate all three, each step delivered twice, then seal anew."""
        begun = {name: self.fake.versions.begin_rotation(name) for name in PlatformSecret}
        for step in Step:
            for name, version in begun.items():
                event = {"Step": step, "SecretId": name, "ClientRequestToken": version}
                for _ in range(2):
                    self.rotate.invoke(event)
            self.wait()
        report = self.rotate.invoke({}).response
        assert (report["resealed"], report["changed"], report["unreadable"]) == (1, 0, 0)
        self.wait()


def asking(path: str, token: str) -> dict[str, Any]:
    route = "$default" if path.startswith("/admin") else f"GET {path}"
    return http_event("GET", path, route=route, headers={"Authorization": f"Bearer {token}"})


def answered(sandbox: Sandbox, path: str, token: str) -> int:
    status: int = sandbox.invoke(asking(path, token)).response["statusCode"]
    return status


@pytest.fixture
def rotations(
    own_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Rotations]:
    add_sender(own_database)
    secrets_manager.secrets["operator"] = json.dumps({"token": OPERATOR_TOKEN})
    with Wiring(own_database, secrets_manager, tmp_path) as wiring:
        yield Rotations(wiring, secrets_manager)


def test_no_good_request_is_refused_while_all_three_are_rotated(rotations: Rotations) -> None:
    with ExitStack() as stack:
        rotations.sending(stack)
        rotations.wait()
        rotations.rotate_all()
        new = rotations.token("operator"), rotations.token("metrics")

    # Only good ones were sent, by the tokens and to the sandboxes of before.
    assert [set(sender.answers) for sender in rotations.senders] == [{200}] * 4
    assert set(set_aside(rotations.wiring)) == set()
    assert len(stored(rotations.wiring)) == sum(s.answers.total() for s in rotations.senders[:2])
    # A sandbox that has the old ring meets what the new key sealed.
    rotations.source = add_square_under(rotations)
    assert [rotations.hook(ingest) for ingest in rotations.ingests] == [200, 200]
    assert (rotations.status(new[0]), rotations.scrape(new[1])) == (200, 200)


def add_square_under(rotations: Rotations) -> str:
    """Add a source whose secret only the key sealed that is current now."""
    ring = rotations.fake.secrets["key-ring"]
    source = add_square(rotations.wiring, ring=ring)
    with rotations.wiring.database.superuser() as superuser:
        row = superuser.execute(
            "SELECT tillgate.sealed_kid(sealed_secret) FROM tillgate.source WHERE source_id = %s",
            (source,),
        ).fetchone()
    assert row == (list(json.loads(ring))[-1],)
    return source


def test_no_token_is_accepted_after_its_overlap(rotations: Rotations) -> None:
    rotations.rotate_all()
    new = rotations.token("operator"), rotations.token("metrics")
    for days, operator, metrics in (
        (6.9, 200, 200),
        (7.1, 401, 200),
        (13.9, 401, 200),
        (14.1, 401, 401),
    ):
        for sandbox in (rotations.api, rotations.health):
            sandbox.step_clock(days * DAY)
        assert rotations.status(OPERATOR_TOKEN) == operator, days
        assert rotations.scrape(METRICS_TOKEN) == metrics, days
        assert (rotations.status(new[0]), rotations.scrape(new[1])) == (200, 200)


def test_after_a_leak_the_old_token_ends_at_once(rotations: Rotations) -> None:
    assert rotations.status(OPERATOR_TOKEN) == 200
    rotations.rotate_all()
    assert rotations.status(OPERATOR_TOKEN) == 200

    rotations.rotate.invoke({"task": "end-overlap", "secret": "operator"})
    rotations.api.step_clock(60)

    assert rotations.status(OPERATOR_TOKEN) == 401
    assert rotations.status(rotations.token("operator")) == 200
    assert rotations.scrape(METRICS_TOKEN) == 200


def test_what_was_sealed_two_rotations_ago_still_opens(rotations: Rotations) -> None:
    wiring, ingest = rotations.wiring, rotations.ingests[0]
    assert rotations.hook(ingest) == 200
    with shut(wiring):
        assert rotations.hook(ingest) == 200
    [waiting] = rotations.fake.messages
    with wiring.database.superuser() as superuser:
        row = superuser.execute("SELECT sealed_secret FROM tillgate.source").fetchone()
    assert row is not None

    rotations.rotate_all()
    rotations.rotate_all()
    assert len(json.loads(rotations.fake.secrets["key-ring"])) == 3

    accept = wiring.sandbox("accept", **SETTINGS)
    assert failures(accept, batch(waiting)) == []
    assert len(stored(wiring)) == 2
    with wiring.database.superuser() as superuser:
        # As a backup has it that is restored.
        superuser.execute("UPDATE tillgate.source SET sealed_secret = %s", row)
    assert rotations.hook(wiring.sandbox("ingest", **SETTINGS)) == 200
    assert rotations.rotate.invoke({}).response["resealed"] == 1
    assert rotations.hook(wiring.sandbox("ingest", **SETTINGS)) == 200
