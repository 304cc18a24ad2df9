"""Clients, backends and the whole server killed under load: nothing torn, nothing lost."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.crashes import backends, kill_backend
from tests.integration.dice import seeded
from tests.integration.integrity import faults
from tests.integration.load import Load, broken_promises
from tests.integration.polling import pause, until

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.testdatabase import TestDatabase

SENDERS = 4
KILLS = [pytest.param(20, id="20kills"), pytest.param(200, id="200kills", marks=pytest.mark.proof)]
CRASHES = [pytest.param(1, id="1crash"), pytest.param(20, id="20crashes", marks=pytest.mark.proof)]


def is_up(database: TestDatabase) -> bool:
    try:
        with database.superuser():
            return True
    except psycopg.OperationalError:
        return False


def faults_now(database: TestDatabase) -> list[tuple[str, str, str]]:
    until(lambda: is_up(database), what="the server has recovered")
    with database.superuser() as superuser:
        return faults(superuser)


def kill_one_backend(server: EmbeddedPostgres, dice: random.Random) -> None:
    """Kill a backend that serves a sender, whatever it does just now."""

    def killed() -> bool:
        serving = backends(server, user="tillgate_ingest")
        return bool(serving) and kill_backend(dice.choice(serving))

    until(killed, what="a backend was there to kill")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kills", KILLS)
def test_kill_9_of_clients_and_backends_tears_and_loses_nothing(
    durable_server: EmbeddedPostgres, durable_database: TestDatabase, tmp_path: Path, kills: int
) -> None:
    dice = seeded(200)
    tenant = durable_database.add_tenant(f"t-{uuid.uuid4()}")
    with Load(durable_database.url("ingest"), tenant, tmp_path, senders=SENDERS) as load:
        load.all_go_on()
        for n in range(kills):
            load.goes_on()
            pause(dice.uniform(0, 0.05))  # The instant itself is what is tried.
            if n % 3:
                load.replace(dice.randrange(SENDERS))
            else:
                kill_one_backend(durable_server, dice)
            if n % 10 == 0:
                assert faults_now(durable_database) == []
        load.all_go_on()
    acknowledged = load.acknowledged()
    assert faults_now(durable_database) == []
    with durable_database.superuser() as superuser:
        assert broken_promises(superuser, tenant, acknowledged) == []
    print(f"{kills} kills, {len(acknowledged)} acknowledgements, none lost, none doubled")  # noqa: T201  For -rP.


@pytest.mark.timeout(900)
@pytest.mark.parametrize("crashes", CRASHES)
def test_kill_9_of_the_postmaster_loses_nothing_acknowledged(
    durable_server: EmbeddedPostgres, durable_database: TestDatabase, tmp_path: Path, crashes: int
) -> None:
    dice = seeded(9)
    tenant = durable_database.add_tenant(f"t-{uuid.uuid4()}")
    with Load(durable_database.url("ingest"), tenant, tmp_path, senders=SENDERS) as load:
        load.all_go_on()
        for _ in range(crashes):
            load.goes_on()
            pause(dice.uniform(0, 0.05))  # The instant itself is what is tried.
            durable_server.kill()
            durable_server.start()
            assert faults_now(durable_database) == []
        load.all_go_on()
    acknowledged = load.acknowledged()
    assert faults_now(durable_database) == []
    with durable_database.superuser() as superuser:
        assert broken_promises(superuser, tenant, acknowledged) == []
    print(f"{crashes} crashes, {len(acknowledged)} acknowledgements, none lost, none doubled")  # noqa: T201  For -rP.
