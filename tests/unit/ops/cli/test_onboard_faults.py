"""``tillgate onboard``, and ``event discard``, when something is not as it should be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from ops.simulators import SIMULATORS
from tests.unit.ops.cli.fake_platform import (
    DESTINATION,
    EVENT_ID,
    KEY,
    SOURCE_ID,
    Platform,
    counts,
    problem,
)
from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

FLAGS = ("--destination", DESTINATION, "--destination-key-stdin", "--secret-stdin")
GOES_ON = "goes on from here"


@pytest.fixture
def platform(server: FakeTillgate) -> Platform:
    return Platform(server)


def test_mistyped_provider_leaves_no_tenant_behind(
    platform: Platform, tillgate: TypeCommand, server: FakeTillgate
) -> None:
    result = tillgate("onboard", "corner-cafe", "sqaure")

    assert result.exit_code == 2
    assert "square, shopify" in result.stderr
    assert not platform.tenants
    assert not server.requests


def test_suspended_tenant_is_said_first(platform: Platform, tillgate: TypeCommand) -> None:
    platform.has_tenant(state="suspended")

    result = tillgate("onboard", "demo", "square")

    assert result.exit_code == 1
    assert "tillgate tenant resume demo" in result.stderr


def test_destination_that_refuses_is_said_and_another_key_mends_it(
    platform: Platform, tillgate: TypeCommand
) -> None:
    platform.refuses_key = "wrong"
    arguments = ("onboard", "demo", "square", *FLAGS)

    first = tillgate(*arguments, stdin="wrong\nsecret\n")
    again = tillgate(*arguments, stdin=f"{KEY}\nsecret\n")

    assert first.exit_code == 1
    assert f"{DESTINATION} does not take what is delivered: http-401" in first.stderr
    assert GOES_ON in first.stderr
    assert again.exit_code == 0, again.stderr


def test_destination_is_never_moved_by_the_way(platform: Platform, tillgate: TypeCommand) -> None:
    platform.has_tenant()
    platform.has_destination("https://other.supabase.co")

    result = tillgate("onboard", "demo", "square", *FLAGS, stdin=f"{KEY}\nsecret\n")

    assert result.exit_code == 1
    assert f"tillgate destination set demo {DESTINATION}" in result.stderr
    assert platform.done == []


def test_secret_of_a_source_that_was_there_is_not_known_and_nothing_is_sent(
    platform: Platform, tillgate: TypeCommand
) -> None:
    platform.has_tenant()
    platform.has_source(signed_with="known")

    result = tillgate("onboard", "demo", "square")

    assert result.exit_code == 0, result.stderr
    assert "- test delivery" in result.stdout
    assert "the secret is not known here" in result.stdout
    assert platform.hooked == 0


def test_test_delivery_can_be_left_out(platform: Platform, tillgate: TypeCommand) -> None:
    result = tillgate("onboard", "demo", "square", "--no-test-delivery")

    assert result.exit_code == 0, result.stderr
    assert platform.hooked == 0


def test_wrong_secret_is_explained(platform: Platform, tillgate: TypeCommand) -> None:
    platform.has_tenant()
    platform.has_source(signed_with="right")

    result = tillgate("onboard", "demo", "square", "--secret-stdin", stdin="wrong\n")

    assert result.exit_code == 1
    assert "The delivery was refused (401)" in result.stderr
    assert f"set it again with: tillgate source secret {SOURCE_ID}" in result.stderr
    assert platform.secret == "right"


@pytest.mark.parametrize(("answer", "secret", "code"), [("y", "new", 0), ("n", "old", 1)])
def test_person_decides_whether_another_secret_replaces_the_one_that_is_there(
    platform: Platform, tillgate: TypeCommand, answer: str, secret: str, code: int
) -> None:
    platform.has_tenant()
    platform.has_source(signed_with="old")

    result = tillgate(
        "onboard", "demo", "square", stdin=f"\n\nnew\n{answer}\n", is_interactive=True
    )

    assert result.exit_code == code
    assert platform.secret == secret


def test_secret_that_is_new_is_given_some_seconds_to_be_known(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    platform = Platform(server, "clover")
    take, refusals = platform.hook, [problem(401, "unauthenticated")] * 4
    platform.hook = lambda request: refusals.pop() if refusals else take(request)

    result = tillgate("onboard", "demo", "clover", "--secret-stdin", stdin="auth-code\n")

    assert result.exit_code == 0, result.stderr
    assert platform.hooked == 5


def test_delivery_that_is_set_aside_is_explained(platform: Platform, tillgate: TypeCommand) -> None:
    platform.hook = lambda _: httpx.Response(200, json=counts(quarantined=1))

    result = tillgate(
        "onboard", "demo", "square", "--merchant-id", "M1", "--secret-stdin", stdin="secret\n"
    )

    assert result.exit_code == 1
    assert "set aside in quarantine" in result.stderr
    assert "another merchant than M1" in result.stderr


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(503, json={"type": "unavailable"}), "answered 503"),
        (httpx.Response(200, text="<html>Welcome</html>"), "not as Tillgate does"),
        (httpx.Response(301, headers={"Location": "https://x"}), "answered 301"),
    ],
)
def test_what_is_no_answer_of_tillgates_is_said(
    platform: Platform, tillgate: TypeCommand, answer: httpx.Response, said: str
) -> None:
    platform.hook = lambda _: answer

    result = tillgate("onboard", "demo", "square")

    assert result.exit_code == 1
    assert said in result.stderr


def test_url_that_gives_no_answer_is_said(platform: Platform, tillgate: TypeCommand) -> None:
    def give_none(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("timed out")

    platform.hook = give_none

    result = tillgate("onboard", "demo", "square")

    assert result.exit_code == 1
    assert "gave no answer (timed out)" in result.stderr
    assert "the address that it can call" in result.stderr


def test_event_that_never_appears_is_said_with_its_key(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    # Adyen is told no numbers, so a delivery that was set aside is acknowledged like any other.
    platform = Platform(server, "adyen")
    platform.keeps_nothing = True

    result = tillgate(
        "onboard", "demo", "adyen", "--secret-stdin", stdin=f"{SIMULATORS['adyen'].new_secret()}\n"
    )

    assert result.exit_code == 1
    assert "not in the tenant's list after 60 s" in result.stderr
    assert "Its idempotency key: probe-tillgate-synthetic-" in result.stderr


@pytest.mark.parametrize(
    ("gives_up", "said"), [("http-400", "was given up: http-400"), (None, "not made in 90 s")]
)
def test_event_is_taken_away_though_it_does_not_arrive(
    platform: Platform, tillgate: TypeCommand, gives_up: str | None, said: str
) -> None:
    platform.gives_up, platform.delivered_after = gives_up, 10_000

    result = tillgate("onboard", "demo", "square", *FLAGS, stdin=f"{KEY}\nsecret\n")

    assert result.exit_code == 1
    assert said in result.stderr
    assert "✗ delivered" in result.stdout
    assert "✓ cleaned up" in result.stdout
    assert platform.events == {}


def test_copy_that_the_destination_keeps_is_said_with_its_id(
    platform: Platform, tillgate: TypeCommand
) -> None:
    platform.copy = {"is_removed": False, "status": 403, "reason": "http-403-42501"}
    arguments = ("onboard", "demo", "square", *FLAGS, "-o", "json")

    result = tillgate(*arguments, stdin=f"{KEY}\nsecret\n")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["test_delivery"]["copy_stays"] == "http-403-42501"
    assert f"WHERE event_id = '{EVENT_ID}'" in result.stderr
    assert platform.events == {}


def test_event_that_is_under_way_is_taken_away_a_moment_later(
    platform: Platform, tillgate: TypeCommand
) -> None:
    platform.under_way = 3

    result = tillgate("onboard", "demo", "square", *FLAGS, stdin=f"{KEY}\nsecret\n")

    assert result.exit_code == 0, result.stderr
    assert platform.events == {}


def test_event_that_cannot_be_taken_away_is_said_with_the_command_that_does(
    platform: Platform, tillgate: TypeCommand
) -> None:
    platform.under_way = 10_000

    result = tillgate("onboard", "demo", "square", *FLAGS, stdin=f"{KEY}\nsecret\n")

    assert result.exit_code == 1
    assert f"tillgate event discard {TENANT_ID} {EVENT_ID}" in result.stderr


def test_event_that_was_left_behind_is_discarded_by_its_id(
    platform: Platform, tillgate: TypeCommand
) -> None:
    platform.has_tenant()
    platform.events["k"] = {"type": "payment.created", "data": {}}

    result = tillgate("event", "discard", "demo", EVENT_ID)

    assert result.exit_code == 0, result.stderr
    assert platform.done == ["event discarded"]


def test_event_that_is_not_synthetic_is_not_discarded(
    platform: Platform, tillgate: TypeCommand
) -> None:
    platform.has_tenant()

    result = tillgate("event", "discard", "demo", EVENT_ID)

    assert result.exit_code == 1
    assert "404" in result.stderr
