"""The model starts from prod as it is: what is changed there is changed here."""

from __future__ import annotations

from aws_cdk.aws_logs import RetentionDays

from bench.scale.burst import _PATIENCE_SECONDS
from bench.scale.inputs import Inputs
from bench.scale.plan import Plan
from bench.scale.steps import _SWEEP_MS
from ops.cost import Switches
from stacks import timing
from stacks.data import ROLES
from stacks.stages import choose_stage
from tillgate.adapters.delivery_queue import MAX_IDS
from tillgate.services.queue_due import CLAIMED_AT_ONCE

PROD = choose_stage({"stage": "prod"}.get)


def test_plan_is_prods() -> None:
    plan = Plan()
    assert plan == Plan(
        memory_mb=PROD.function.memory_mb,
        throttle_rate=PROD.http.throttle_rate,
        throttle_burst=PROD.http.throttle_burst,
        min_acu=PROD.database.min_acu,
        max_acu=PROD.database.max_acu,
        accept_concurrency=PROD.accept_concurrency,
        deliver_concurrency=PROD.deliver_concurrency,
        sweeps=PROD.concurrency["sweep"],
    )
    assert plan.account_rate == Inputs().gateway_rate.value
    assert plan.concurrency == Inputs().concurrency.value


def test_switches_are_prods() -> None:
    switches = Switches()
    assert switches.instances == 1 + PROD.database.readers
    assert float(switches.min_acu) == PROD.database.min_acu
    assert switches.is_traced is PROD.function.tracing
    assert switches.snap_start_functions == len(PROD.function.snap_start)
    assert switches.log_days == 90
    assert PROD.function.log_retention is RetentionDays.THREE_MONTHS
    # Each role's, the database's own, the key ring and the operator's.
    assert switches.secrets == len(ROLES) + 3


def test_model_has_the_codes_own_numbers() -> None:
    inputs = Inputs()
    assert inputs.claimed_at_once.value == CLAIMED_AT_ONCE
    assert inputs.ids_in_message.value == MAX_IDS
    assert PROD.limits.connection_timeout_ms / 1000 == _PATIENCE_SECONDS
    assert _SWEEP_MS == (timing.SWEEP_SECONDS + 1) * 1000
