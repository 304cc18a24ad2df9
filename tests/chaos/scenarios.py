"""Every scenario of the suite, by the name its evidence bears."""

from __future__ import annotations

from tests.chaos import faults
from tests.chaos.scene import Scenario

SCENARIOS = (
    Scenario(name="postgres_killed", fault=faults.postgres_killed, seconds=21),
    Scenario(name="postgres_frozen", fault=faults.postgres_frozen, seconds=30),
    Scenario(name="postgres_refused", fault=faults.postgres_refused, seconds=60),
    Scenario(name="ambiguous_commit", fault=faults.ambiguous_commit, seconds=10, may_refuse=True),
    Scenario(name="out_of_connections", fault=faults.out_of_connections, seconds=10),
    Scenario(name="disk_full", fault=faults.disk_full, seconds=10, needs_small_disk=True),
    Scenario(name="queue_down", fault=faults.queue_down, seconds=12),
    Scenario(name="both_down", fault=faults.both_down, seconds=10, may_refuse=True),
    Scenario(
        name="queue_thrice_out_of_order",
        fault=faults.queue_thrice_out_of_order,
        seconds=5,
        reasons=frozenset({"conflict-after-queued"}),
    ),
    Scenario(name="accept_killed", fault=faults.accept_killed, seconds=8),
    Scenario(name="sandboxes_killed", fault=faults.sandboxes_killed, seconds=12),
    Scenario(
        name="s3_down_large_bodies",
        fault=faults.s3_down_large_bodies,
        seconds=15,
        large=True,
        may_refuse=True,
    ),
    # No Standard Webhooks: a sandbox that is an hour off has to refuse what signs its time.
    Scenario(name="clock_forwards", fault=faults.clock_forwards, seconds=10, signs_time=False),
    Scenario(name="clock_back", fault=faults.clock_back, seconds=10, signs_time=False),
    Scenario(
        name="missing_partition",
        fault=faults.missing_partition,
        seconds=6,
        before=faults.drop_todays_partitions,
    ),
)
COLD_START = "cold_start_database_down"
NAMES = frozenset({*(scenario.name for scenario in SCENARIOS), COLD_START})


def scenario(name: str) -> Scenario:
    return next(one for one in SCENARIOS if one.name == name)
