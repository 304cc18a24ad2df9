"""``tillgate onboard``, from nothing, again, and when something is not as it should be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ops.simulators import SIMULATORS
from tests.unit.ops.cli.fake_platform import (
    APP_ID,
    CODE,
    DESTINATION,
    EVENT_ID,
    KEY,
    SOURCE_ID,
    Platform,
)
from tests.unit.ops.cli.fake_tillgate import TENANT_ID, URL
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from typer.testing import Result

    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

VENDORS = sorted(SIMULATORS.keys() & PROVIDERS.keys())
FLAGS = ("--destination", DESTINATION, "--destination-key-stdin", "--secret-stdin")
MADE = ["tenant made", "destination set", "source made"]
GOES_ON = "goes on from here"


@pytest.fixture
def platform(server: FakeTillgate) -> Platform:
    return Platform(server)


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def outcomes(result: Result) -> dict[str, str]:
    return {step["name"]: step["outcome"] for step in document(result)["steps"]}


@pytest.mark.parametrize("provider", VENDORS)
def test_a_merchant_is_onboarded_from_nothing_by_flags(
    server: FakeTillgate, tillgate: TypeCommand, provider: str
) -> None:
    platform, simulator = Platform(server, provider), SIMULATORS[provider]
    secret, merchant_id = simulator.new_secret(), simulator.merchant_example
    merchant = ("--merchant-id", merchant_id) if merchant_id else ()

    result = tillgate(
        "onboard", "demo", provider, *FLAGS, *merchant, "-o", "json", stdin=f"{KEY}\n{secret}\n"
    )

    assert result.exit_code == 0, result.stderr
    told = document(result)
    set_after = ["secret set"] if PROVIDERS[provider].has_handshake else []
    assert platform.done == [*MADE, *set_after, "event discarded"]
    assert (platform.secret, platform.key, platform.events) == (secret, KEY, {})
    assert set(outcomes(result).values()) == {"done"}
    assert told["test_delivery"]["event_id"] == EVENT_ID
    assert (told["test_delivery"]["taken_away"], told["ok"]) == (True, True)
    assert told["secret"] is None
    assert secret not in result.output
    assert KEY not in result.output
    assert f"{URL}/v1/hooks/{provider}/{SOURCE_ID}" in result.stderr


def test_repeating_it_makes_nothing_twice(platform: Platform, tillgate: TypeCommand) -> None:
    arguments = ("onboard", "demo", "square", *FLAGS, "--merchant-id", "M1", "-o", "json")
    tillgate(*arguments, stdin=f"{KEY}\nsecret\n")
    platform.done.clear()
    platform.delivered_after = 1

    result = tillgate(*arguments, stdin=f"{KEY}\nsecret\n")

    assert result.exit_code == 0, result.stderr
    assert platform.done == ["event discarded"]
    assert len(platform.sources) == 1
    kept = ("tenant", "destination", "source", "secret")
    assert [outcomes(result)[name] for name in kept] == ["kept"] * 4


def test_the_checklist_says_each_steps_time_and_the_sum(
    platform: Platform, tillgate: TypeCommand
) -> None:
    platform.delivered_after = 9

    result = tillgate("onboard", "demo", "square", *FLAGS, stdin=f"{KEY}\nsecret\n")

    lines = result.stdout.splitlines()
    names = ["tenant", "destination", "source", "secret", "test delivery", "read back"]
    assert [line[:2] for line in lines[:8]] == ["✓ "] * 8
    assert [line[2:18].strip() for line in lines[:8]] == [*names, "delivered", "cleaned up"]
    # Eight pauses of a quarter of a second.
    assert "2.00 s" in lines[6]
    assert lines[8].startswith("The machine's part took 2.00 s, within 60 s")


def test_tenant_without_a_destination_is_onboarded_and_delivers_nowhere(
    platform: Platform, tillgate: TypeCommand
) -> None:
    result = tillgate("onboard", "demo", "square", "--secret-stdin", "-o", "json", stdin="secret\n")

    assert result.exit_code == 0, result.stderr
    assert outcomes(result)["destination"] == "skipped"
    assert "delivered" not in outcomes(result)
    assert platform.events == {}


def test_secret_that_tillgate_made_is_shown_and_signs_the_test_delivery(
    platform: Platform, tillgate: TypeCommand
) -> None:
    result = tillgate("onboard", "demo", "square")

    assert result.exit_code == 0, result.stderr
    assert "SECRET            made-by-tillgate" in result.stdout
    assert f"tillgate source secret {SOURCE_ID}" in result.stderr
    assert platform.hooked == 1


def test_person_is_asked_for_all_of_it(platform: Platform, tillgate: TypeCommand) -> None:
    answers = ["demo", "square", "Demo Café", DESTINATION, KEY, "M1", "the-key"]

    result = tillgate("onboard", stdin="\n".join(answers) + "\n", is_interactive=True)

    assert result.exit_code == 0, result.stderr
    assert platform.done == [*MADE, "secret set", "event discarded"]
    assert (platform.tenants[0]["slug"], platform.tenants[0]["name"]) == ("demo", "Demo Café")
    assert (platform.sources[0]["merchant_id"], platform.secret) == ("M1", "the-key")
    # The URL comes before the question for what the vendor shows only once it has the URL.
    assert result.stderr.index(f"/v1/hooks/square/{SOURCE_ID}") < result.stderr.index("Signature")
    assert "the-key" not in result.output


def test_person_who_mistypes_a_secret_is_asked_again(
    platform: Platform, tillgate: TypeCommand
) -> None:
    platform.has_tenant()

    result = tillgate(
        "onboard", "demo", "square", stdin="\n\nnot-its-form\nthe-key\n", is_interactive=True
    )

    assert result.exit_code == 0, result.stderr
    assert platform.secret == "the-key"


def test_clovers_code_is_waited_for_and_shown(server: FakeTillgate, tillgate: TypeCommand) -> None:
    platform = Platform(server, "clover")
    platform.calls_after = 7

    result = tillgate("onboard", "demo", "clover", "--secret-stdin", stdin="auth-code\n")

    assert result.exit_code == 0, result.stderr
    assert f"\n  {CODE}\n" in result.stderr
    [line] = [line for line in result.stdout.splitlines() if "handshake" in line]
    # The wait is people's: of the machine's part it is none.
    assert "0.00 s, 8 s for people" in line
    assert platform.secret == "auth-code"


def test_vendor_that_does_not_call_is_said_and_repeating_goes_on(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    platform = Platform(server, "zettle")
    platform.calls_after = None
    arguments = ("onboard", "demo", "zettle", "--secret-stdin", "--wait", "30")

    first = tillgate(*arguments, stdin="")
    platform.calls_after = 0
    again = tillgate(*arguments, stdin="signing-key\n")

    assert first.exit_code == 1
    assert "Zettle has not called the URL yet" in first.stderr
    assert "pusher.izettle.com" in first.stderr
    assert GOES_ON in first.stderr
    assert again.exit_code == 0, again.stderr
    assert platform.done.count("source made") == 1
    assert platform.secret == "signing-key"


def test_secret_that_is_awaited_and_not_given_is_asked_for_by_name(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    Platform(server, "clover")

    result = tillgate("onboard", "demo", "clover")

    assert result.exit_code == 1
    assert "the Clover Auth Code" in result.stderr
    assert "--secret-stdin" in result.stderr


def test_ctrl_c_while_waiting_says_that_repeating_goes_on(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    platform = Platform(server, "clover")
    platform.calls_after = None

    looks = iter([httpx.Response(200, json={"sources": []})])

    def press_ctrl_c(_: httpx.Request) -> httpx.Response:
        for answer in looks:
            return answer
        raise KeyboardInterrupt

    server.answer_by("GET", f"/admin/api/tenants/{TENANT_ID}/sources", press_ctrl_c)
    result = tillgate("onboard", "demo", "clover", "--secret-stdin")

    assert result.exit_code == 130
    assert GOES_ON in result.stderr
    assert "✗ handshake" in result.stdout


def test_source_of_an_app_is_tried_with_the_apps_secret(
    platform: Platform, tillgate: TypeCommand
) -> None:
    platform.secret = "the-apps"

    result = tillgate(
        "onboard", "demo", "square", "--app", APP_ID, "--merchant-id", "M1", "--secret-stdin",
        stdin="the-apps\n",
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    assert "secret set" not in platform.done
    assert platform.done[-1] == "event discarded"


@pytest.mark.parametrize(
    ("provider", "arguments", "said"),
    [
        ("shopify", ("--app", APP_ID, "--merchant-id", "M1"), "does not sign its merchant"),
        ("square", ("--app", APP_ID), "has a --merchant-id"),
        ("square", ("--app", "x", "--merchant-id", "M1"), "--app is an id"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    platform: Platform, tillgate: TypeCommand, provider: str, arguments: tuple[str, ...], said: str
) -> None:
    result = tillgate("onboard", "demo", provider, *arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert "source made" not in platform.done
