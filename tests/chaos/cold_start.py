"""Cold sandboxes with the database down: who may send is learnt from the snapshot in S3."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.chaos.calls import MERCHANT, Mix, hook
from tests.chaos.ledger import Told
from tests.chaos.proxy import Mode
from tests.chaos.run import Drained, Result, await_recovery, make_sender, settle
from tests.chaos.scenarios import COLD_START
from tests.chaos.scene import Shape
from tests.chaos.world import World
from tests.integration.crashes import frozen
from tests.vendors import square_body, toast_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from tests.chaos.emulator import Emulator
    from tests.chaos.senders import Sender

# Toast waits two seconds for an answer, the network to us and back included.
COLD_START_SECONDS = 1.5


@contextmanager
def _unreachable(world: World, mode: Mode) -> Iterator[None]:
    world.network.set("postgres", mode)
    try:
        yield
    finally:
        world.network.set("postgres", Mode.PASS)


_WAYS: dict[str, Callable[[World], AbstractContextManager[None]]] = {
    "frozen": lambda world: frozen(world.server),
    "refusing": lambda world: _unreachable(world, Mode.REFUSE),
    "hanging": lambda world: _unreachable(world, Mode.HANG),
}


def run_cold_starts(
    *, server: EmbeddedPostgres, emulator: Emulator, folder: Path, each: int = 10
) -> Result:
    """Start ``each`` sandboxes for each way in which a database is down, one after the other."""
    with World(server, emulator, folder, visibility_seconds=Shape().visibility_seconds) as world:
        world.sweep()
        # What is measured is the sandbox, not the workers beside it on the same processors.
        world.source.hold()
        senders = []
        started = time.monotonic()
        for way, is_down in _WAYS.items():
            with is_down(world):
                senders += [_cold(world, f"{way}-{n}") for n in range(each)]
        ended = time.monotonic()
        drained = Drained(world.queue)
        world.source.go_on()
        last = make_sender(world, "after", Mix(world.endpoints))
        recovery = await_recovery(drained, [last], fault=(started, ended))
        # Another one, that had its database.
        last.cold_seconds.clear()
        return settle(
            world,
            [*senders, last],
            name=COLD_START,
            fault=(started, ended),
            recovery=recovery,
        )


def _cold(world: World, name: str) -> Sender:
    sender = make_sender(world, name, Mix(world.endpoints))
    if "toast" in world.endpoints:
        call = hook(world.endpoints["toast"], name, toast_body(name, restaurant=MERCHANT))
    else:
        call = hook(world.endpoints["square"], name, square_body(name, merchant_id=MERCHANT))
    told = sender.call(call)
    if told != [Told.QUEUED]:
        sender.faults.append(f"{name} was told {told} by a cold sandbox")
    if sender.sandbox is not None:
        sender.sandbox.kill()
    return sender
