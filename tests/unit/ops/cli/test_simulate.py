"""``tillgate simulate``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ops.simulators import SIMULATORS
from ops.simulators.simulator import Sending, Unsigned
from tests.unit.ops.cli.conftest import NOW
from tests.unit.ops.cli.fake_tillgate import LOCAL_URL, TENANT_ID, URL, write_stack_file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

SOURCE_ID = "4c1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18"
APP_ID = "7d1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18"
PREFIX = "/_aws/execute-api/abc"
HOOK = f"/v1/hooks/square/{SOURCE_ID}"
SECRET = "canary-secret"
MERCHANT = "MLDEMO0000001"
LISTS = "/v1/events"


class Platform:
    """Takes Square's deliveries as promised, and lists what it stored."""

    def __init__(self, server: FakeTillgate, *, prefix: str = PREFIX, url: str = LOCAL_URL) -> None:
        self.url = url + HOOK
        self.stored: dict[str, bytes] = {}
        self.asked: list[httpx.Request] = []
        server.answer_by("POST", prefix + HOOK, self.take)
        server.answer_by("GET", prefix + LISTS, self.list)

    def take(self, request: httpx.Request) -> httpx.Response:
        sending = Sending(secret=SECRET, notification_url=self.url, at=NOW)
        signed = SIMULATORS["square"].signature(Unsigned(body=request.content, headers={}), sending)
        if any(request.headers.get(name) != value for name, value in signed.items()):
            return httpx.Response(401, json={"type": "unauthenticated"})
        return httpx.Response(200, json=self.counted(request.content))

    def counted(self, body: bytes) -> dict[str, int]:
        counts = dict.fromkeys(("accepted", "duplicates", "queued", "quarantined"), 0)
        try:
            event = json.loads(body)
        except ValueError:
            return counts | {"quarantined": 1}
        if event["merchant_id"] != MERCHANT:
            return counts | {"quarantined": 1}
        if event["event_id"] not in self.stored:
            self.stored[event["event_id"]] = body
            return counts | {"accepted": 1}
        is_same = self.stored[event["event_id"]] == body
        return counts | {"duplicates" if is_same else "quarantined": 1}

    def list(self, request: httpx.Request) -> httpx.Response:
        """Give pages of two."""
        self.asked.append(request)
        first = int(request.url.params.get("cursor", "0"))
        keys = list(self.stored)[first : first + 2]
        following = str(first + 2) if first + 2 < len(self.stored) else None
        events = [{"idempotency_key": key, "provider": "square"} for key in keys]
        return httpx.Response(200, json={"events": events, "next_cursor": following})


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A local stack with a source of Square's and an app of Clover's."""
    source = {
        "provider": "square", "source_id": SOURCE_ID, "secret": SECRET,
        "notification_url": LOCAL_URL + HOOK, "merchant_id": MERCHANT,
    }  # fmt: skip
    app = {
        "provider": "clover", "app_id": APP_ID, "secret": SECRET,
        "notification_url": f"{LOCAL_URL}/v1/hooks/clover/{APP_ID}",
        "merchants": {"M1": "demo", "M2": "other"},
    }  # fmt: skip
    tenants = [
        {"slug": "demo", "tenant_id": TENANT_ID, "api_token": "token-1", "sources": [source]},
        {"slug": "other", "tenant_id": TENANT_ID, "api_token": "token-2", "sources": []},
    ]
    document = {"api_url": LOCAL_URL, "admin_token": "t", "tenants": tenants, "apps": [app]}
    return write_stack_file(tmp_path, document)


@pytest.fixture
def platform(server: FakeTillgate) -> Platform:
    return Platform(server)


def register(server: FakeTillgate, **more: object) -> None:
    """Let the admin API know the source at the address in the environment."""
    source = {
        "source_id": SOURCE_ID, "provider": "square", "merchant_id": MERCHANT,
        "notification_url": URL + HOOK, "app_id": None, **more,
    }  # fmt: skip
    server.answer("GET", f"/admin/api/tenants/{TENANT_ID}/sources", {"sources": [source]})


@pytest.mark.usefixtures("local")
def test_a_local_stack_s_source_is_sent_to_and_read_back(
    platform: Platform, tillgate: TypeCommand
) -> None:
    result = tillgate("simulate", "square", "--events", "5", environ={})

    assert result.exit_code == 0, result.output
    assert len(platform.stored) == 5
    assert "Read back: 5 events, each there exactly once." in result.stderr
    assert {request.headers["Authorization"] for request in platform.asked} == {"Bearer token-1"}
    assert "genuine" in result.stdout
    assert "200x5" in result.stdout
    assert SECRET not in result.output


@pytest.mark.usefixtures("local", "platform")
def test_every_kind_of_fault_is_sent_and_told(tillgate: TypeCommand) -> None:
    kinds = [
        "duplicate", "late-resend", "conflict", "forged", "unsigned", "wrong-merchant",
        "broken-body", "large", "slow",
    ]  # fmt: skip
    faults = ",".join(f"{kind}=0.11" for kind in kinds)

    result = tillgate(
        "simulate", "square", "--rate", "20", "--duration", "10", "--faults", faults,
        "--output", "json", environ={},
    )  # fmt: skip

    told: dict[str, Any] = json.loads(result.stdout)
    assert (result.exit_code, told["as_promised"]) == (0, True), told
    assert {line["kind"] for line in told["kinds"]} >= set(kinds)
    assert sum(line["messages"] for line in told["kinds"]) == told["messages"] == 200
    assert told["seconds"] == pytest.approx(10.0, abs=1.0)
    assert told["read_back"]["missing"] == []


@pytest.mark.usefixtures("local", "platform")
def test_the_time_between_two_messages_is_waited_for(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    tillgate("simulate", "square", "--events", "4", "--rate", "2", environ={})

    assert sum(server.paused) == pytest.approx(1.5)


@pytest.mark.usefixtures("local")
def test_an_acknowledged_event_that_is_not_there_fails_the_run(
    server: FakeTillgate, platform: Platform, tillgate: TypeCommand
) -> None:
    server.answer("GET", PREFIX + LISTS, {"events": [], "next_cursor": None})

    result = tillgate("simulate", "square", "--events", "2", environ={})

    assert len(platform.stored) == 2
    assert result.exit_code == 1
    assert "read back: 2 acknowledged, and not there, such as" in result.stderr
    # What is queued is stored within a minute: so long it was looked for.
    assert sum(server.paused) >= 60


@pytest.mark.usefixtures("local", "platform")
def test_an_event_that_is_there_twice_or_should_not_be_fails_the_run(
    server: FakeTillgate, platform: Platform, tillgate: TypeCommand
) -> None:
    def list_twice(_: httpx.Request) -> httpx.Response:
        sent = [json.loads(r.content) for r in server.requests if r.method == "POST"]
        keys = [event["event_id"] for event in sent]
        events = [{"idempotency_key": key, "provider": "square"} for key in [*keys, *keys]]
        return httpx.Response(200, json={"events": events, "next_cursor": None})

    server.answer_by("GET", PREFIX + LISTS, list_twice)
    result = tillgate("simulate", "square", "--events", "20", "--faults", "forged=0.5", environ={})

    assert len(platform.stored) < 20
    assert result.exit_code == 1
    assert "there more than once, such as" in result.stderr
    assert "refused or set aside, and yet there, such as" in result.stderr


@pytest.mark.usefixtures("local", "platform")
def test_a_list_that_cannot_be_read_fails_the_run(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", PREFIX + LISTS, {"type": "unavailable"}, status=503)

    result = tillgate("simulate", "square", "--events", "1", environ={})

    assert result.exit_code == 1
    assert "not read back: " in result.stderr


@pytest.mark.usefixtures("local")
def test_what_is_not_as_promised_is_named_with_a_key(
    server: FakeTillgate, platform: Platform, tillgate: TypeCommand
) -> None:
    server.answer("POST", PREFIX + HOOK, {"oh": "no"}, status=422)

    result = tillgate("simulate", "square", "--events", "1", "--speed-up", "100000", environ={})

    assert result.exit_code == 1
    assert platform.stored == {}
    assert "x answered 422, not 200 (" in result.stderr
    assert "given up at attempt 29: answered 422" in result.stderr
    assert "Something was not as promised." in result.stderr


@pytest.mark.usefixtures("local")
def test_ctrl_c_ends_it_with_the_tally_so_far(
    server: FakeTillgate,
    platform: Platform,
    tillgate: TypeCommand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(seconds: float) -> None:
        if len(platform.stored) == 3:
            raise KeyboardInterrupt
        server.paused.append(seconds)

    monkeypatch.setattr(server, "pause", interrupt)
    result = tillgate("simulate", "square", "--events", "50", environ={})

    assert result.exit_code == 130
    assert "200x3" in result.stdout
    assert "Interrupted; not read back." in result.stderr


@pytest.mark.usefixtures("local")
def test_an_app_s_merchants_are_simulated_by_its_id(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    seen: set[str] = set()

    def take(request: httpx.Request) -> httpx.Response:
        merchants = json.loads(request.content)["merchants"]
        seen.update(merchants)
        counts = {"accepted": len(merchants), "duplicates": 0, "queued": 0, "quarantined": 0}
        return httpx.Response(200, json=counts)

    server.answer_by("POST", f"{PREFIX}/v1/hooks/clover/{APP_ID}", take)
    server.answer("GET", PREFIX + LISTS, {"events": [], "next_cursor": None})
    result = tillgate(
        "simulate", "clover", "--app", APP_ID, "--events", "20", "-o", "json", environ={}
    )

    assert seen == {"M1", "M2"}
    told = json.loads(result.stdout)
    assert told["endpoint"] == {
        "app": APP_ID, "url": f"{LOCAL_URL}/v1/hooks/clover/{APP_ID}"
    }  # fmt: skip
    assert len(told["read_back"]["missing"]) == told["read_back"]["wanted"] > 20
    assert result.exit_code == 1


def test_elsewhere_the_url_is_the_api_s_the_secret_is_piped_in_and_somebody_has_to_say_yes(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    platform = Platform(server, prefix="", url=URL)
    register(server)

    result = tillgate(
        "simulate", "square", "--source", SOURCE_ID, "--events", "3", "--secret-stdin", "--yes",
        stdin=f"{SECRET}\n",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert len(platform.stored) == 3
    assert "Not read back: no token of the tenant is known here." in result.stderr
    assert SECRET not in result.output


@pytest.mark.parametrize("is_interactive", [False, True])
def test_elsewhere_nothing_is_sent_without_a_yes(
    server: FakeTillgate, tillgate: TypeCommand, *, is_interactive: bool
) -> None:
    platform = Platform(server, prefix="", url=URL)
    register(server)

    result = tillgate(
        "simulate", "square", "--source", SOURCE_ID, "--events", "3", "--secret-stdin",
        stdin=f"{SECRET}\nn\n" if is_interactive else SECRET, is_interactive=is_interactive,
    )  # fmt: skip

    assert result.exit_code == (1 if is_interactive else 2)
    assert platform.stored == {}
    assert not [request for request in server.requests if request.method == "POST"]
    assert "Nothing was done" in result.stderr


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"provider": "toast"}, "That is toast's, not square's."),
        ({"app_id": APP_ID}, "This source's events come in at its app's URL."),
        ({"source_id": APP_ID}, "There is no such source."),
    ],
)
def test_a_source_that_cannot_be_simulated_is_refused(
    server: FakeTillgate, tillgate: TypeCommand, source: dict[str, str], message: str
) -> None:
    register(server, **source)

    result = tillgate("simulate", "square", "--source", SOURCE_ID, "--yes", "--secret-stdin")

    assert result.exit_code in {1, 2}
    assert message in result.stderr


def test_an_app_that_does_not_exist_is_refused(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", "/admin/api/apps", {"apps": []})

    result = tillgate("simulate", "square", "--app", APP_ID, "--yes", "--secret-stdin")

    assert result.exit_code == 1
    assert "There is no such app." in result.stderr


@pytest.mark.parametrize(
    ("provider", "options", "message"),
    [
        ("nonsense", [], "There is no such provider."),
        ("zettle", [], "The local stack has no source of zettle."),
        ("square", ["--events", "3", "--duration", "2"], "not both"),
        ("square", ["--source", SOURCE_ID, "--app", APP_ID], "not both"),
        ("square", ["--source", "x"], "--source is an id"),
        ("square", ["--rate", "0"], "--rate is above 0"),
        ("square", ["--rate", "nan"], "--rate is above 0"),
        ("square", ["--duration", "0"], "--duration is above 0"),
        ("square", ["--speed-up", "0.5"], "--speed-up is 1 to"),
        ("square", ["--faults", "duplicate"], "--faults cannot be read"),
        ("square", ["--faults", "duplicate=2"], "--faults cannot be read"),
        ("square", ["--faults", "duplicate=nan"], "--faults cannot be read"),
        ("square", ["--faults", "genuine=0.5"], "--faults cannot be read"),
        ("square", ["--faults", "odd=0.5"], "--faults cannot be read"),
        ("square", ["--faults", "slow=0.6,forged=0.6"], "--faults cannot be read"),
        ("square", ["--faults", "slow=0.1,slow=0.1"], "--faults cannot be read"),
        ("clover", ["--app", APP_ID, "--faults", "conflict=0.1"], "No conflict here"),
    ],
)
@pytest.mark.usefixtures("local")
def test_what_makes_no_sense_is_wrong_usage_and_sends_nothing(
    server: FakeTillgate, tillgate: TypeCommand, provider: str, options: list[str], message: str
) -> None:
    result = tillgate("simulate", provider, *options, environ={})

    assert result.exit_code == 2
    assert message in result.stderr
    assert server.requests == []


def test_an_app_of_a_vendor_that_signs_no_merchant_is_refused(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    url = f"{URL}/v1/hooks/shopify/{APP_ID}"
    app = {"app_id": APP_ID, "provider": "shopify", "notification_url": url}
    server.answer("GET", "/admin/api/apps", {"apps": [app]})
    register(server)

    result = tillgate("simulate", "shopify", "--app", APP_ID, "--yes", "--secret-stdin", stdin="s")

    assert result.exit_code == 2
    assert "does not sign its merchant's name" in result.stderr


def test_a_file_that_is_no_stack_s_is_said(tmp_path: Path, tillgate: TypeCommand) -> None:
    document = {"api_url": LOCAL_URL, "admin_token": "t", "tenants": [{"slug": "demo"}]}
    write_stack_file(tmp_path, document)

    result = tillgate("simulate", "square", environ={})

    assert result.exit_code == 2
    assert "does not say what a local stack's file does" in result.stderr
