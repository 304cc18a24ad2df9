from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.unit.ops.cli.fake_tillgate import LOCAL_URL, TENANT, TENANT_ID, URL, startup, status
from tillgate import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

STATUS = "/admin/api/status"
SOURCES = f"/admin/api/tenants/{TENANT_ID}/sources"
TOKENS = f"/admin/api/tenants/{TENANT_ID}/tokens"


@pytest.fixture
def well(server: FakeTillgate) -> FakeTillgate:
    """A platform on which nothing is wrong."""
    server.answer("GET", "/livez", {"status": "ok", "version": __version__})
    server.answer("GET", "/startupz", startup())
    server.answer("GET", STATUS, status())
    server.answer("GET", SOURCES, {"sources": [{"source_id": "s"}]})
    server.answer("GET", TOKENS, {"tokens": []})
    return server


def faults(
    tillgate: TypeCommand,
    *,
    exit_code: int = 1,
    environ: dict[str, str] | None = None,
    folder: Path | None = None,
) -> dict[str, tuple[str, str]]:
    """Run doctor; give what is wrong: name -> (detail, next step)."""
    result = tillgate("doctor", "--output", "json", environ=environ, folder=folder)
    report = json.loads(result.stdout)
    assert result.exit_code == exit_code
    assert report["ok"] is (exit_code == 0)
    return {
        check["name"]: (check["detail"], check["next_step"])
        for check in report["checks"]
        if check["state"] != "ok"
    }


@pytest.mark.usefixtures("well")
def test_all_is_well(tillgate: TypeCommand) -> None:
    result = tillgate("doctor")

    assert result.exit_code == 0
    assert "wrong" not in result.stdout
    assert "All is well." in result.stderr


def test_what_is_about_to_go_undelivered_is_said(well: FakeTillgate, tillgate: TypeCommand) -> None:
    told = {"default_days": 400, "held_events": 12, "first_go_on": "2026-12-19"}
    well.answer("GET", "/admin/api/retention", told)
    detail, next_step = faults(tillgate, exit_code=0)["retention"]
    assert detail.startswith("12 undelivered events are past retention")
    assert ("2026-12-19" in detail, next_step) == (True, "tillgate deadletter plan")

    well.answer("GET", "/admin/api/retention", {**told, "held_events": 0, "first_go_on": None})
    assert faults(tillgate, exit_code=0) == {}


@pytest.mark.usefixtures("well")
def test_health_is_asked_without_the_token(server: FakeTillgate, tillgate: TypeCommand) -> None:
    tillgate("doctor")

    named = {request.url.path: "Authorization" in request.headers for request in server.requests}
    assert named["/livez"] is False
    assert named["/startupz"] is False
    assert named[STATUS] is True


def test_no_stack_is_the_first_thing_said(tillgate: TypeCommand) -> None:
    assert "make demo" in faults(tillgate, environ={})["stack"][1]


def test_a_stack_that_was_stopped_is_started_again(
    server: FakeTillgate, tillgate: TypeCommand, stack_file: Path
) -> None:
    livez = "/_aws/execute-api/abc/livez"
    server.fail("GET", livez, httpx.ConnectError("[Errno 111] Connection refused"))

    found = faults(tillgate, exit_code=3, environ={}, folder=stack_file.parent)

    assert found.keys() == {"address"}
    assert LOCAL_URL in found["address"][0]
    assert found["address"][1] == "make demo"


def test_an_address_that_is_not_tillgates_is_said(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", "/livez", "<html>", status=404, headers={"Content-Type": "text/html"})

    detail, next_step = faults(tillgate)["address"]

    assert f"{URL}/livez answered 404 with text/html" in detail
    assert "TILLGATE_URL" in next_step


@pytest.mark.parametrize(
    ("name", "checks", "words"),
    [
        ("database", {"database": {"ok": False, "latency_ms": 800}}, "does not answer"),
        (
            "migrations",
            {"migrations": {"ok": False, "current": 3, "expected": 4}},
            "at 3, and the code expects 4",
        ),
        ("secrets", {"secrets": {"ok": False}}, "cannot be read"),
        ("queue", {"queue": {"ok": False}}, "queue does not answer"),
    ],
)
def test_each_failing_start_up_check_is_explained(
    well: FakeTillgate, tillgate: TypeCommand, name: str, checks: dict[str, Any], words: str
) -> None:
    well.answer("GET", "/startupz", startup(**checks), status=503)

    detail, next_step = faults(tillgate)[name]

    assert words in detail
    assert next_step


def test_with_the_database_down_the_schema_is_not_blamed(
    well: FakeTillgate, tillgate: TypeCommand
) -> None:
    checks = {
        "database": {"ok": False, "latency_ms": 800},
        "migrations": {"ok": False, "current": None, "expected": 4},
    }
    well.answer("GET", "/startupz", startup(**checks), status=503)

    assert faults(tillgate).keys() == {"database"}


def test_a_schema_ahead_of_the_code_is_well_after_a_rollback(
    well: FakeTillgate, tillgate: TypeCommand
) -> None:
    ahead = {"migrations": {"ok": True, "current": 5, "expected": 4}}
    well.answer("GET", "/startupz", startup(**ahead))

    assert faults(tillgate, exit_code=0) == {}


def test_a_start_up_check_that_this_version_does_not_know_still_counts(
    well: FakeTillgate, tillgate: TypeCommand
) -> None:
    well.answer("GET", "/startupz", startup(moon={"ok": False}), status=503)

    assert faults(tillgate).keys() == {"moon"}


def test_not_ready_is_said_even_if_no_check_says_why(
    well: FakeTillgate, tillgate: TypeCommand
) -> None:
    well.answer("GET", "/startupz", startup(), status=503)

    assert faults(tillgate).keys() == {"startup"}


@pytest.mark.parametrize("refusal", [401, 403])
def test_a_refused_token_is_told_from_a_sick_platform(
    well: FakeTillgate, tillgate: TypeCommand, refusal: int
) -> None:
    problem = {"type": "unauthenticated", "title": "A valid token is needed", "status": refusal}
    well.answer("GET", STATUS, problem, status=refusal)

    found = faults(tillgate)

    assert found.keys() == {"token"}
    assert "TILLGATE_OPERATOR_TOKEN" in found["token"][1]


@pytest.mark.usefixtures("well")
def test_a_missing_token_leaves_the_rest_looked_at(tillgate: TypeCommand) -> None:
    found = faults(tillgate, environ={"TILLGATE_URL": URL})

    assert found.keys() == {"token"}


def test_a_status_that_fails_is_said_with_the_rid(
    well: FakeTillgate, tillgate: TypeCommand
) -> None:
    problem = {"type": "internal", "title": "Internal server error", "status": 500, "rid": "rid-5"}
    well.answer("GET", STATUS, problem, status=500)

    assert "rid-5" in faults(tillgate)["status"][0]


def test_a_database_that_only_the_operators_role_misses_is_said_once(
    well: FakeTillgate, tillgate: TypeCommand
) -> None:
    down = {"ok": False, "latency_ms": 800}
    well.answer("GET", STATUS, status(database=down, partitions={"days_ahead": None}))

    assert faults(tillgate).keys() == {"admin api"}


@pytest.mark.parametrize("days_ahead", [-1, 0, 6])
def test_partitions_that_run_out_within_a_week_are_said(
    well: FakeTillgate, tillgate: TypeCommand, days_ahead: int
) -> None:
    well.answer("GET", STATUS, status(partitions={"days_ahead": days_ahead}))

    assert "sweep" in faults(tillgate)["partitions"][1]


def test_seven_days_of_partitions_are_enough(well: FakeTillgate, tillgate: TypeCommand) -> None:
    well.answer("GET", STATUS, status(partitions={"days_ahead": 7}))

    assert faults(tillgate, exit_code=0) == {}


@pytest.mark.parametrize(
    "key_ring", [{"kids": [], "current": None}, {"kids": ["a"], "current": "b"}]
)
def test_a_key_ring_without_its_current_key_is_said(
    well: FakeTillgate, tillgate: TypeCommand, key_ring: dict[str, Any]
) -> None:
    well.answer("GET", STATUS, status(key_ring=key_ring))

    assert faults(tillgate).keys() == {"key ring"}


@pytest.mark.parametrize("path", ["/livez", STATUS])
def test_another_version_is_said(well: FakeTillgate, tillgate: TypeCommand, path: str) -> None:
    answer = {"status": "ok", "version": "9.9.9"} if path == "/livez" else status(version="9.9.9")
    well.answer("GET", path, answer)

    detail, _ = faults(tillgate)["version"]

    assert f"This command is {__version__}, the server 9.9.9." in detail


def test_a_build_mark_is_no_other_version(well: FakeTillgate, tillgate: TypeCommand) -> None:
    well.answer("GET", "/livez", {"status": "ok", "version": f"{__version__}+abc123"})

    assert faults(tillgate, exit_code=0) == {}


@pytest.mark.parametrize(
    ("tenants", "words", "next_step"),
    [
        ([], "no tenant", "tillgate tenant create SLUG --name NAME"),
        ([TENANT | {"state": "suspended"}], "suspended", "tillgate tenant resume demo"),
        ([TENANT], "has a source or a token", "tillgate source add demo PROVIDER"),
    ],
)
def test_a_platform_to_which_nobody_can_send_is_said(
    well: FakeTillgate,
    tillgate: TypeCommand,
    tenants: list[dict[str, str]],
    words: str,
    next_step: str,
) -> None:
    well.answer("GET", "/admin/api/tenants", {"tenants": tenants})
    well.answer("GET", SOURCES, {"sources": []})
    well.answer("GET", TOKENS, {"tokens": [{"revoked_at": "2026-11-01T08:00:00Z"}]})

    found = faults(tillgate)

    assert words in found["senders"][0]
    assert found["senders"][1] == next_step


def test_a_token_that_lives_is_enough_to_send(well: FakeTillgate, tillgate: TypeCommand) -> None:
    well.answer("GET", SOURCES, {"sources": []})
    well.answer("GET", TOKENS, {"tokens": [{"revoked_at": None}]})

    assert faults(tillgate, exit_code=0) == {}


def test_a_stack_file_that_others_may_read_is_said(tillgate: TypeCommand, stack_file: Path) -> None:
    stack_file.chmod(0o644)

    found = faults(tillgate, environ={}, folder=stack_file.parent)

    assert found["stack"][1] == f"chmod 600 {stack_file}"


def test_people_are_told_where_to_begin(well: FakeTillgate, tillgate: TypeCommand) -> None:
    well.answer("GET", "/startupz", startup(secrets={"ok": False}), status=503)

    result = tillgate("doctor")

    assert result.exit_code == 1
    assert "1 thing is wrong. Begin with: npx cdk deploy --all" in result.stderr
    assert "next: npx cdk deploy --all" in result.stdout


@pytest.mark.parametrize(
    ("counts", "name", "words", "next_step"),
    [
        (
            {"dead_letters": 1},
            "dead letters",
            "1 delivery was given up",
            "tillgate deadletter plan",
        ),
        ({"dead_letters": 12}, "dead letters", "12 deliveries", "tillgate deadletter plan"),
        (
            {"dead_letters": 10_000},
            "dead letters",
            "10000 deliveries or more were given up",
            "tillgate deadletter plan",
        ),
        ({"open_breakers": 2}, "destinations", "2 breakers are open", "tillgate destination show"),
    ],
)
def test_what_waits_for_a_person_is_a_warning_and_no_fault(
    well: FakeTillgate,
    tillgate: TypeCommand,
    counts: dict[str, int],
    name: str,
    words: str,
    next_step: str,
) -> None:
    well.answer("GET", STATUS, status(**counts))

    found = faults(tillgate, exit_code=0)
    said = tillgate("doctor")

    assert found.keys() == {name}
    assert words in found[name][0]
    assert next_step in found[name][1]
    assert "All is well" not in said.stderr
    assert f"1 thing to look at. Begin with: {next_step}" in said.stderr
    assert "warn" in said.stdout


def test_a_server_that_does_not_count_dead_letters_yet_is_not_blamed(
    well: FakeTillgate, tillgate: TypeCommand
) -> None:
    older = {
        name: value
        for name, value in status().items()
        if name not in {"dead_letters", "open_breakers"}
    }
    well.answer("GET", STATUS, older)

    assert faults(tillgate, exit_code=0) == {}


def test_old_secrets_of_the_platform_are_something_to_look_at(
    well: FakeTillgate, tillgate: TypeCommand
) -> None:
    well.answer("GET", "/admin/api/keys", {"secrets": [], "warnings": ["The ring is old."]})

    found = faults(tillgate, exit_code=0)
    assert found == {"key ages": ("The ring is old.", "tillgate key list, then runbooks/rotate.md")}


@pytest.mark.parametrize(
    ("ages", "words"),
    [((3, 89, None), "the oldest secret is 89 days"), ((None,), "not noted yet")],
)
def test_secrets_that_are_young_enough_are_well(
    well: FakeTillgate, tillgate: TypeCommand, ages: tuple[int | None, ...], words: str
) -> None:
    secrets = [{"age_days": age} for age in ages]
    well.answer("GET", "/admin/api/keys", {"secrets": secrets, "warnings": []})

    assert words in tillgate("doctor").stdout
    assert faults(tillgate, exit_code=0) == {}


def test_secrets_of_which_nothing_can_be_told_are_said(
    well: FakeTillgate, tillgate: TypeCommand
) -> None:
    well.answer("GET", "/admin/api/keys", "{}", status=500)

    assert "key ages" in faults(tillgate)


@pytest.mark.parametrize(
    ("old", "in_use", "state", "said"),
    [
        (0, 0, "ok", "no secret or token"),
        (2, 0, "warn", "2 secrets and tokens are"),
        (2, 1, "warn", "1 vendor still signs"),
    ],
)
def test_what_is_to_be_rotated_is_a_warning(
    well: FakeTillgate, tillgate: TypeCommand, old: int, in_use: int, state: str, said: str
) -> None:
    well.answer("GET", STATUS, status(old_secrets=old, previous_secrets_in_use=in_use))
    result = tillgate("doctor", "-o", "json")
    [finding] = [c for c in json.loads(result.stdout)["checks"] if c["name"] == "rotation"]
    assert (finding["state"], result.exit_code) == (state, 0)
    assert said in finding["detail"]
