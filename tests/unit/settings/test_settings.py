from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillgate.settings.accept import AcceptSettings
from tillgate.settings.api import ApiSettings
from tillgate.settings.function import MEBIBYTE, FunctionSettings, SettingsError
from tillgate.settings.health import HealthSettings
from tillgate.settings.ingest import IngestSettings
from tillgate.settings.migrate import MigrateSettings
from tillgate.settings.sweep import SweepSettings

CLASSES = [
    FunctionSettings,
    IngestSettings,
    AcceptSettings,
    ApiSettings,
    HealthSettings,
    SweepSettings,
    MigrateSettings,
]
every_class = pytest.mark.parametrize("cls", CLASSES)
ENV = {
    "STAGE": "local",
    "VERSION": "0.2.0",
    "DATABASE_SECRET_ARN": "arn:db",
    "KEY_RING_SECRET_ARN": "arn:ring",
    "ACCEPT_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/accept",
    "OBJECTS_BUCKET": "objects",
}
WHY = " when the database gives no answer, there has to be time left for the queue"
WORDS = st.text(min_size=1, max_size=20).filter(lambda text: bool(text.strip()))


def settings_of(cls: type[FunctionSettings]) -> st.SearchStrategy[FunctionSettings]:
    values: dict[str, st.SearchStrategy[Any]] = {
        spec.name: st.integers(spec.metadata["low"], spec.metadata["high"])
        if "low" in spec.metadata
        else WORDS
        for spec in fields(cls)
    }
    return (
        st.fixed_dictionaries(values)
        .filter(lambda made: 3 * made["connection_timeout_ms"] <= made["request_timeout_ms"])
        .map(lambda made: cls(**made))
    )


@every_class
@given(data=st.data())
def test_what_a_stack_writes_a_function_reads(
    cls: type[FunctionSettings], data: st.DataObject
) -> None:
    settings = data.draw(settings_of(cls))

    assert cls.from_env(settings.to_env()) == settings


def test_what_is_not_set_has_the_documented_default() -> None:
    settings = IngestSettings.from_env(ENV)

    assert (settings.connection_timeout_ms, settings.request_timeout_ms) == (800, 5_000)
    assert settings.max_requests_per_socket == 1_000
    assert settings.max_body_bytes == MEBIBYTE


@every_class
def test_every_setting_that_is_missing_is_named(cls: type[FunctionSettings]) -> None:
    required = [spec.name.upper() for spec in fields(cls) if "low" not in spec.metadata]

    with pytest.raises(SettingsError) as caught:
        cls.from_env({})
    assert caught.value.faults == [f"{name} is not set" for name in required]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"STAGE": ""}, "STAGE must not be empty"),
        ({"VERSION": " \t"}, "VERSION must not be empty"),
        ({"CONNECTION_TIMEOUT_MS": "49"}, "CONNECTION_TIMEOUT_MS must be 50 to 9000, not 49"),
        ({"REQUEST_TIMEOUT_MS": "29001"}, "REQUEST_TIMEOUT_MS must be 150 to 29000, not 29001"),
        (
            {"MAX_REQUESTS_PER_SOCKET": "0"},
            "MAX_REQUESTS_PER_SOCKET must be 1 to 1000000, not 0",
        ),
        ({"MAX_BODY_BYTES": "4194305"}, "MAX_BODY_BYTES must be 1024 to 4194304, not 4194305"),
        ({"MAX_BODY_BYTES": "1023"}, "MAX_BODY_BYTES must be 1024 to 4194304, not 1023"),
        (
            {"CONNECTION_TIMEOUT_MS": "900", "REQUEST_TIMEOUT_MS": "2699"},
            "REQUEST_TIMEOUT_MS (2699) must be at least 3 times CONNECTION_TIMEOUT_MS (900):" + WHY,
        ),
    ],
)
def test_a_value_that_makes_no_sense_is_named(change: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        IngestSettings.from_env(ENV | change)
    assert caught.value.faults == [fault]


def test_three_connections_to_the_millisecond_are_enough() -> None:
    env = ENV | {"CONNECTION_TIMEOUT_MS": "900", "REQUEST_TIMEOUT_MS": "2700"}

    assert IngestSettings.from_env(env).request_timeout_ms == 2_700


LIMITS = [
    (cls, spec.name.upper(), spec.metadata["low"], spec.metadata["high"])
    for cls in CLASSES
    for spec in fields(cls)
    if "low" in spec.metadata
]


@pytest.mark.parametrize(("cls", "name", "low", "high"), LIMITS)
def test_a_limit_below_or_above_its_range_fails_the_start_with_a_sentence(
    cls: type[FunctionSettings], name: str, low: int, high: int
) -> None:
    good = dict.fromkeys((spec.name.upper() for spec in fields(cls)), "x")
    good |= {limit: str(most) for of, limit, _, most in LIMITS if of is cls}

    for value in (low - 1, high + 1):
        with pytest.raises(SettingsError) as caught:
            cls.from_env(good | {name: str(value)})
        if value < 0:
            assert caught.value.faults == [f"{name} must be a whole number, not '{value}'"]
        else:
            assert f"{name} must be {low} to {high}, not {value}" in caught.value.faults
    assert getattr(cls.from_env(good), name.lower()) == high


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "+1", "1.5", "1e3", "0x10", "1_000", "\u0661", "\u00b2", "1 0"]
)
def test_what_is_no_whole_number_is_named(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        IngestSettings.from_env(ENV | {"MAX_BODY_BYTES": text})
    assert caught.value.faults == [f"MAX_BODY_BYTES must be a whole number, not {text!r}"]


@pytest.mark.parametrize("text", ["2048", " 2048 ", "2048\n", "0002048"])
def test_spaces_around_a_number_are_forgiven(text: str) -> None:
    assert IngestSettings.from_env(ENV | {"MAX_BODY_BYTES": text}).max_body_bytes == 2048


def test_faults_of_every_kind_are_named_at_once() -> None:
    env = {"VERSION": "", "CONNECTION_TIMEOUT_MS": "1", "MAX_BODY_BYTES": "many"}

    with pytest.raises(SettingsError) as caught:
        IngestSettings.from_env(env)
    assert {fault.split()[0] for fault in caught.value.faults} == {
        "STAGE",
        "VERSION",
        "DATABASE_SECRET_ARN",
        "KEY_RING_SECRET_ARN",
        "ACCEPT_QUEUE_URL",
        "OBJECTS_BUCKET",
        "CONNECTION_TIMEOUT_MS",
        "MAX_BODY_BYTES",
    }
    assert str(caught.value) == "; ".join(caught.value.faults)


def test_a_stack_cannot_make_what_a_function_would_refuse() -> None:
    with pytest.raises(SettingsError):
        FunctionSettings(stage="local", version="1", connection_timeout_ms=1)


def test_what_else_is_in_the_environment_is_not_read() -> None:
    assert IngestSettings.from_env(ENV | {"PATH": "/bin"}) == IngestSettings.from_env(ENV)
