"""Each fault as a procedure: on, a while of load, off."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from tests.chaos.calls import single
from tests.chaos.event_source import Habits
from tests.chaos.ledger import Told
from tests.chaos.proxy import Mode
from tests.integration.crashes import frozen
from tests.integration.polling import pause

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from tests.chaos.scene import Scene
    from tests.chaos.world import World

HOUR = 3600.0
KILLS_OF_ACCEPT = 10
KILLS_OF_SANDBOXES = 25
CONTESTED = 20
# So long a sandbox goes straight to the queue after a failure, and a moment.
_STRAIGHT_SECONDS = 5.5
_DOWN_SECONDS = 1.0
_BETWEEN_KILLS_SECONDS = _DOWN_SECONDS + _STRAIGHT_SECONDS + 0.5


def postgres_killed(scene: Scene) -> None:
    """Kill it, start it, and let the sandboxes come back to it before it is killed again."""
    kills = max(int(scene.seconds / _BETWEEN_KILLS_SECONDS), 1)
    for _ in range(kills):
        scene.world.server.kill()
        pause(_DOWN_SECONDS)
        scene.world.server.start()
        pause(max(scene.seconds / kills - _DOWN_SECONDS, 0))


def postgres_frozen(scene: Scene) -> None:
    with frozen(scene.world.server):
        scene.wait()


@contextlib.contextmanager
def _down(scene: Scene, upstream: str, mode: Mode, *, share: float = 1.0) -> Iterator[None]:
    scene.world.network.set(upstream, mode, share=share)
    try:
        yield
    finally:
        scene.world.network.set(upstream, Mode.PASS)


def postgres_refused(scene: Scene) -> None:
    with _down(scene, "postgres", Mode.REFUSE):
        scene.wait()


def ambiguous_commit(scene: Scene) -> None:
    """Lose answers of Postgres and of SQS, and between that cut connections at any instant."""
    with (
        _down(scene, "postgres", Mode.LOSE_ANSWERS, share=0.3),
        _down(scene, "sqs", Mode.LOSE_ANSWERS, share=0.3),
    ):
        for _ in range(10):
            scene.wait(0.1)
            scene.world.network.cut("postgres")


def out_of_connections(scene: Scene) -> None:
    """Take every slot that ordinary roles can have, and what the sandboxes held, too."""
    database = scene.world.database
    ending = threading.Event()
    taken: list[psycopg.Connection[tuple[object, ...]]] = []

    def take() -> None:
        while not ending.is_set():
            try:
                taken.append(psycopg.connect(database.owner_url))
            except psycopg.OperationalError:
                ending.wait(0.01)

    with database.superuser() as superuser:
        takers = [threading.Thread(target=take) for _ in range(2)]
        for taker in takers:
            taker.start()
        try:
            for _ in range(10):
                # Whoever comes first has the slot; after a few rounds that is not a sandbox.
                superuser.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE usename IN ('tillgate_ingest', 'tillgate_accept')"
                )
                scene.wait(0.1)
        finally:
            ending.set()
            for taker in takers:
                taker.join(20)
            for connection in taken:
                connection.close()


def disk_full(scene: Scene) -> None:
    """Fill the disk under the data directory, and free it; a server that gave up is started."""
    ballast = ballast_of(scene.world.server)
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 65536)
    try:
        scene.wait()
    finally:
        ballast.unlink()
    scene.world.server.start()


def ballast_of(server: EmbeddedPostgres) -> Path:
    return server.data_dir.parent / "ballast"


def queue_down(scene: Scene) -> None:
    """Let some wait on the queue, then take the queue away while the database is up."""
    with _down(scene, "postgres", Mode.REFUSE):
        scene.wait(0.25)
    with _down(scene, "sqs", Mode.HANG):
        scene.wait(0.5)
    with _down(scene, "sqs", Mode.REFUSE):
        scene.wait(0.25)


def both_down(scene: Scene) -> None:
    with _down(scene, "postgres", Mode.REFUSE), _down(scene, "sqs", Mode.REFUSE):
        scene.wait(0.5)
    with _down(scene, "postgres", Mode.HANG), _down(scene, "sqs", Mode.HANG):
        scene.wait(0.5)


def queue_thrice_out_of_order(scene: Scene) -> None:
    """Queue a lot, let other events take the keys of some, then deliver each three times."""
    source, bystander = scene.world.source, scene.bystander
    source.hold()
    with _down(scene, "postgres", Mode.REFUSE):
        scene.wait(0.5)
        for n in range(CONTESTED):
            key = f"contested-{n}"
            assert bystander.call(single(key, {"first": n}, rid=f"{key}-a")) == [Told.QUEUED]
        scene.wait(0.5)
    pause(_STRAIGHT_SECONDS)
    for n in range(CONTESTED):
        key = f"contested-{n}"
        assert bystander.call(single(key, {"second": n}, rid=f"{key}-b")) == [Told.NEW]
    source.habits = Habits(deliveries=3, lost_deletes=0.2)
    source.go_on()


def accept_killed(scene: Scene) -> None:
    """Let a lot wait, then kill the workers in the middle of their batches."""
    source = scene.world.source
    source.hold()
    with _down(scene, "postgres", Mode.REFUSE):
        scene.wait()
    source.go_on()
    scene.each(
        0.1,
        lambda: any(worker.strike() for worker in source.workers),
        times=KILLS_OF_ACCEPT,
    )


def sandboxes_killed(scene: Scene) -> None:
    """Kill sandboxes while they answer; half of the time their database is out of reach."""
    for mode in (Mode.PASS, Mode.REFUSE):
        with _down(scene, "postgres", mode):
            scene.each(
                scene.seconds / KILLS_OF_SANDBOXES / 2,
                lambda: any(sender.strike() for sender in scene.shuffled()),
                times=KILLS_OF_SANDBOXES,
            )


def s3_down_large_bodies(scene: Scene) -> None:
    """Without the database: first without the store for claims, too, then with it."""
    with _down(scene, "postgres", Mode.REFUSE):
        with _down(scene, "s3", Mode.REFUSE):
            scene.wait(0.35)
        with _down(scene, "s3", Mode.HANG):
            scene.wait(0.35)
        scene.wait(0.3)


def clock_forwards(scene: Scene) -> None:
    _step_clocks(scene, HOUR)


def clock_back(scene: Scene) -> None:
    _step_clocks(scene, -HOUR)


def _step_clocks(scene: Scene, seconds: float) -> None:
    """Step the sandboxes' clocks, with the database up and without it, and step them back."""
    _set_clocks(scene, seconds)
    scene.wait(0.3)
    with _down(scene, "postgres", Mode.REFUSE):
        scene.wait(0.4)
    scene.wait(0.3)
    _set_clocks(scene, 0.0)


def _set_clocks(scene: Scene, step: float) -> None:
    for sender in scene.load.senders:
        sender.clock_step = step
    scene.world.source.clock_step = step


def drop_todays_partitions(world: World) -> None:
    day = f"{datetime.now(UTC):%Y%m%d}"
    with world.database.superuser() as superuser:
        for parent in ("event", "delivery"):
            superuser.execute(
                sql.SQL("DROP TABLE {}").format(sql.Identifier("tillgate", f"{parent}_{day}"))
            )


def missing_partition(scene: Scene) -> None:
    scene.wait()
    scene.world.sweep()
