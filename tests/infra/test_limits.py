"""The limits that an operator may choose: what each moves, and what is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from aws_cdk import App

from app import build, main
from stacks.context import StageError
from tests.infra.synthesis import Synthesised, functions, stage_named, synthesise
from tillgate.settings.function import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

RANGES = {
    "connection_timeout_ms": (50, 9_000),
    "request_timeout_ms": (150, 29_000),
    "max_requests_per_socket": (1, 1_000_000),
    "max_body_bytes": (1024, 4 * 1024 * 1024),
    "tenant_events_per_second": (1, 1_000_000),
    "tenant_burst": (1, 10_000_000),
}
BEYOND = [
    (name, value) for name, (low, high) in RANGES.items() for value in (low - 1, high + 1, 10**9)
]
REQUESTED = {"Ingest", "Api", "Health"}


@pytest.mark.parametrize(("name", "value"), BEYOND)
def test_a_limit_out_of_its_range_stops_the_synth(name: str, value: int) -> None:
    low, high = RANGES[name]
    sentence = f"{name.upper()} must be {low} to {high}, not {value}"
    with pytest.raises(SettingsError, match=sentence):
        build(App(), stage=stage_named("local", **{name: str(value)}))


@pytest.mark.parametrize("text", ["", "5s", "-1", "1.5", "1_000", " 5", "٣"])
@pytest.mark.parametrize("name", RANGES)
def test_a_limit_that_is_no_whole_number_is_refused(name: str, text: str) -> None:
    with pytest.raises(StageError, match=f"{name.upper()} must be a whole number, not '{text}'"):
        stage_named("local", **{name: text})


def test_a_request_has_time_for_three_connections() -> None:
    stage = stage_named("local", connection_timeout_ms="2000", request_timeout_ms="5999")
    sentence = (
        r"REQUEST_TIMEOUT_MS \(5999\) must be at least 3 times CONNECTION_TIMEOUT_MS \(2000\)"
    )
    with pytest.raises(SettingsError, match=sentence):
        build(App(), stage=stage)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("request_timeout_ms", "30000", "REQUEST_TIMEOUT_MS must be 150 to 29000, not 30000"),
        ("max_requests_per_socket", "many", "MAX_REQUESTS_PER_SOCKET must be a whole number"),
    ],
)
def test_who_deploys_reads_a_sentence(
    name: str, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(App(context={"stage": "local", name: text})) == 1

    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith(sentence)
    assert "Traceback" not in told


def test_a_function_may_answer_after_its_deadline(stage: Synthesised) -> None:
    for properties in functions(stage).values():
        deadline_ms = int(properties["Environment"]["Variables"]["REQUEST_TIMEOUT_MS"])
        assert properties["Timeout"] * 1000 > deadline_ms


@pytest.mark.parametrize("request_timeout_ms", [2_400, 12_300, 29_000])
def test_a_longer_deadline_gives_every_function_its_time(
    tmp_path: Path, request_timeout_ms: int
) -> None:
    stage = stage_named("local", request_timeout_ms=str(request_timeout_ms))
    made = synthesise(stage, tmp_path)
    seconds = {name: properties["Timeout"] for name, properties in functions(made).items()}
    deadline_seconds = math.ceil(request_timeout_ms / 1000)

    assert {seconds[name] for name in (*REQUESTED, "Probe")} == {deadline_seconds + 3}
    # A batch, and the deadline of a message that was begun at its end.
    batch = functions(made)["Accept"]["Environment"]["Variables"]["BATCH_SECONDS"]
    assert seconds["Accept"] == int(batch) + deadline_seconds + 5
    assert min(seconds.values()) > deadline_seconds
    looks = functions(made)["Sweep"]["Environment"]["Variables"]["SWEEP_SECONDS"]
    assert seconds["Sweep"] == int(looks) + max(deadline_seconds, 8) + 2
    batch = functions(made)["Deliver"]["Environment"]["Variables"]["BATCH_SECONDS"]
    assert seconds["Deliver"] == int(batch) + deadline_seconds + 15
    visible = sorted(
        resource["Properties"]["VisibilityTimeout"]
        for resource in made.resources("AWS::SQS::Queue").values()
        if "VisibilityTimeout" in resource["Properties"]
    )
    assert visible == sorted(6 * seconds[name] for name in ("Accept", "Deliver", "Deliver"))
